// Weights in the products' order, made anew in every step, and gradients back in the files' order.
#include <string.h>

#include "../include/nr_training.h"

static size_t width_of(size_t left, int32_t panel) {
    if (left >= (size_t)panel) return (size_t)panel;
    return left >= 16 ? 16 : 8;
}

void nr_panels(int32_t panel, const float *values, ptrdiff_t row, size_t rows, size_t columns, float *target) {
    const size_t padded = (columns + 7) / 8 * 8;
    for (size_t first = 0, width = 0; first < padded; first += width) {
        width = width_of(padded - first, panel);
        const size_t held = columns - first < width ? columns - first : width;
        const float *source = values + first;
        if (held == 32)
            for (size_t r = 0; r < rows; r++, source += row, target += 32) memcpy(target, source, 32 * sizeof(float));
        else if (held == 16)
            for (size_t r = 0; r < rows; r++, source += row, target += width) memcpy(target, source, 16 * sizeof(float));
        else if (held == 8)
            for (size_t r = 0; r < rows; r++, source += row, target += width) memcpy(target, source, 8 * sizeof(float));
        else
            for (size_t r = 0; r < rows; r++, source += row, target += width) {
                for (size_t n = 0; n < held; n++) target[n] = source[n];
                for (size_t n = held; n < width; n++) target[n] = 0;
            }
    }
}

void nr_panels_transposed(int32_t panel, const float *values, ptrdiff_t row, size_t depth, size_t columns, float *target) {
    enum { AT_ONCE = 16 };
    const size_t padded = (columns + 7) / 8 * 8;
    for (size_t first = 0, width = 0; first < padded; first += width) {
        width = width_of(padded - first, panel);
        // A few values of every column at a time: their cache lines are read whole.
        for (size_t begin = 0; begin < depth; begin += AT_ONCE) {
            const size_t end = begin + AT_ONCE < depth ? begin + AT_ONCE : depth;
            for (size_t n = 0; n < width; n++) {
                if (first + n >= columns) {
                    for (size_t k = begin; k < end; k++) target[k * width + n] = 0;
                    continue;
                }
                const float *source = values + (ptrdiff_t)(first + n) * row;
                for (size_t k = begin; k < end; k++) target[k * width + n] = source[k];
            }
        }
        target += width * depth;
    }
}

void nr_gather(float *target, const float *source, ptrdiff_t source_row, size_t rows, size_t columns, int transposed) {
    if (!transposed) {
        for (size_t r = 0; r < rows; r++, target += columns, source += source_row)
            for (size_t c = 0; c < columns; c++) target[c] += source[c];
        return;
    }
    enum { AT_ONCE = 16 };
    for (size_t begin = 0; begin < columns; begin += AT_ONCE) {
        const size_t end = begin + AT_ONCE < columns ? begin + AT_ONCE : columns;
        for (size_t r = 0; r < rows; r++)
            for (size_t c = begin; c < end; c++) target[r * columns + c] += source[(ptrdiff_t)c * source_row + (ptrdiff_t)r];
    }
}
