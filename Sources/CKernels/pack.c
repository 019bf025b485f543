// Packs matrices for the kernels.
#include "include/nr_kernels.h"

#include "bf16.h"

static size_t words_deep(const nr_kernels *kernels, size_t depth) {
    return kernels->element == NR_BF16 ? (depth + 1) / 2 : depth;
}

size_t nr_packed_words(const nr_kernels *kernels, size_t columns, size_t depth) {
    return (columns + 7) / 8 * 8 * words_deep(kernels, depth);
}

// Where value k of column n lies in a panel `width` columns wide, values stored `pair` to a word.
static size_t place(size_t n, size_t k, size_t width, size_t pair) { return (k / pair * width + n) * pair + k % pair; }

static void pack(
    const nr_kernels *kernels, const float *matrix, const float *scale, void *target, size_t columns, size_t depth,
    int as_floats) {
    const size_t padded = (columns + 7) / 8 * 8;
    const size_t pair = kernels->element == NR_BF16 ? 2 : 1;
    const size_t deep = words_deep(kernels, depth) * pair;
    for (size_t first = 0, width = 0; first < padded; first += width) {
        const size_t left = padded - first;
        width = (size_t)kernels->panel;
        if (width > left) width = left >= 16 ? 16 : 8;
        for (size_t n = 0; n < width; n++) {
            const size_t column = first + n;
            const float *values = matrix + column * depth;
            for (size_t k = 0; k < deep; k++) {
                const float value = column < columns && k < depth ? values[k] * scale[column] : 0;
                const size_t at = first * deep + place(n, k, width, pair);
                if (pair == 1 || as_floats) ((float *)target)[at] = value;
                else ((uint16_t *)target)[at] = bf16_round(value);
            }
        }
    }
}

void nr_pack(
    const nr_kernels *kernels, const float *matrix, const float *scale, void *target, size_t columns, size_t depth) {
    pack(kernels, matrix, scale, target, columns, depth, 0);
}

void nr_pack_floats(
    const nr_kernels *kernels, const float *matrix, const float *scale, float *target, size_t columns, size_t depth) {
    pack(kernels, matrix, scale, target, columns, depth, 1);
}

void nr_pack_row(
    const nr_kernels *kernels, const float *matrix, const float *scale, void *target, size_t columns, size_t depth) {
    const size_t padded = (columns + 7) / 8 * 8;
    for (size_t first = 0, width = 0; first < padded; first += width) {
        const size_t left = padded - first;
        width = (size_t)kernels->panel;
        if (width > left) width = left >= 16 ? 16 : 8;
        for (size_t k = 0; k < depth; k++)
            for (size_t n = 0; n < width; n++) {
                const size_t column = first + n, at = first * depth + k * width + n;
                const float value = column < columns ? matrix[column * depth + k] * scale[column] : 0;
                if (kernels->element == NR_BF16) ((uint16_t *)target)[at] = bf16_round(value);
                else ((float *)target)[at] = value;
            }
    }
}

void nr_rounding_errors(const float *matrix, const float *scale, float *target, size_t columns, size_t depth) {
    for (size_t n = 0; n < columns; n++)
        for (size_t k = 0; k < depth; k++) {
            const float value = matrix[n * depth + k] * scale[n];
            target[n * depth + k] = value - bf16_widen(bf16_round(value));
        }
}

void nr_stem_row_bf16(const float *row, uint32_t *pairs, uint32_t *lone, size_t words) {
    for (size_t x = 0; x < words; x++)
        pairs[x] = bf16_round(row[2 * x]) | (uint32_t)bf16_round(row[2 * x + 1]) << 16;
    for (size_t x = 0; x + 1 < words; x++) lone[x] = pairs[x + 1] & 0xffffu;
    if (words > 0) lone[words - 1] = bf16_round(row[2 * words]);
}
