// The same for training's kernels: see kernels.c.
#include <stdio.h>
#include <string.h>

#include "buffers.h"
#include "nr_kernels.h"
#include "nr_training.h"

static const int activations[] = {NR_LINEAR, NR_SWISH, NR_RELU, NR_RELU6};

// A map that ends with its last value, with gaps between its pixels and lines.
static nr_map map(nr_extent e) {
    nr_map m = {.pixel = e.channels + 4 * (int)next(3)};
    m.line = e.pixels * m.pixel + 4 * (int)next(3);
    m.values = floats((size_t)((e.lines - 1) * m.line + (e.pixels - 1) * m.pixel + e.channels));
    return m;
}

static double *sums(int channels) {
    double *p = take(sizeof(double) * (size_t)channels);
    memset(p, 0, sizeof(double) * (size_t)channels);
    return p;
}

static nr_extent extent(void) {
    return (nr_extent){1 + (int)next(5), 1 + (int)next(20), 8 * (1 + (int)next(12))};
}

static nr_norm norm(int channels) {
    return (nr_norm){floats(channels), floats(channels), floats(channels), activations[next(4)]};
}

static void rows(const nr_training *k) {
    const nr_extent e = extent();
    const nr_norm n = norm(e.channels);
    const nr_map z = map(e), gradient = map(e);
    nr_apply a = {.norm = n, .z = z, .target = map(e), .gate = next(2) ? floats(e.channels) : NULL, .keep = 1, .extent = e};
    if (next(2)) a.residual = map(e);
    k->apply(&a);
    k->moments(z, e, 7, sums(e.channels), sums(e.channels));
    k->sums(&n, z, e, sums(e.channels));
    k->products(z, gradient, e, sums(e.channels));
    nr_slope s = {.norm = n, .z = z, .gate = next(2) ? floats(e.channels) : NULL,
                  .shift = next(2) ? floats(e.channels) : NULL, .keep = 1, .sums = sums(e.channels),
                  .products = sums(e.channels), .extent = e};
    if (next(2)) s.gradient = gradient;
    if (next(2)) s.target = map(e);
    s.streams = (int)next(2);
    k->slope(&s);
    const nr_norm_gradient g = {.mean = floats(e.channels), .a = floats(e.channels), .b = floats(e.channels),
                                .c = floats(e.channels), .keep = 1, .gradient = gradient, .z = z, .target = map(e),
                                .extent = e};
    k->norm_gradient(&g);
    k->add(map(e), z, e);
    k->copy(map(e), z, e, (int)next(2));
}

static void depthwise(const nr_training *k) {
    const nr_extent e = extent();
    const int kernel = 3 + 2 * (int)next(2), stride = 1 + (int)next(2), taps = kernel * kernel;
    const nr_extent around = {(e.lines - 1) * stride + kernel, (e.pixels - 1) * stride + kernel, e.channels};
    const nr_map input = map(around), output = map(e);
    float *weights = floats((size_t)taps * e.channels);
    const int turned = (int)next(2), step = turned ? -e.channels : e.channels;
    const nr_correlation c = {
        .input = input.values, .input_pixel = input.pixel, .input_line = input.line,
        .taps = turned ? weights + (taps - 1) * e.channels : weights, .taps_pixel = step, .taps_line = kernel * step,
        .output = output.values, .output_pixel = output.pixel, .output_line = output.line, .extent = e,
        .kernel_lines = kernel, .kernel_pixels = kernel, .stride = stride};
    k->correlate(&c);
    const nr_tap_gradient g = {
        .input = input.values, .input_pixel = input.pixel, .input_line = input.line, .gradient = output.values,
        .gradient_pixel = output.pixel, .gradient_line = output.line, .taps = weights, .taps_step = e.channels,
        .extent = e, .kernel = kernel, .stride = stride};
    k->tap_gradient(&g);
}

static void rules(const nr_training *k) {
    const size_t n = 1 + next(200);
    const nr_adam a = {.weights = floats(n), .first = floats(n), .second = floats(n), .gradient = floats(n), .count = n,
                       .rate = 1, .beta1 = 0.9f, .beta2 = 0.9f, .epsilon = 1, .correction1 = 1, .root_correction2 = 1,
                       .scale = 1};
    k->adam(&a);
    const nr_momentum m = {.weights = floats(n), .velocity = floats(n), .gradient = floats(n), .count = n, .scale = 1};
    k->momentum(&m);
    k->blend(floats(n), floats(n), 0.5f, n);
    k->squares(floats(n), n);
}

static void matrices(void) {
    const size_t rows = 1 + next(40), columns = 1 + next(90), padded = (columns + 7) / 8 * 8;
    const int panel = 8 << next(3);
    float *target = take(4 * rows * padded);
    nr_panels(panel, floats(rows * columns), (ptrdiff_t)columns, rows, columns, target);
    nr_panels_transposed(panel, floats(rows * columns), (ptrdiff_t)rows, rows, columns, target);
    nr_gather(floats(rows * columns), floats(rows * columns), (ptrdiff_t)columns, rows, columns, 0);
    nr_gather(floats(rows * columns), floats(rows * columns), (ptrdiff_t)rows, rows, columns, 1);
}

int main(int argc, char **argv) {
    const int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    const nr_training *tables[] = {nr_training_portable(), nr_training_avx2(), nr_training_avx512()};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        const nr_training *k = tables[t];
        if (!k) continue;
        for (int round = 0; round < rounds; round++) {
            at_end = round % 2 == 0;
            rows(k);
            give_back();
            depthwise(k);
            give_back();
            rules(k);
            give_back();
            matrices();
            give_back();
        }
        printf("training, %s: %d rounds inside their buffers\n", k->name, rounds);
    }
    return 0;
}
