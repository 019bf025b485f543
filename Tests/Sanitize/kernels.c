// Runs every kernel of every table this machine has on random shapes, each buffer against a page that may not be touched: after
// its end in one round, before its beginning in the next. AddressSanitizer sees what the compiler's own code reads and
// writes; the pages also see what the kernels' assembly does. Ends with a signal where a kernel leaves its buffers.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "buffers.h"
#include "nr_kernels.h"

// A map of n values of the table's element.
static void *map(const nr_kernels *k, size_t n) {
    if (k->element == NR_F32) return floats(n);
    unsigned short *p = take(n * 2);
    for (size_t i = 0; i < n; i++) {
        const float v = value();
        unsigned bits;
        memcpy(&bits, &v, 4);
        p[i] = (unsigned short)(bits >> 16);
    }
    return p;
}

static size_t words(const nr_kernels *k, size_t n) { return k->element == NR_F32 ? n : n / 2; }

static void *pack(const nr_kernels *k, size_t columns, size_t depth) {
    void *packed = take(4 * nr_packed_words(k, columns, depth));
    nr_pack(k, floats(columns * depth), floats(columns), packed, columns, depth);
    return packed;
}

static void gemm(const nr_kernels *k) {
    const int rows = 1 + (int)next(45), columns = 8 * (1 + (int)next(12)), depth = 2 * (1 + (int)next(40));
    nr_gemm g = {.a = map(k, (size_t)rows * depth), .a_row = (ptrdiff_t)words(k, depth), .c_row = columns,
                 .weights = pack(k, columns, depth), .bias = floats(columns), .rows = rows, .columns = columns,
                 .depth = (int)words(k, depth), .activation = next(3) ? (int)next(2) : NR_RELU6};
    g.c_element = next(2) ? k->element : NR_F32;
    const size_t size = (size_t)rows * columns * (g.c_element == NR_F32 ? 4 : 2);
    g.c = take(size);
    if (next(2)) g.residual = take(size);
    k->gemm(&g);
}

static void scaling(const nr_kernels *k) {
    const size_t rows = 1 + next(9), columns = 8 * (1 + next(12)), depth = 2 * (1 + next(40));
    nr_scaling s = {.target = take(4 * nr_packed_words(k, columns, depth)), .weights = floats(columns * depth),
                    .scale = floats(depth), .averages = next(2) ? floats(depth) : NULL, .bias = floats(columns),
                    .corrected = floats(columns), .residual_averages = floats(columns),
                    .product_averages = floats(columns), .depth = words(k, depth), .columns = columns};
    k->scale_inputs(&s);
    k->scale_columns(map(k, rows * depth), floats(depth), rows, depth);
    k->average(floats(depth), floats(rows * depth), rows, depth);
    k->widen(floats(depth), map(k, depth), depth);
}

static void expand_depthwise(const nr_kernels *k) {
    const int stride = 1 + (int)next(2), kernel = 3 + 2 * (int)next(2), expands = (int)next(3) > 0;
    const int height = 1 + (int)next(20), width = 1 + (int)next(30), inputs = 8 * (1 + (int)next(6));
    const int channels = expands ? 8 * (1 + (int)next(10)) : inputs;
    const int out_height = (height + stride - 1) / stride, out_width = (width + stride - 1) / stride;
    nr_expand_depthwise e = {
        .input = map(k, (size_t)height * width * inputs), .weights = floats((size_t)kernel * kernel * channels),
        .bias = floats(channels), .output = map(k, (size_t)out_height * out_width * channels),
        .sums = floats(channels), .height = height, .width = width, .inputs = inputs, .channels = channels,
        .kernel = kernel, .stride = stride, .top = (int)next(kernel / 2 + 1), .left = (int)next(kernel / 2 + 1),
        .output_height = out_height, .output_width = out_width, .band_rows = 1 + (int)next(out_height),
        .activation = next(2) ? NR_SWISH : NR_RELU6, .streams = (int)next(2)};
    if (expands) {
        e.expand_weights = pack(k, channels, inputs);
        e.expand_bias = floats(channels);
    }
    e.band = floats(nr_band_floats(&e));
    e.offsets = take(4 * nr_band_offsets(&e));
    nr_run_expand_depthwise(k, &e);
}

static void row(const nr_kernels *k) {
    const size_t columns = 8 * (1 + next(12)), depth = 1 + next(80);
    void *packed = take(columns * depth * (k->element == NR_F32 ? 4 : 2));
    nr_pack_row(k, floats(columns * depth), floats(columns), packed, columns, depth);
    nr_gemm g = {.a = floats(depth), .weights = packed, .bias = floats(columns), .c = floats(columns), .rows = 1,
                 .columns = (int)columns, .depth = (int)depth, .activation = (int)next(5)};
    k->row(&g);
}

// The stem's planes and taps, as the network lays them out, for a map of height × width: the number of words of a pixel's taps.
static int stem(const nr_kernels *k, int height, int width, const void **planes, int32_t **steps, ptrdiff_t *pixel, ptrdiff_t *row) {
    const int pairs = k->element == NR_BF16, across = pairs ? 2 : 3;
    const int line = pairs ? 2 * width : 2 * width + 1;
    *planes = floats((size_t)3 * (2 * height + 1) * line);
    *steps = take(sizeof(int32_t) * 9 * across);
    for (int i = 0; i < 9; i++)
        for (int x = 0; x < across; x++)
            (*steps)[i * across + x] = (i / 3 * (2 * height + 1) + i % 3) * line + x * (pairs ? width : 1);
    *pixel = pairs ? 1 : 2;
    *row = 2 * line;
    return 9 * across;
}

static void convolution(const nr_kernels *k) {
    const int stride = 1 + (int)next(2), kernel = 3 + 2 * (int)next(2), projects = (int)next(2);
    const int height = 1 + (int)next(14), width = 1 + (int)next(33), inputs = 8 * (1 + (int)next(5));
    const int adds = stride == 1 && next(2), channels = adds && !projects ? inputs : 8 * (1 + (int)next(9));
    const int outputs = adds ? inputs : projects ? 8 * (1 + (int)next(9)) : channels;
    const int out_height = (height + stride - 1) / stride, out_width = (width + stride - 1) / stride;
    nr_convolution c = {
        .input = map(k, (size_t)height * width * inputs), .weights = pack(k, channels, (size_t)kernel * kernel * inputs),
        .bias = floats(channels), .output = map(k, (size_t)out_height * out_width * outputs), .height = height,
        .width = width, .inputs = inputs, .channels = channels, .outputs = outputs, .kernel = kernel, .stride = stride,
        .top = adds ? kernel / 2 : (int)next(kernel / 2 + 1), .left = adds ? kernel / 2 : (int)next(kernel / 2 + 1),
        .output_height = out_height, .output_width = out_width, .band_rows = 1 + (int)next(out_height),
        .activation = next(2) ? NR_SWISH : NR_RELU6, .adds_input = adds};
    if (projects) {
        c.project_weights = pack(k, outputs, channels);
        c.project_bias = floats(outputs);
    }
    if (next(3) == 0) {
        int32_t *steps;
        c.stem_words = stem(k, height, width, &c.input, &steps, &c.stem_pixel, &c.stem_row);
        c.stem_steps = steps;
        c.stem_weights = pack(k, inputs, (size_t)c.stem_words * (k->element == NR_BF16 ? 2 : 1));
        c.stem_bias = floats(inputs);
    }
    c.band = take(4 * nr_convolution_band(k, &c));
    c.expanded = take(4 * nr_convolution_expanded(k, &c));
    nr_run_convolution(k, &c);
}

static void stem_row(void) {
    const size_t words = 1 + next(40);
    nr_stem_row_bf16(floats(2 * words + 1), take(4 * words), take(4 * words), words);
}

int main(int argc, char **argv) {
    const int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    const nr_kernels *tables[] = {
        nr_kernels_portable(), nr_kernels_portable_bf16(), nr_kernels_avx2(), nr_kernels_avx512(),
        nr_kernels_avx512_bf16()};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        const nr_kernels *k = tables[t];
        if (!k) continue;
        for (int round = 0; round < rounds; round++) {
            at_end = round % 2 == 0;
            gemm(k);
            give_back();
            scaling(k);
            give_back();
            expand_depthwise(k);
            give_back();
            convolution(k);
            give_back();
            row(k);
            give_back();
            stem_row();
            give_back();
        }
        printf("%s %s: %d rounds inside their buffers\n", k->name, k->element == NR_BF16 ? "bf16" : "f32", rounds);
    }
    return 0;
}
