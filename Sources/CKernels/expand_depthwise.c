// Expansion and depthwise convolution of an MBConv block, band by band.
#include <string.h>

#include "bands.h"
#include "include/nr_kernels.h"

static int band_width(const nr_expand_depthwise *e) {
    return bordered_width(e->output_width, e->stride, e->kernel, e->left, e->width);
}

static int band_height(const nr_expand_depthwise *e) { return rows_seen(e->band_rows, e->stride, e->kernel); }

size_t nr_band_floats(const nr_expand_depthwise *e) {
    return (size_t)band_height(e) * (size_t)band_width(e) * NR_GROUP;
}

size_t nr_band_offsets(const nr_expand_depthwise *e) { return (size_t)band_height(e) * (size_t)e->width; }

// Fills rows begin…end of the bordered map, which all are rows of the map itself, into the band, whose row 0 is the bordered map's
// row `origin`.
static void fill(
    const nr_kernels *kernels, const nr_expand_depthwise *e, int group, int channels, int begin, int end, int origin) {
    if (begin == end) return;
    const ptrdiff_t row = (ptrdiff_t)band_width(e) * NR_GROUP;
    const ptrdiff_t element = kernels->element == NR_BF16 ? 2 : 4;
    const char *source = (const char *)e->input + (ptrdiff_t)(begin - e->top) * e->width * e->inputs * element;
    float *target = e->band + (begin - origin) * row + (ptrdiff_t)e->left * NR_GROUP;
    if (e->stem_steps) {
        const ptrdiff_t words = e->inputs * element / 4;
        const nr_gemm g = {
            .a = (const uint32_t *)e->input + (begin - e->top) * e->stem_row, .a_row = e->stem_pixel,
            .a_steps = e->stem_steps, .weights = (const uint32_t *)e->expand_weights + group * words,
            .bias = e->expand_bias + group, .c = target, .c_row = NR_GROUP, .rows = e->width, .columns = channels,
            .depth = (int)words, .activation = e->activation, .c_element = NR_F32, .lines = end - begin,
            .a_line = e->stem_row, .c_line = row};
        kernels->gemm(&g);
    } else if (e->expand_weights) {
        const ptrdiff_t words = e->inputs * element / 4;
        const nr_gemm g = {
            .a = source, .a_row = words, .weights = (const uint32_t *)e->expand_weights + group * words,
            .bias = e->expand_bias + group, .c = target, .c_offsets = e->offsets, .rows = (end - begin) * e->width,
            .columns = channels, .depth = (int)words, .activation = e->activation, .c_element = NR_F32};
        kernels->gemm(&g);
    } else {
        for (int y = begin; y < end; y++, target += row)
            for (int x = 0; x < e->width; x++, source += e->inputs * element)
                kernels->widen(target + (ptrdiff_t)x * NR_GROUP, source + group * element, (size_t)channels);
    }
}

void nr_run_expand_depthwise(const nr_kernels *kernels, const nr_expand_depthwise *e) {
    const int width = band_width(e);
    const ptrdiff_t row = (ptrdiff_t)width * NR_GROUP;
    const int height = band_height(e);
    const ptrdiff_t element = kernels->element == NR_BF16 ? 2 : 4;
    const int streams = e->streams && e->channels % 16 == 0 && (uintptr_t)e->output % 64 == 0;
    // Columns of zeros left and right are written once: nothing else ever is stored there.
    memset(e->band, 0, sizeof(float) * nr_band_floats(e));
    for (int y = 0, i = 0; y < height; y++)
        for (int x = 0; x < e->width; x++) e->offsets[i++] = (int32_t)(y * row + (ptrdiff_t)x * NR_GROUP);
    memset(e->sums, 0, sizeof(float) * (size_t)e->channels);

    for (int group = 0; group < e->channels; group += NR_GROUP) {
        const int channels = e->channels - group < NR_GROUP ? e->channels - group : NR_GROUP;
        bands moving = {.memory = (char *)e->band, .row = sizeof(float) * (size_t)row, .top = e->top, .height = e->height};
        for (int y = 0; y < e->output_height; y += e->band_rows) {
            const int rows = e->output_height - y < e->band_rows ? e->output_height - y : e->band_rows;
            const rows_of_map wanted = move_on(&moving, y * e->stride, rows_seen(rows, e->stride, e->kernel));
            fill(kernels, e, group, channels, wanted.begin, wanted.end, y * e->stride);
            const nr_depthwise d = {
                .input = e->band, .input_pixel = NR_GROUP, .input_row = row, .weights = e->weights + group,
                .weights_tap = e->channels, .bias = e->bias + group,
                .output = (char *)e->output + ((ptrdiff_t)y * e->output_width * e->channels + group) * element,
                .output_pixel = e->channels, .output_row = (ptrdiff_t)e->output_width * e->channels,
                .sums = e->sums + group, .rows = rows, .columns = e->output_width, .channels = channels,
                .kernel = e->kernel, .stride = e->stride, .activation = e->activation, .streams = streams};
            kernels->depthwise(&d);
        }
    }
}
