// The separable resize. Mostly every source row is read once: converted, narrowed to the outputs' columns, and added to the
// few output rows it contributes to. No picture of an intermediate size is ever held.
#include "resize.h"

#include <string.h>

#include "resize_clones.h"
#include "resize_lanes.h"
#include "resize_steps_template.h"

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

// Colour pictures of 8 bits, the most common ones, whose step of three bytes needs shuffles that compilers do not find.
#define CONVERT_RGB(c)                                                                            \
    {                                                                                             \
        size_t i = 0;                                                                             \
        for (; i + 8 <= count; i += 8) {                                                          \
            nr_ints8 lanes;                                                                       \
            NR_COLOUR_OF_EIGHT(row + 3 * i, c, lanes)                                             \
            nr_floats8 value = (__builtin_convertvector(lanes, nr_floats8) - low) * scale;        \
            value = __builtin_elementwise_min(__builtin_elementwise_max(value, (nr_floats8){0}), (nr_floats8){0} + 1); \
            *(nr_floats8_loose *)(out + (c) * plane + i) = base + turn * value;                   \
        }                                                                                         \
        for (; i < count; i++) {                                                                  \
            float value = ((float)row[3 * i + (c)] - low) * scale;                                \
            value = value > 0 ? value : 0;                                                        \
            out[(c) * plane + i] = base + turn * (value < 1 ? value : 1);                         \
        }                                                                                         \
    }

static inline __attribute__((always_inline)) void convert_rgb8(const nr_intensity *picture, const uint8_t *row, size_t count,
                                                               float *out, size_t plane) {
    const float low = (float)picture->low, scale = (float)picture->scale;
    const float base = picture->inverted ? 1.0f : 0.0f, turn = picture->inverted ? -1.0f : 1.0f;
    CONVERT_RGB(0)
    CONVERT_RGB(1)
    CONVERT_RGB(2)
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
    case 1:
        if (picture->channels == 3 && picture->colours == 3) convert_rgb8(picture, (const uint8_t *)row + at, count, out, plane);
        else convert_u8(picture, (const uint8_t *)row + at, count, out, plane);
        break;
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
    for (uint32_t x = 0; x < across->outputs; x += 8) {
        nr_floats8 sums;
        NR_EIGHT_SUMS(nr_floats8, line, across, across->weights, x, sums)
        memcpy(narrow + x, &sums, (across->outputs - x < 8 ? across->outputs - x : 8) * sizeof *narrow);
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
                NR_ADD_WEIGHTED(nr_floats8, to, weight, narrow, across->outputs)
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
                NR_ADD_WEIGHTED(nr_floats8, to, weight, from, across->count)
            }
        }
        for (uint32_t colour = 0; colour < picture->colours; colour++) {
            clamp(sum + colour * line_plane, across->count);
            narrow_row(across, sum + colour * line_plane, out + colour * plane + y * row);
        }
    }
}

static inline __attribute__((always_inline)) void resize_floats(const nr_intensity *picture, const void *samples, size_t row_bytes, const nr_axis *across,
                                                                  const nr_axis *down, int columns_first, float *line, float *narrow,
                                                                  float *out, size_t row, size_t plane) {
    const size_t line_plane = (size_t)across->count + across->taps;
    float *sum = line + picture->colours * line_plane;
    // What the zero weights after a last tap multiply must be numbers.
    for (uint32_t colour = 0; colour < 2 * picture->colours; colour++)
        memset(line + colour * line_plane + across->count, 0, across->taps * sizeof(float));
    if (columns_first) sum_columns(picture, samples, row_bytes, across, down, line, sum, out, row, plane);
    else sum_rows(picture, samples, row_bytes, across, down, line, narrow, out, row, plane);
}

// The same loops for every machine and for those with AVX2: functions of their own, so that a test can run either.
#define PARAMETERS                                                                                                      \
    const nr_intensity *picture, const void *samples, size_t row_bytes, const nr_axis *across, const nr_axis *down,     \
        int columns_first, float *line, float *narrow, float *out, size_t row, size_t plane
#define ARGUMENTS picture, samples, row_bytes, across, down, columns_first, line, narrow, out, row, plane

static void resize_floats_plain(PARAMETERS) { resize_floats(ARGUMENTS); }
static void resize_steps_plain(PARAMETERS) { resize_steps(ARGUMENTS); }
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v3"))) static void resize_floats_wide(PARAMETERS) { resize_floats(ARGUMENTS); }
__attribute__((target("arch=x86-64-v3"))) static void resize_steps_wide(PARAMETERS) { resize_steps(ARGUMENTS); }
static int has_wide(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
#define resize_floats_wide resize_floats_plain
#define resize_steps_wide resize_steps_plain
static int has_wide(void) { return 0; }
#endif

static _Atomic int plain_alone;

int nr_resize_plainly(int plainly) {
    plain_alone = plainly;
    return has_wide();
}

void nr_resize(PARAMETERS) {
    const int wide = !plain_alone && has_wide();
    if (picture->in_steps) (wide ? resize_steps_wide : resize_steps_plain)(ARGUMENTS);
    else (wide ? resize_floats_wide : resize_floats_plain)(ARGUMENTS);
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
