// What stored samples mean, where that is more than a straight line: lookup tables, sigmoid windows, palettes.
#ifndef NR_TONE_CURVE_H
#define NR_TONE_CURVE_H
#include <stddef.h>
#include <stdint.h>

// Entry i stands for the value first + i; values before and after take the first and the last entry, fractions are cut off.
typedef struct {
    const uint16_t *entries;
    uint32_t count;  // 0: there is no table
    int32_t first;
    uint32_t bits;   // entries over 2^bits - 1 count as that
} nr_table;

enum nr_curve_kind { NR_CURVE_LINE = 0, NR_CURVE_SIGMOID = 1, NR_CURVE_TABLE = 2 };

// stored sample → modality value (`modality`, or slope and intercept) → intensity in 0…1. NaN counts as the smallest value.
typedef struct {
    double slope, intercept;
    nr_table modality;
    uint32_t kind;          // nr_curve_kind
    double black, white;    // line: these modality values become 0 and 1; where they are equal, what is above is 1
    double center, width;   // sigmoid: 1 / (1 + exp(-4 (x - center) / width))
    nr_table voi;           // table: entry / (2^bits - 1)
} nr_curve;

// The intensity of one stored sample.
double nr_curve_value(const nr_curve *curve, double stored);

// out[i] = the intensity of the i-th pattern of a stored sample of type `sample` (nr_intensity: one of 8 or 16 bits), for all
// 256 or 65,536 of them.
void nr_curve_tabulate(const nr_curve *curve, uint32_t sample, float *out);

// The same for a palette's colour: entry / (2^bits - 1).
void nr_palette_tabulate(const nr_table *palette, uint32_t sample, float *out);

// Counts which entries of the table `pixels` pixels have: bins[entry], 65,536 of them. `channels` and `colours` as in nr_intensity.
// NaN and infinities are left out. Returns how many were counted.
uint64_t nr_table_histogram(const nr_table *table, uint32_t sample, uint32_t channels, uint32_t colours, const void *samples,
                            uint64_t pixels, uint64_t bins[65536]);

// A stored sample of type `sample` at `at`, which may have any alignment.
double nr_stored_value(uint32_t sample, const void *at);

#endif
