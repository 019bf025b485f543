// Depthwise convolutions and the gradients of their taps, LANES channels at a time. Included after rows_template.h with TRAIN, and
// TRAIN_COLUMNS (outputs of a row held in registers, 4 to 7) and TRAIN_TAP_ROWS (rows of a 5×5 kernel whose sums fit the registers).

static inline __attribute__((always_inline)) void TRAIN_NAME(correlate_tile)(
    const nr_correlation *p, const float *input, const float *taps, float *output, const int lines, const int pixels,
    const int stride, const int columns) {
    vec acc[TRAIN_COLUMNS];
#pragma clang loop unroll(full)
    for (int t = 0; t < columns; t++) acc[t] = (vec){0};
#pragma clang loop unroll(disable)
    for (int ky = 0; ky < lines; ky++) {
        vec w[5];
#pragma clang loop unroll(full)
        for (int kx = 0; kx < pixels; kx++) w[kx] = TRAIN_NAME(load)(taps + kx * p->taps_pixel);
        const float *from = input;
#pragma clang loop unroll(full)
        for (int i = 0; i < (columns - 1) * stride + pixels; i++) {
            const vec in = TRAIN_NAME(load)(from);
#pragma clang loop unroll(full)
            for (int t = 0; t < columns; t++) {
                const int kx = i - t * stride;
                if (kx >= 0 && kx < pixels) acc[t] += in * w[kx];
            }
            from += p->input_pixel;
        }
        input += p->input_line;
        taps += p->taps_line;
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < columns; t++) TRAIN_NAME(store)(output + t * p->output_pixel, acc[t]);
}

// The number of lines is no constant: sizes that differ in it alone share their code.
static inline __attribute__((always_inline)) void TRAIN_NAME(correlate_as)(
    const nr_correlation *p, int begin, int end, const int pixels, const int stride) {
    const int lines = p->kernel_lines;
    for (int c = begin; c < end; c += LANES)
        for (int y = 0; y < p->extent.lines; y++) {
            const float *input = p->input + c + y * stride * p->input_line, *taps = p->taps + c;
            float *output = p->output + c + y * p->output_line;
            // As few tiles as there can be, all nearly alike.
            int left = (p->extent.pixels + TRAIN_COLUMNS - 1) / TRAIN_COLUMNS;
            for (int x = 0; x < p->extent.pixels; left--) {
                const int size = (p->extent.pixels - x + left - 1) / left;
                const float *from = input + x * stride * p->input_pixel;
                float *to = output + x * p->output_pixel;
                switch (size) {
#if TRAIN_COLUMNS > 4
                case 7: TRAIN_NAME(correlate_tile)(p, from, taps, to, lines, pixels, stride, 7); break;
                case 6: TRAIN_NAME(correlate_tile)(p, from, taps, to, lines, pixels, stride, 6); break;
                case 5: TRAIN_NAME(correlate_tile)(p, from, taps, to, lines, pixels, stride, 5); break;
#endif
                case 4: TRAIN_NAME(correlate_tile)(p, from, taps, to, lines, pixels, stride, 4); break;
                case 3: TRAIN_NAME(correlate_tile)(p, from, taps, to, lines, pixels, stride, 3); break;
                case 2: TRAIN_NAME(correlate_tile)(p, from, taps, to, lines, pixels, stride, 2); break;
                default: TRAIN_NAME(correlate_tile)(p, from, taps, to, lines, pixels, stride, 1); break;
                }
                x += size;
            }
        }
}

static void TRAIN_NAME(correlate)(const nr_correlation *p, int begin, int end) {
    switch (p->kernel_pixels) {
    case 1: TRAIN_NAME(correlate_as)(p, begin, end, 1, 1); break;
    case 2: TRAIN_NAME(correlate_as)(p, begin, end, 2, 1); break;
    case 3:
        if (p->stride == 1) TRAIN_NAME(correlate_as)(p, begin, end, 3, 1);
        else TRAIN_NAME(correlate_as)(p, begin, end, 3, 2);
        break;
    default:
        if (p->stride == 1) TRAIN_NAME(correlate_as)(p, begin, end, 5, 1);
        else TRAIN_NAME(correlate_as)(p, begin, end, 5, 2);
    }
}

// The sums of `rows` rows of the kernel, from row `first` on, stay in registers while all pixels pass.
static inline __attribute__((always_inline)) void TRAIN_NAME(tap_rows)(
    const nr_tap_gradient *p, int c, int first, const int kernel, const int rows) {
    vec acc[5 * 5];
#pragma clang loop unroll(full)
    for (int k = 0; k < rows * kernel; k++) acc[k] = (vec){0};
    for (int y = 0; y < p->extent.lines; y++) {
        const float *gradient = p->gradient + c + y * p->gradient_line;
        const float *input = p->input + c + (y * p->stride + first) * p->input_line;
        const ptrdiff_t step = p->stride * p->input_pixel;
        for (int x = 0; x < p->extent.pixels; x++) {
            const vec g = TRAIN_NAME(load)(gradient);
#pragma clang loop unroll(full)
            for (int ky = 0; ky < rows; ky++)
#pragma clang loop unroll(full)
                for (int kx = 0; kx < kernel; kx++)
                    acc[ky * kernel + kx] += g * TRAIN_NAME(load)(input + ky * p->input_line + kx * p->input_pixel);
            gradient += p->gradient_pixel;
            input += step;
        }
    }
    float *taps = p->taps + c + first * kernel * p->taps_step;
#pragma clang loop unroll(full)
    for (int k = 0; k < rows * kernel; k++)
        TRAIN_NAME(store)(taps + k * p->taps_step, TRAIN_NAME(load)(taps + k * p->taps_step) + acc[k]);
}

static void TRAIN_NAME(tap_gradient)(const nr_tap_gradient *p, int begin, int end) {
    for (int c = begin; c < end; c += LANES) {
        if (p->kernel == 3) TRAIN_NAME(tap_rows)(p, c, 0, 3, 3);
        else
            for (int first = 0; first < 5; first += TRAIN_TAP_ROWS) TRAIN_NAME(tap_rows)(p, c, first, 5, TRAIN_TAP_ROWS);
    }
}
