// Convolutions of whole maps and fused MBConv blocks, band by band.
#include <string.h>

#include "bands.h"
#include "include/nr_kernels.h"

static int band_width(const nr_convolution *c) {
    return bordered_width(c->output_width, c->stride, c->kernel, c->left, c->width);
}

static size_t words(const nr_kernels *kernels, size_t count) {
    return kernels->element == NR_BF16 ? (count + 1) / 2 : count;
}

size_t nr_convolution_band(const nr_kernels *kernels, const nr_convolution *c) {
    const size_t height = (size_t)rows_seen(c->band_rows, c->stride, c->kernel);
    return words(kernels, height * (size_t)band_width(c) * (size_t)c->inputs);
}

size_t nr_convolution_expanded(const nr_kernels *kernels, const nr_convolution *c) {
    if (!c->project_weights) return 0;
    return words(kernels, (size_t)c->band_rows * (size_t)c->output_width * (size_t)c->channels);
}

// Fills rows of the map into the band, whose row 0 is the bordered map's row `origin`; row: elements of the band's row.
static void fill(const nr_kernels *kernels, const nr_convolution *c, rows_of_map rows, int origin, ptrdiff_t row) {
    if (rows.begin == rows.end) return;
    const ptrdiff_t element = kernels->element == NR_BF16 ? 2 : 4;
    char *target = (char *)c->band + ((rows.begin - origin) * row + (ptrdiff_t)c->left * c->inputs) * element;
    if (c->stem_steps) {
        const nr_gemm g = {
            .a = (const uint32_t *)c->input + (rows.begin - c->top) * c->stem_row, .a_row = c->stem_pixel,
            .a_steps = c->stem_steps, .weights = c->stem_weights, .bias = c->stem_bias, .c = target, .c_row = c->inputs,
            .rows = c->width, .columns = c->inputs, .depth = c->stem_words, .activation = c->activation,
            .c_element = kernels->element, .lines = rows.end - rows.begin, .a_line = c->stem_row, .c_line = row};
        kernels->gemm(&g);
        return;
    }
    const size_t bytes = (size_t)c->width * (size_t)c->inputs * (size_t)element;
    const char *source = (const char *)c->input + (size_t)(rows.begin - c->top) * bytes;
    for (int y = rows.begin; y < rows.end; y++, source += bytes, target += row * element) memcpy(target, source, bytes);
}

void nr_run_convolution(const nr_kernels *kernels, const nr_convolution *c) {
    const ptrdiff_t element = kernels->element == NR_BF16 ? 2 : 4;
    const ptrdiff_t row = (ptrdiff_t)band_width(c) * c->inputs;  // elements
    // Columns of zeros left and right are written once: nothing else ever is stored there.
    memset(c->band, 0, sizeof(float) * nr_convolution_band(kernels, c));
    bands moving = {.memory = c->band, .row = (size_t)(row * element), .top = c->top, .height = c->height};
    for (int y = 0; y < c->output_height; y += c->band_rows) {
        const int rows = c->output_height - y < c->band_rows ? c->output_height - y : c->band_rows;
        const int origin = y * c->stride;
        fill(kernels, c, move_on(&moving, origin, rows_seen(rows, c->stride, c->kernel)), origin, row);

        void *output = (char *)c->output + (ptrdiff_t)y * c->output_width * c->outputs * element;
        // With a stride of 1 the input of output row y, column x lies `top` rows and `left` columns into the band.
        const void *residual =
            c->adds_input ? (char *)c->band + (c->top * row + (ptrdiff_t)c->left * c->inputs) * element : NULL;
        nr_gemm g = {
            .a = c->band, .a_row = c->stride * c->inputs * element / 4, .a_run = c->kernel * c->inputs * (int)element / 4,
            .a_skip = (row - (ptrdiff_t)c->kernel * c->inputs) * element / 4, .weights = c->weights, .bias = c->bias,
            .rows = c->output_width, .columns = c->channels,
            .depth = c->kernel * c->kernel * c->inputs * (int)element / 4, .activation = c->activation,
            .c_row = c->channels, .c_element = kernels->element, .lines = rows, .a_line = c->stride * row * element / 4,
            .c_line = (ptrdiff_t)c->output_width * c->channels};
        if (!c->project_weights) {
            g.c = output;
            g.residual = residual;
            g.residual_line = row;
            kernels->gemm(&g);
            continue;
        }
        g.c = c->expanded;
        kernels->gemm(&g);
        const nr_gemm project = {
            .a = c->expanded, .a_row = c->channels * element / 4, .weights = c->project_weights, .bias = c->project_bias,
            .c = output, .c_row = c->outputs, .residual = residual, .rows = c->output_width, .columns = c->outputs,
            .depth = c->channels * (int)element / 4, .activation = NR_LINEAR, .c_element = kernels->element,
            .lines = rows, .a_line = c->output_width * c->channels * element / 4,
            .c_line = (ptrdiff_t)c->output_width * c->outputs, .residual_line = row};
        kernels->gemm(&project);
    }
}
