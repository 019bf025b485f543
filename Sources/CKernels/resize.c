// The separable resize. Mostly every source row is read once: converted, narrowed to the outputs' columns, and added to the
// few output rows it contributes to. No picture of an intermediate size is ever held.
#include "resize.h"

#include <string.h>

#include "resize_clones.h"
#include "resize_steps.h"

// Unaligned loads cost nothing, and nothing is promised about where a picture starts.
typedef uint16_t __attribute__((aligned(1))) loose_u16;
typedef uint32_t __attribute__((aligned(1))) loose_u32;
typedef int16_t __attribute__((aligned(1))) loose_i16;
typedef int32_t __attribute__((aligned(1))) loose_i32;
typedef float __attribute__((aligned(1))) loose_f32;
typedef double __attribute__((aligned(1))) loose_f64;

// One stored row's pixels from `start` on to planes of intensities, `plane` floats apart. Types of up to 16 bits are exact in float
// arithmetic, the others need double for (sample - low). A literal step lets the compiler shuffle instead of loading one by one.
#define CONVERT_COLOUR(real, step)                                  \
    for (size_t i = 0; i < count; i++) {                            \
        real value = ((real)row[i * (step) + colour] - low) * scale; \
        value = value > 0 ? value : 0;                              \
        value = value < 1 ? value : 1;                              \
        out[i] = base + turn * (float)value;                        \
    }
#define CONVERT_ROW(name, type, real)                                                                                  \
    static inline __attribute__((always_inline)) void name(const nr_intensity *picture, const type *row, size_t count, \
                                                           float *out, size_t plane) {                                 \
        const real low = (real)picture->low, scale = (real)picture->scale;                                             \
        const float base = picture->inverted ? 1.0f : 0.0f, turn = picture->inverted ? -1.0f : 1.0f;                   \
        for (uint32_t colour = 0; colour < picture->colours; colour++, out += plane) {                                 \
            if (picture->channels == 1) {                                                                              \
                CONVERT_COLOUR(real, 1)                                                                                \
            } else if (picture->channels == 3) {                                                                       \
                CONVERT_COLOUR(real, 3)                                                                                \
            } else {                                                                                                   \
                CONVERT_COLOUR(real, picture->channels)                                                                \
            }                                                                                                          \
        }                                                                                                              \
    }

CONVERT_ROW(convert_u8, uint8_t, float)
CONVERT_ROW(convert_u16, loose_u16, float)
CONVERT_ROW(convert_u32, loose_u32, double)
CONVERT_ROW(convert_i8, int8_t, float)
CONVERT_ROW(convert_i16, loose_i16, float)
CONVERT_ROW(convert_i32, loose_i32, double)
CONVERT_ROW(convert_f32, loose_f32, double)
CONVERT_ROW(convert_f64, loose_f64, double)

// One stored row's pixels through the table of all patterns of a sample.
#define LOOK_UP_ROW(name, type)                                                                                        \
    static inline __attribute__((always_inline)) void name(const nr_intensity *picture, const type *row, size_t count, \
                                                           float *out, size_t plane) {                                 \
        const float base = picture->inverted ? 1.0f : 0.0f, turn = picture->inverted ? -1.0f : 1.0f;                   \
        const size_t step = picture->channels;                                                                         \
        for (uint32_t colour = 0; colour < picture->colours; colour++, out += plane) {                                 \
            const float *table = picture->table + colour * picture->table_step;                                        \
            const type *from = row + (picture->table_step ? 0 : colour);                                               \
            for (size_t i = 0; i < count; i++) out[i] = base + turn * table[from[i * step]];                           \
        }                                                                                                              \
    }

LOOK_UP_ROW(look_up_8, uint8_t)
LOOK_UP_ROW(look_up_16, loose_u16)

static void evaluate_row(const nr_intensity *picture, const uint8_t *row, size_t size, size_t count, float *out, size_t plane) {
    for (uint32_t colour = 0; colour < picture->colours; colour++, out += plane)
        for (size_t i = 0; i < count; i++) {
            double stored = nr_stored_value(picture->sample, row + (i * picture->channels + colour) * size);
            float value = (float)nr_curve_value(picture->curve, stored);
            out[i] = picture->inverted ? 1 - value : value;
        }
}

static inline __attribute__((always_inline)) void convert_row(const nr_intensity *picture, const void *row, size_t start,
                                                              size_t count, float *out, size_t plane) {
    static const uint8_t sizes[9] = {0, 1, 2, 4, 1, 2, 4, 4, 8};
    size_t at = start * picture->channels;
    if (picture->table != NULL) {
        if (sizes[picture->sample] == 1) look_up_8(picture, (const uint8_t *)row + at, count, out, plane);
        else look_up_16(picture, (const loose_u16 *)row + at, count, out, plane);
        return;
    }
    if (picture->curve != NULL) {
        size_t size = sizes[picture->sample];
        evaluate_row(picture, (const uint8_t *)row + at * size, size, count, out, plane);
        return;
    }
    switch (picture->sample) {
    case 1: convert_u8(picture, (const uint8_t *)row + at, count, out, plane); break;
    case 2: convert_u16(picture, (const loose_u16 *)row + at, count, out, plane); break;
    case 3: convert_u32(picture, (const loose_u32 *)row + at, count, out, plane); break;
    case 4: convert_i8(picture, (const int8_t *)row + at, count, out, plane); break;
    case 5: convert_i16(picture, (const loose_i16 *)row + at, count, out, plane); break;
    case 6: convert_i32(picture, (const loose_i32 *)row + at, count, out, plane); break;
    case 7: convert_f32(picture, (const loose_f32 *)row + at, count, out, plane); break;
    case 8: convert_f64(picture, (const loose_f64 *)row + at, count, out, plane); break;
    }
}

static inline __attribute__((always_inline)) void clamp(float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float value = values[i] > 0 ? values[i] : 0;
        values[i] = value < 1 ? value : 1;
    }
}

static inline __attribute__((always_inline)) void narrow_row(const nr_axis *across, const float *line, float *narrow) {
    const uint32_t taps = across->taps;
    for (uint32_t x = 0; x < across->outputs; x++) {
        const float *from = line + across->starts[x], *weights = across->weights + (size_t)x * taps;
        float lanes[8] = {0};  // independent sums, so that one vector register holds them
        for (uint32_t k = 0; k < taps; k += 8)
            for (uint32_t lane = 0; lane < 8; lane++) lanes[lane] += from[k + lane] * weights[k + lane];
        narrow[x] = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    }
}

static inline __attribute__((always_inline)) void sum_rows(const nr_intensity *picture, const void *samples, size_t row_bytes,
                                                             const nr_axis *across, const nr_axis *down, float *line, float *narrow,
                                                             float *out, size_t row, size_t plane) {
    const size_t line_plane = (size_t)across->count + across->taps;
    for (uint32_t colour = 0; colour < picture->colours; colour++)
        for (uint32_t y = 0; y < down->outputs; y++)
            memset(out + colour * plane + y * row, 0, across->outputs * sizeof(float));
    uint32_t oldest = 0;  // starts and ends both ascend, so the outputs that a row contributes to are neighbours
    for (uint64_t y = 0; y < down->count; y++) {
        const uint8_t *stored = (const uint8_t *)samples + (down->first + y) * row_bytes;
        convert_row(picture, stored, across->first, across->count, line, line_plane);
        while (oldest < down->outputs && down->starts[oldest] + down->lengths[oldest] <= y) oldest++;
        for (uint32_t colour = 0; colour < picture->colours; colour++) {
            narrow_row(across, line + colour * line_plane, narrow);
            clamp(narrow, across->outputs);
            for (uint32_t output = oldest; output < down->outputs && down->starts[output] <= y; output++) {
                if (y - down->starts[output] >= down->lengths[output]) continue;
                const float weight = down->weights[(size_t)output * down->taps + (y - down->starts[output])];
                float *to = out + colour * plane + output * row;
                for (uint32_t x = 0; x < across->outputs; x++) to[x] += weight * narrow[x];
            }
        }
    }
}

// Rows are converted again for each output they contribute to; only pictures that shrink far more in height come this way.
static inline __attribute__((always_inline)) void sum_columns(const nr_intensity *picture, const void *samples, size_t row_bytes,
                                                              const nr_axis *across, const nr_axis *down, float *line, float *sum,
                                                              float *out, size_t row, size_t plane) {
    const size_t line_plane = (size_t)across->count + across->taps;
    for (uint32_t y = 0; y < down->outputs; y++) {
        for (uint32_t colour = 0; colour < picture->colours; colour++)
            memset(sum + colour * line_plane, 0, across->count * sizeof(float));
        for (uint32_t k = 0; k < down->lengths[y]; k++) {
            const uint8_t *stored = (const uint8_t *)samples + (down->first + down->starts[y] + k) * row_bytes;
            convert_row(picture, stored, across->first, across->count, line, line_plane);
            const float weight = down->weights[(size_t)y * down->taps + k];
            for (uint32_t colour = 0; colour < picture->colours; colour++) {
                const float *from = line + colour * line_plane;
                float *to = sum + colour * line_plane;
                for (size_t x = 0; x < across->count; x++) to[x] += weight * from[x];
            }
        }
        for (uint32_t colour = 0; colour < picture->colours; colour++) {
            clamp(sum + colour * line_plane, across->count);
            narrow_row(across, sum + colour * line_plane, out + colour * plane + y * row);
        }
    }
}

NR_CLONES static void resize_floats(const nr_intensity *picture, const void *samples, size_t row_bytes, const nr_axis *across,
                                    const nr_axis *down, int columns_first, float *line, float *narrow, float *out, size_t row,
                                    size_t plane) {
    const size_t line_plane = (size_t)across->count + across->taps;
    float *sum = line + picture->colours * line_plane;
    // What the zero weights after a last tap multiply must be numbers.
    for (uint32_t colour = 0; colour < 2 * picture->colours; colour++)
        memset(line + colour * line_plane + across->count, 0, across->taps * sizeof(float));
    if (columns_first) sum_columns(picture, samples, row_bytes, across, down, line, sum, out, row, plane);
    else sum_rows(picture, samples, row_bytes, across, down, line, narrow, out, row, plane);
}

void nr_resize(const nr_intensity *picture, const void *samples, size_t row_bytes, const nr_axis *across, const nr_axis *down,
               int columns_first, float *line, float *narrow, float *out, size_t row, size_t plane) {
    if (picture->in_steps)
        nr_resize_steps(picture, samples, row_bytes, across, down, columns_first, line, narrow, out, row, plane);
    else
        resize_floats(picture, samples, row_bytes, across, down, columns_first, line, narrow, out, row, plane);
}

NR_CLONES void nr_normalise(const float *in, size_t count, float mean, float std, float *out) {
    for (size_t i = 0; i < count; i++) {
        float value = in[i] > 0 ? in[i] : 0;
        value = value < 1 ? value : 1;
        out[i] = (value - mean) / std;
    }
}

void nr_to_bytes(const float *in, size_t count, uint8_t *out, size_t step) {
    for (size_t i = 0; i < count; i++) {
        float value = in[i] > 0 ? in[i] : 0;
        value = value < 1 ? value : 1;
        out[i * step] = (uint8_t)(value * 255.0f + 0.5f);
    }
}
