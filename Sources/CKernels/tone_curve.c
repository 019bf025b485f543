#include "tone_curve.h"

#include <math.h>
#include <string.h>

#define LOAD(type)                    \
    {                                 \
        type value;                   \
        memcpy(&value, at, sizeof value); \
        return (double)value;         \
    }

double nr_stored_value(uint32_t sample, const void *at) {
    switch (sample) {
    case 1: LOAD(uint8_t)
    case 2: LOAD(uint16_t)
    case 3: LOAD(uint32_t)
    case 4: LOAD(int8_t)
    case 5: LOAD(int16_t)
    case 6: LOAD(int32_t)
    case 7: LOAD(float)
    default: LOAD(double)
    }
}

static size_t size_of(uint32_t sample) {
    static const uint8_t sizes[9] = {0, 1, 2, 4, 1, 2, 4, 4, 8};
    return sizes[sample];
}

// The table's entry for a value that is not NaN, whatever is in it.
static uint32_t entry(const nr_table *table, double value) {
    double place = value - table->first;
    uint32_t last = table->count - 1;
    uint32_t index = place < 1 ? 0 : place >= last ? last : (uint32_t)place;
    uint32_t full = (1u << table->bits) - 1, found = table->entries[index];
    return found < full ? found : full;
}

static double full(const nr_table *table) { return (double)((1u << table->bits) - 1); }

double nr_curve_value(const nr_curve *curve, double stored) {
    if (isnan(stored)) return 0;
    double value = curve->modality.count ? (double)entry(&curve->modality, stored) : stored * curve->slope + curve->intercept;
    if (isnan(value)) return 0;
    switch (curve->kind) {
    case NR_CURVE_SIGMOID: return 1 / (1 + exp(-4 * (value - curve->center) / curve->width));
    case NR_CURVE_TABLE: return entry(&curve->voi, value) / full(&curve->voi);
    default:
        if (!(curve->white > curve->black)) return value > curve->black ? 1 : 0;
        value = (value - curve->black) / (curve->white - curve->black);
        return value > 0 ? (value < 1 ? value : 1) : 0;
    }
}

// The value of the pattern `bits` of a type of 8 or 16 bits.
static double pattern(uint32_t sample, uint32_t bits) {
    uint8_t small = (uint8_t)bits;
    uint16_t large = (uint16_t)bits;
    return nr_stored_value(sample, size_of(sample) == 1 ? (const void *)&small : (const void *)&large);
}

void nr_curve_tabulate(const nr_curve *curve, uint32_t sample, float *out) {
    uint32_t patterns = size_of(sample) == 1 ? 256 : 65536;
    for (uint32_t bits = 0; bits < patterns; bits++) out[bits] = (float)nr_curve_value(curve, pattern(sample, bits));
}

void nr_palette_tabulate(const nr_table *palette, uint32_t sample, float *out) {
    uint32_t patterns = size_of(sample) == 1 ? 256 : 65536;
    for (uint32_t bits = 0; bits < patterns; bits++)
        out[bits] = (float)(entry(palette, pattern(sample, bits)) / full(palette));
}

uint64_t nr_table_histogram(const nr_table *table, uint32_t sample, uint32_t channels, uint32_t colours, const void *samples,
                            uint64_t pixels, uint64_t bins[65536]) {
    size_t size = size_of(sample);
    const uint8_t *at = samples;
    uint64_t counted = 0;
    memset(bins, 0, 65536 * sizeof *bins);
    for (uint64_t i = 0; i < pixels; i++, at += channels * size)
        for (uint32_t colour = 0; colour < colours; colour++) {
            double value = nr_stored_value(sample, at + colour * size);
            if (!isfinite(value)) continue;
            bins[entry(table, value)]++;
            counted++;
        }
    return counted;
}
