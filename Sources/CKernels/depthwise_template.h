// Depthwise convolution of LANES channels, COLUMNS outputs of a row at once in registers: every input vector is loaded
// once per kernel row. Included with DEPTHWISE (a suffix for the names), COLUMNS (4 to 7), the vector type,
// dw_element (what an output is), dw_store (rounds a vector to it) and, where there is one, dw_stream (the same, past the caches).

static inline __attribute__((always_inline)) vec DW_NAME(tile, DEPTHWISE)(
    const nr_depthwise *d, const float *input, const float *weights, dw_element *output, vec bias, const int kernel,
    const int stride, const int columns, const int activation) {
    vec acc[COLUMNS];
#ifdef dw_stream
    // Whole cache lines only: parts of them would go to memory one by one.
    const int streams = sizeof(vec) == 64 && d->streams;
#else
    const int streams = 0;
#endif
    if (!streams)
#pragma clang loop unroll(full)
        for (int t = 0; t < columns; t++) __builtin_prefetch(output + (t + columns) * d->output_pixel, 1);
#pragma clang loop unroll(full)
    for (int t = 0; t < columns; t++) acc[t] = bias;
#pragma clang loop unroll(disable)
    for (int ky = 0; ky < kernel; ky++) {
        vec w[5];
#pragma clang loop unroll(full)
        for (int kx = 0; kx < kernel; kx++) w[kx] = *(const vec_u *)(weights + kx * d->weights_tap);
        const float *p = input;
#pragma clang loop unroll(full)
        for (int i = 0; i < (columns - 1) * stride + kernel; i++) {
            const vec in = *(const vec_u *)p;
#pragma clang loop unroll(full)
            for (int t = 0; t < columns; t++) {
                const int kx = i - t * stride;
                if (kx >= 0 && kx < kernel) acc[t] += in * w[kx];
            }
            p += d->input_pixel;
        }
        input += d->input_row;
        weights += kernel * d->weights_tap;
    }
    vec sum = (vec){0};
#pragma clang loop unroll(full)
    for (int t = 0; t < columns; t++) {
        const vec y = activation == NR_RELU6 ? vec_relu6(acc[t]) : vec_swish(acc[t]);
#ifdef dw_stream
        if (streams) dw_stream(output + t * d->output_pixel, y);
        else
#endif
            dw_store(output + t * d->output_pixel, y);
        sum += y;
    }
    return sum;
}

static inline __attribute__((always_inline)) void DW_NAME(map, DEPTHWISE)(
    const nr_depthwise *d, int channel, const int kernel, const int stride, const int activation) {
    const vec bias = *(const vec_u *)(d->bias + channel);
    const float *weights = d->weights + channel;
    vec total = *(const vec_u *)(d->sums + channel);
    for (int y = 0; y < d->rows; y++) {
        const float *input = d->input + channel + y * stride * d->input_row;
        dw_element *output = (dw_element *)d->output + channel + y * d->output_row;
        const ptrdiff_t step = stride * d->input_pixel;
        vec sum = (vec){0};
        // As few tiles as there can be, all nearly alike: one of a single column costs as much as one of three.
        int left = (d->columns + COLUMNS - 1) / COLUMNS;
        for (int x = 0; x < d->columns; left--) {
            const int size = (d->columns - x + left - 1) / left;
            const float *from = input + x * step;
            dw_element *to = output + x * d->output_pixel;
            switch (size) {
#if COLUMNS > 4
            case 7: sum += DW_NAME(tile, DEPTHWISE)(d, from, weights, to, bias, kernel, stride, 7, activation); break;
            case 6: sum += DW_NAME(tile, DEPTHWISE)(d, from, weights, to, bias, kernel, stride, 6, activation); break;
            case 5: sum += DW_NAME(tile, DEPTHWISE)(d, from, weights, to, bias, kernel, stride, 5, activation); break;
#endif
            case 4: sum += DW_NAME(tile, DEPTHWISE)(d, from, weights, to, bias, kernel, stride, 4, activation); break;
            case 3: sum += DW_NAME(tile, DEPTHWISE)(d, from, weights, to, bias, kernel, stride, 3, activation); break;
            case 2: sum += DW_NAME(tile, DEPTHWISE)(d, from, weights, to, bias, kernel, stride, 2, activation); break;
            default: sum += DW_NAME(tile, DEPTHWISE)(d, from, weights, to, bias, kernel, stride, 1, activation); break;
            }
            x += size;
        }
        total += sum;
    }
    *(vec_u *)(d->sums + channel) = total;
}

#define DW_MAP(name, kernel, stride, activation)                            \
    static void DW_NAME(name, DEPTHWISE)(const nr_depthwise *d, int c) {    \
        DW_NAME(map, DEPTHWISE)(d, c, kernel, stride, activation);          \
    }
DW_MAP(swish_k3s1, 3, 1, NR_SWISH)
DW_MAP(swish_k3s2, 3, 2, NR_SWISH)
DW_MAP(swish_k5s1, 5, 1, NR_SWISH)
DW_MAP(swish_k5s2, 5, 2, NR_SWISH)
DW_MAP(relu6_k3s1, 3, 1, NR_RELU6)
DW_MAP(relu6_k3s2, 3, 2, NR_RELU6)
DW_MAP(relu6_k5s1, 5, 1, NR_RELU6)
DW_MAP(relu6_k5s2, 5, 2, NR_RELU6)

static void DW_NAME(run, DEPTHWISE)(const nr_depthwise *d, int channel) {
    static void (*const maps[2][2][2])(const nr_depthwise *, int) = {
        {{DW_NAME(swish_k3s1, DEPTHWISE), DW_NAME(swish_k3s2, DEPTHWISE)},
         {DW_NAME(swish_k5s1, DEPTHWISE), DW_NAME(swish_k5s2, DEPTHWISE)}},
        {{DW_NAME(relu6_k3s1, DEPTHWISE), DW_NAME(relu6_k3s2, DEPTHWISE)},
         {DW_NAME(relu6_k5s1, DEPTHWISE), DW_NAME(relu6_k5s2, DEPTHWISE)}}};
    maps[d->activation == NR_RELU6][d->kernel == 5][d->stride == 2](d, channel);
}

#undef DW_MAP
#undef DEPTHWISE
#undef COLUMNS
