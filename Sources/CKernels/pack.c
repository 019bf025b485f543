// Packs matrices for the kernels.
#include "include/nr_kernels.h"

static void pack_panel(
    const float *matrix, const float *scale, float *target, size_t width, size_t columns, size_t depth) {
    for (size_t n = 0; n < width; n++) {
        const float factor = n < columns ? scale[n] : 0;
        for (size_t k = 0; k < depth; k++) target[k * width + n] = n < columns ? matrix[n * depth + k] * factor : 0;
    }
}

void nr_pack(
    const nr_kernels *kernels, const float *matrix, const float *scale, float *target, size_t columns, size_t depth) {
    const size_t padded = (columns + 7) / 8 * 8;
    for (size_t n = 0; n < padded;) {
        const size_t left = padded - n;
        size_t width = (size_t)kernels->panel;
        if (width > left) width = left >= 16 ? 16 : 8;
        const size_t present = columns - n < width ? columns - n : width;
        pack_panel(matrix + n * depth, scale + n, target + n * depth, width, present, depth);
        n += width;
    }
}
