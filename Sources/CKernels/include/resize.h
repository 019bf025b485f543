// Samples to intensities in 0…1, and separable antialiased resize of them.
#ifndef NR_RESIZE_H
#define NR_RESIZE_H
#include <stddef.h>
#include <stdint.h>

#include "tone_curve.h"

// How the samples of a picture become intensities: clamp((sample - low) * scale, 0, 1), then 1 - that where inverted. A negative
// scale turns the order of samples. NaN counts as the smallest value. Where there is a table, or else a curve, it says the intensity instead.
typedef struct {
    uint32_t sample;    // 1 u8, 2 u16, 3 u32, 4 i8, 5 i16, 6 i32, 7 f32, 8 f64
    uint32_t channels;  // stored per pixel
    uint32_t colours;   // made of them: the first 1 or 3, or 3 of a palette's index
    uint32_t inverted;  // 0 or 1
    double low, scale;
    uint32_t in_steps;  // 1 for u8 samples of full range 0…255: resized in whole steps as Pillow does; 0: in floating point
    // Of samples of 8 and 16 bits: an intensity for each of their 256 or 65,536 patterns. In steps: of whole 1/255. NULL: none.
    const float *table;
    size_t table_step;      // from one colour's table to the next one's; with it, all colours are looked up from channel 0: a palette
    const nr_curve *curve;  // evaluated sample by sample; NULL: none
} nr_intensity;

// Finite samples among the colours of `pixels` pixels.
uint64_t nr_count_finite(const nr_intensity *picture, const void *samples, uint64_t pixels);

// Whether there is a finite sample at all; stops at the first.
int nr_has_finite(const nr_intensity *picture, const void *samples, uint64_t pixels);

// The finite samples at `ranks` (ascending, from 0, less than nr_count_finite) in ascending order, as `values`. Exact for every
// type: a radix descent over 65,536 bins, one pass for 8 and 16 bits, two and four for 32 and 64. `count` is at most 8.
void nr_order_statistics(const nr_intensity *picture, const void *samples, uint64_t pixels, const uint64_t *ranks,
                         uint32_t count, double *values, uint64_t bins[65536]);

// One axis of a resize, or a part of its outputs: output i is the sum over k < lengths[i] of
// weights[i * taps + k] * source[first + starts[i] + k].
typedef struct {
    uint32_t outputs;
    uint32_t taps;         // weights stored per output: a multiple of 8, zeros after the last
    uint64_t first, count; // the part of the source that is read
    const uint64_t *starts;
    const uint32_t *lengths;
    const float *weights;
    const int32_t *fixed_weights;  // the same in 1/2^22, rounded: what pictures in steps are resized with
} nr_axis;

// Resizes the rectangle that `across` and `down` describe, rows first and then columns, or columns first where `columns_first`,
// clamping to 0…1 in between as Pillow does. `row_bytes` from one stored row to the next. Output
// (channel c, row y, column x) goes to out[c * plane + y * row + x]; it is not clamped yet. `line` has room for
// 2 * colours * (across->count + across->taps) floats and `narrow` for across->outputs.
void nr_resize(const nr_intensity *picture, const void *samples, size_t row_bytes, const nr_axis *across, const nr_axis *down,
               int columns_first, float *line, float *narrow, float *out, size_t row, size_t plane);

// Has nr_resize keep to the loops that every machine can run, or (0) take those for its instruction set again. For tests: returns
// whether there are others here. Sums of floats may differ in their last bits.
int nr_resize_plainly(int plainly);

// out[i] = (clamp(in[i], 0, 1) - mean) / std; `in` and `out` may be the same.
void nr_normalise(const float *in, size_t count, float mean, float std, float *out);

// out[i * step] = clamp(in[i], 0, 1) as 0…255, to the nearest.
void nr_to_bytes(const float *in, size_t count, uint8_t *out, size_t step);

#endif
