// Pillow resizes 8-bit pictures in fixed point: weights in 1/2^22, sums rounded and clipped to 0…255 after each pass
// (ImagingResampleHorizontal_8bpc and Vertical_8bpc in its Resample.c). The published models were trained on what comes of that, so it
// is done here to the same bit. Included by resize.c, which compiles it for each instruction set. Sums fit 32 bits: 255 · 2^22 · the weights' absolute sum, under 1.6 for the bicubic filter.
#include <string.h>

#include "resize.h"
#include "resize_lanes.h"

// Floats' memory that holds integers for a while.
typedef int32_t __attribute__((may_alias)) fixed;

static inline __attribute__((always_inline)) int32_t round_steps(int32_t sum) {
    int32_t steps = (sum + (1 << 21)) >> 22;
    steps = steps > 0 ? steps : 0;
    return steps < 255 ? steps : 255;
}

// A palette's colours, whose table holds whole steps as intensities.
static void look_up_steps(const nr_intensity *picture, const uint8_t *row, size_t count, fixed *line, size_t plane) {
    for (uint32_t colour = 0; colour < picture->colours; colour++, line += plane) {
        const float *table = picture->table + colour * picture->table_step;
        for (size_t i = 0; i < count; i++) {
            uint16_t index = row[i];
            if (picture->sample == 2 || picture->sample == 5) memcpy(&index, row + 2 * i, 2);
            line[i] = (int32_t)(table[index] * 255 + 0.5f);
        }
    }
}

#define SPLIT_RGB(c)                                                            \
    {                                                                           \
        size_t i = 0;                                                           \
        for (; i + 8 <= count; i += 8) {                                        \
            nr_ints8 lanes;                                                     \
            NR_COLOUR_OF_EIGHT(row + 3 * i, c, lanes)                           \
            *(nr_ints8_loose *)(line + i) = base + turn * lanes;                \
        }                                                                       \
        for (; i < count; i++) line[i] = base + turn * row[3 * i + (c)];        \
    }

static inline __attribute__((always_inline)) void split_row(const nr_intensity *picture, const uint8_t *stored, size_t start, size_t count,
                                                            fixed *line, size_t plane) {
    if (picture->table != NULL) {
        const size_t size = picture->sample == 2 || picture->sample == 5 ? 2 : 1;
        look_up_steps(picture, stored + start * picture->channels * size, count, line, plane);
        return;
    }
    const uint8_t *row = stored + start * picture->channels;
    const int32_t base = picture->inverted ? 255 : 0, turn = picture->inverted ? -1 : 1;
    for (uint32_t colour = 0; colour < picture->colours; colour++, line += plane) {
        if (picture->channels == 1)
            for (size_t i = 0; i < count; i++) line[i] = base + turn * row[i];
        else if (picture->channels == 3 && colour == 0) SPLIT_RGB(0)
        else if (picture->channels == 3 && colour == 1) SPLIT_RGB(1)
        else if (picture->channels == 3) SPLIT_RGB(2)
        else
            for (size_t i = 0; i < count; i++) line[i] = base + turn * row[picture->channels * i + colour];
    }
}

static inline __attribute__((always_inline)) void narrow_steps(const nr_axis *across, const fixed *line, fixed *narrow) {
    for (uint32_t x = 0; x < across->outputs; x += 8) {
        nr_ints8 sums;
        NR_EIGHT_SUMS(nr_ints8, line, across, across->fixed_weights, x, sums)
        sums = (sums + (1 << 21)) >> 22;
        sums = __builtin_elementwise_min(__builtin_elementwise_max(sums, (nr_ints8){0}), (nr_ints8){0} + 255);
        memcpy(narrow + x, &sums, (across->outputs - x < 8 ? across->outputs - x : 8) * sizeof *narrow);
    }
}

static inline __attribute__((always_inline)) void rows_first(const nr_intensity *picture, const uint8_t *samples, size_t row_bytes,
                                                             const nr_axis *across, const nr_axis *down, fixed *line, fixed *narrow,
                                                             fixed *out, size_t row, size_t plane) {
    const size_t line_plane = (size_t)across->count + across->taps;
    for (uint32_t colour = 0; colour < picture->colours; colour++)
        for (uint32_t y = 0; y < down->outputs; y++) memset(out + colour * plane + y * row, 0, across->outputs * sizeof *out);
    uint32_t oldest = 0;  // starts and ends both ascend, so the outputs that a row contributes to are neighbours
    for (uint64_t y = 0; y < down->count; y++) {
        split_row(picture, samples + (down->first + y) * row_bytes, across->first, across->count, line, line_plane);
        while (oldest < down->outputs && down->starts[oldest] + down->lengths[oldest] <= y) oldest++;
        for (uint32_t colour = 0; colour < picture->colours; colour++) {
            narrow_steps(across, line + colour * line_plane, narrow);
            for (uint32_t output = oldest; output < down->outputs && down->starts[output] <= y; output++) {
                if (y - down->starts[output] >= down->lengths[output]) continue;
                const int32_t weight = down->fixed_weights[(size_t)output * down->taps + (y - down->starts[output])];
                fixed *to = out + colour * plane + output * row;
                NR_ADD_WEIGHTED(nr_ints8, to, weight, narrow, across->outputs)
            }
        }
    }
    for (uint32_t colour = 0; colour < picture->colours; colour++)
        for (uint32_t y = 0; y < down->outputs; y++) {
            fixed *steps = out + colour * plane + y * row;
            for (uint32_t x = 0; x < across->outputs; x++) steps[x] = round_steps(steps[x]);
        }
}

static inline __attribute__((always_inline)) void columns_then_rows(const nr_intensity *picture, const uint8_t *samples,
                                                                    size_t row_bytes, const nr_axis *across, const nr_axis *down,
                                                                    fixed *line, fixed *out, size_t row, size_t plane) {
    const size_t line_plane = (size_t)across->count + across->taps;
    fixed *sum = line + picture->colours * line_plane;
    for (uint32_t y = 0; y < down->outputs; y++) {
        for (uint32_t colour = 0; colour < picture->colours; colour++)
            memset(sum + colour * line_plane, 0, across->count * sizeof *sum);
        for (uint32_t k = 0; k < down->lengths[y]; k++) {
            const uint8_t *stored = samples + (down->first + down->starts[y] + k) * row_bytes;
            split_row(picture, stored, across->first, across->count, line, line_plane);
            const int32_t weight = down->fixed_weights[(size_t)y * down->taps + k];
            for (uint32_t colour = 0; colour < picture->colours; colour++) {
                const fixed *from = line + colour * line_plane;
                fixed *to = sum + colour * line_plane;
                NR_ADD_WEIGHTED(nr_ints8, to, weight, from, across->count)
            }
        }
        for (uint32_t colour = 0; colour < picture->colours; colour++) {
            fixed *sums = sum + colour * line_plane;
            for (size_t x = 0; x < across->count; x++) sums[x] = round_steps(sums[x]);
            narrow_steps(across, sums, out + colour * plane + y * row);
        }
    }
}

// nr_resize for u8 samples whose full range is 0…255, and palettes of 8-bit colours: both passes in 22-bit fixed point and rounded to whole
// steps. `memory`, `narrow` and `out` hold integers while it works, and `out` holds steps / 255 when it returns.
static inline __attribute__((always_inline)) void resize_steps(const nr_intensity *picture, const uint8_t *samples, size_t row_bytes,
                                                               const nr_axis *across, const nr_axis *down, int columns_first,
                                                               float *memory, float *narrow, float *out, size_t row, size_t plane) {
    const size_t line_plane = (size_t)across->count + across->taps;
    fixed *line = (fixed *)memory;
    // What the zero weights after a last tap multiply must not overflow.
    for (uint32_t colour = 0; colour < 2 * picture->colours; colour++)
        memset(line + colour * line_plane + across->count, 0, across->taps * sizeof *line);
    if (columns_first) columns_then_rows(picture, samples, row_bytes, across, down, line, (fixed *)out, row, plane);
    else rows_first(picture, samples, row_bytes, across, down, line, (fixed *)narrow, (fixed *)out, row, plane);
    for (uint32_t colour = 0; colour < picture->colours; colour++)
        for (uint32_t y = 0; y < down->outputs; y++) {
            float *to = out + colour * plane + y * row;
            const fixed *steps = (const fixed *)to;
            for (uint32_t x = 0; x < across->outputs; x++) to[x] = (float)steps[x] / 255.0f;
        }
}
