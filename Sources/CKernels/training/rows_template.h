// What training does value by value, with the sums that go with it, over channels begin…end of every pixel: written once for
// every vector width. Included with TRAIN (a suffix for the names), vec, vec_u, ivec, LANES and vec_denominator (1 + exp(−x)).
//
// Four pixels go together: their streams are read side by side, and sums go through memory once for four values.

#define PIXELS_AT_ONCE 4

static inline __attribute__((always_inline)) vec TRAIN_NAME(load)(const float *p) { return *(const vec_u *)p; }
static inline __attribute__((always_inline)) void TRAIN_NAME(store)(float *p, vec x) { *(vec_u *)p = x; }
static inline __attribute__((always_inline)) vec TRAIN_NAME(all)(float x) { return (vec){0} + x; }

static inline __attribute__((always_inline)) vec TRAIN_NAME(value)(vec y, const int activation) {
    switch (activation) {
    case NR_SWISH: return y / vec_denominator(y);
    case NR_RELU: return (vec)((ivec)y & ~(ivec)(y < 0.0f));
    case NR_RELU6: {
        const ivec over = (ivec)(y > 6.0f), under = (ivec)(y < 0.0f);
        return (vec)(((ivec)y & ~(over | under)) | ((ivec)TRAIN_NAME(all)(6.0f) & over));
    }
    default: return y;
    }
}

static inline __attribute__((always_inline)) vec TRAIN_NAME(derivative)(vec y, const int activation) {
    switch (activation) {
    case NR_SWISH: {
        const vec s = 1.0f / vec_denominator(y);
        return s + s * (y - y * s);
    }
    case NR_RELU: return (vec)((ivec)TRAIN_NAME(all)(1.0f) & (ivec)(y > 0.0f));
    case NR_RELU6: return (vec)((ivec)TRAIN_NAME(all)(1.0f) & (ivec)(y > 0.0f) & (ivec)(y < 6.0f));
    default: return TRAIN_NAME(all)(1.0f);
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(apply_pixels)(
    const nr_apply *p, const float *z, float *target, const float *residual, int begin, int end, const int activation,
    const int pixels) {
    for (int c = begin; c < end; c += LANES) {
        const vec mean = TRAIN_NAME(load)(p->norm.mean + c), scale = TRAIN_NAME(load)(p->norm.scale + c);
        const vec bias = TRAIN_NAME(load)(p->norm.bias + c);
        const vec factor = p->gate ? TRAIN_NAME(load)(p->gate + c) * p->keep : TRAIN_NAME(all)(p->keep);
        vec y[PIXELS_AT_ONCE];
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++)
            y[i] = TRAIN_NAME(value)(
                       (TRAIN_NAME(load)(z + i * p->z.pixel + c) - mean) * scale + bias, activation) * factor;
        if (residual)
#pragma clang loop unroll(full)
            for (int i = 0; i < pixels; i++) y[i] += TRAIN_NAME(load)(residual + i * p->residual.pixel + c);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) TRAIN_NAME(store)(target + i * p->target.pixel + c, y[i]);
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(apply_as)(
    const nr_apply *p, int begin, int end, const int activation) {
    for (int line = 0; line < p->extent.lines; line++) {
        const float *z = p->z.values + line * p->z.line;
        float *target = p->target.values + line * p->target.line;
        const float *residual = p->residual.values ? p->residual.values + line * p->residual.line : 0;
        int x = 0;
        for (; x + PIXELS_AT_ONCE <= p->extent.pixels; x += PIXELS_AT_ONCE) {
            TRAIN_NAME(apply_pixels)(p, z, target, residual, begin, end, activation, PIXELS_AT_ONCE);
            z += PIXELS_AT_ONCE * p->z.pixel;
            target += PIXELS_AT_ONCE * p->target.pixel;
            if (residual) residual += PIXELS_AT_ONCE * p->residual.pixel;
        }
        for (; x < p->extent.pixels; x++) {
            TRAIN_NAME(apply_pixels)(p, z, target, residual, begin, end, activation, 1);
            z += p->z.pixel;
            target += p->target.pixel;
            if (residual) residual += p->residual.pixel;
        }
    }
}

static void TRAIN_NAME(apply)(const nr_apply *p, int begin, int end) {
    switch (p->norm.activation) {
    case NR_SWISH: TRAIN_NAME(apply_as)(p, begin, end, NR_SWISH); break;
    case NR_RELU: TRAIN_NAME(apply_as)(p, begin, end, NR_RELU); break;
    case NR_RELU6: TRAIN_NAME(apply_as)(p, begin, end, NR_RELU6); break;
    default: TRAIN_NAME(apply_as)(p, begin, end, NR_LINEAR); break;
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(slope_pixels)(
    const nr_slope *p, const float *z, const float *gradient, float *target, float *sums, float *products, int begin,
    int end, const int activation, const int pixels) {
    for (int c = begin; c < end; c += LANES) {
        const vec mean = TRAIN_NAME(load)(p->norm.mean + c), scale = TRAIN_NAME(load)(p->norm.scale + c);
        const vec bias = TRAIN_NAME(load)(p->norm.bias + c);
        const vec factor = p->gate ? TRAIN_NAME(load)(p->gate + c) * p->keep : TRAIN_NAME(all)(p->keep);
        const vec shift = p->shift ? TRAIN_NAME(load)(p->shift + c) : (vec){0};
        vec sum = TRAIN_NAME(load)(sums + c - begin), product = TRAIN_NAME(load)(products + c - begin);
        vec d[PIXELS_AT_ONCE], t[PIXELS_AT_ONCE];
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) {
            d[i] = TRAIN_NAME(load)(z + i * p->z.pixel + c) - mean;
            t[i] = shift;
        }
        if (gradient)
#pragma clang loop unroll(full)
            for (int i = 0; i < pixels; i++)
                t[i] += TRAIN_NAME(load)(gradient + i * p->gradient.pixel + c) * factor;
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) t[i] *= TRAIN_NAME(derivative)(d[i] * scale + bias, activation);
        if (target)
#pragma clang loop unroll(full)
            for (int i = 0; i < pixels; i++) TRAIN_NAME(store)(target + i * p->target.pixel + c, t[i]);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) {
            sum += t[i];
            product += t[i] * d[i];
        }
        TRAIN_NAME(store)(sums + c - begin, sum);
        TRAIN_NAME(store)(products + c - begin, product);
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(slope_as)(
    const nr_slope *p, int begin, int end, const int activation) {
    float sums[CHANNELS_AT_ONCE] = {0}, products[CHANNELS_AT_ONCE] = {0};
    int held = 0;
    for (int line = 0; line < p->extent.lines; line++) {
        const float *z = p->z.values + line * p->z.line;
        const float *gradient = p->gradient.values ? p->gradient.values + line * p->gradient.line : 0;
        float *target = p->target.values ? p->target.values + line * p->target.line : 0;
        int x = 0;
        for (; x + PIXELS_AT_ONCE <= p->extent.pixels; x += PIXELS_AT_ONCE) {
            TRAIN_NAME(slope_pixels)(
                p, z, gradient, target, sums, products, begin, end, activation, PIXELS_AT_ONCE);
            z += PIXELS_AT_ONCE * p->z.pixel;
            if (gradient) gradient += PIXELS_AT_ONCE * p->gradient.pixel;
            if (target) target += PIXELS_AT_ONCE * p->target.pixel;
        }
        for (; x < p->extent.pixels; x++) {
            TRAIN_NAME(slope_pixels)(p, z, gradient, target, sums, products, begin, end, activation, 1);
            z += p->z.pixel;
            if (gradient) gradient += p->gradient.pixel;
            if (target) target += p->target.pixel;
        }
        held += p->extent.pixels;
        if (held >= FLOAT_SUMS || line + 1 == p->extent.lines) {
            flush(sums, p->sums + begin, end - begin);
            flush(products, p->products + begin, end - begin);
            held = 0;
        }
    }
}

static void TRAIN_NAME(slope)(const nr_slope *p, int begin, int end) {
    switch (p->norm.activation) {
    case NR_SWISH: TRAIN_NAME(slope_as)(p, begin, end, NR_SWISH); break;
    case NR_RELU: TRAIN_NAME(slope_as)(p, begin, end, NR_RELU); break;
    case NR_RELU6: TRAIN_NAME(slope_as)(p, begin, end, NR_RELU6); break;
    default: TRAIN_NAME(slope_as)(p, begin, end, NR_LINEAR); break;
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(norm_gradient_pixels)(
    const nr_norm_gradient *p, const float *gradient, const float *z, float *target, int begin, int end,
    const int pixels) {
    for (int c = begin; c < end; c += LANES) {
        const vec mean = TRAIN_NAME(load)(p->mean + c), a = TRAIN_NAME(load)(p->a + c) * p->keep;
        const vec b = TRAIN_NAME(load)(p->b + c), constant = TRAIN_NAME(load)(p->c + c);
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) {
            const vec d = TRAIN_NAME(load)(z + i * p->z.pixel + c) - mean;
            const vec g = TRAIN_NAME(load)(gradient + i * p->gradient.pixel + c);
            TRAIN_NAME(store)(target + i * p->target.pixel + c, a * g + (b * d + constant));
        }
    }
}

static void TRAIN_NAME(norm_gradient)(const nr_norm_gradient *p, int begin, int end) {
    for (int line = 0; line < p->extent.lines; line++) {
        const float *z = p->z.values + line * p->z.line, *gradient = p->gradient.values + line * p->gradient.line;
        float *target = p->target.values + line * p->target.line;
        int x = 0;
        for (; x + PIXELS_AT_ONCE <= p->extent.pixels; x += PIXELS_AT_ONCE) {
            TRAIN_NAME(norm_gradient_pixels)(p, gradient, z, target, begin, end, PIXELS_AT_ONCE);
            z += PIXELS_AT_ONCE * p->z.pixel;
            gradient += PIXELS_AT_ONCE * p->gradient.pixel;
            target += PIXELS_AT_ONCE * p->target.pixel;
        }
        for (; x < p->extent.pixels; x++) {
            TRAIN_NAME(norm_gradient_pixels)(p, gradient, z, target, begin, end, 1);
            z += p->z.pixel;
            gradient += p->gradient.pixel;
            target += p->target.pixel;
        }
    }
}

// sums += Σ a · b over the pixels, or Σ a where there is no b, or Σ (a − shift)² with a shift, or Σ activation(norm(a)).
enum TRAIN_NAME(summand) { TRAIN_NAME(PLAIN), TRAIN_NAME(PRODUCT), TRAIN_NAME(SQUARE), TRAIN_NAME(ACTIVATED) };

static inline __attribute__((always_inline)) void TRAIN_NAME(sum_pixels)(
    const float *a, ptrdiff_t a_pixel, const float *b, ptrdiff_t b_pixel, const float *shift, const nr_norm *norm,
    float *sums, int begin, int end, const enum TRAIN_NAME(summand) kind, const int activation, const int pixels) {
    for (int c = begin; c < end; c += LANES) {
        vec sum = TRAIN_NAME(load)(sums + c - begin), t[PIXELS_AT_ONCE];
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) {
            t[i] = TRAIN_NAME(load)(a + i * a_pixel + c);
            if (kind == TRAIN_NAME(PRODUCT)) t[i] *= TRAIN_NAME(load)(b + i * b_pixel + c);
            if (kind == TRAIN_NAME(SQUARE)) {
                t[i] -= TRAIN_NAME(load)(shift + c - begin);
                t[i] *= t[i];
            }
            if (kind == TRAIN_NAME(ACTIVATED))
                t[i] = TRAIN_NAME(value)(
                    (t[i] - TRAIN_NAME(load)(norm->mean + c)) * TRAIN_NAME(load)(norm->scale + c)
                        + TRAIN_NAME(load)(norm->bias + c), activation);
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < pixels; i++) sum += t[i];
        TRAIN_NAME(store)(sums + c - begin, sum);
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(sum_as)(
    nr_map a, nr_map b, const float *shift, const nr_norm *norm, nr_extent extent, double *sums, int begin, int end,
    const enum TRAIN_NAME(summand) kind, const int activation) {
    float held_sums[CHANNELS_AT_ONCE] = {0};
    int held = 0;
    for (int line = 0; line < extent.lines; line++) {
        const float *from = a.values + line * a.line;
        const float *with = kind == TRAIN_NAME(PRODUCT) ? b.values + line * b.line : 0;
        int x = 0;
        for (; x + PIXELS_AT_ONCE <= extent.pixels; x += PIXELS_AT_ONCE) {
            TRAIN_NAME(sum_pixels)(
                from, a.pixel, with, b.pixel, shift, norm, held_sums, begin, end, kind, activation, PIXELS_AT_ONCE);
            from += PIXELS_AT_ONCE * a.pixel;
            if (kind == TRAIN_NAME(PRODUCT)) with += PIXELS_AT_ONCE * b.pixel;
        }
        for (; x < extent.pixels; x++) {
            TRAIN_NAME(sum_pixels)(
                from, a.pixel, with, b.pixel, shift, norm, held_sums, begin, end, kind, activation, 1);
            from += a.pixel;
            if (kind == TRAIN_NAME(PRODUCT)) with += b.pixel;
        }
        held += extent.pixels;
        if (held >= FLOAT_SUMS || line + 1 == extent.lines) {
            flush(held_sums, sums, end - begin);
            held = 0;
        }
    }
}

static void TRAIN_NAME(sums)(const nr_norm *norm, nr_map z, nr_extent extent, double *sums, int begin, int end) {
    switch (norm->activation) {
    case NR_SWISH: TRAIN_NAME(sum_as)(z, z, 0, norm, extent, sums + begin, begin, end, TRAIN_NAME(ACTIVATED), NR_SWISH); break;
    case NR_RELU: TRAIN_NAME(sum_as)(z, z, 0, norm, extent, sums + begin, begin, end, TRAIN_NAME(ACTIVATED), NR_RELU); break;
    case NR_RELU6: TRAIN_NAME(sum_as)(z, z, 0, norm, extent, sums + begin, begin, end, TRAIN_NAME(ACTIVATED), NR_RELU6); break;
    default: TRAIN_NAME(sum_as)(z, z, 0, norm, extent, sums + begin, begin, end, TRAIN_NAME(ACTIVATED), NR_LINEAR); break;
    }
}

static void TRAIN_NAME(products)(nr_map a, nr_map b, nr_extent extent, double *sums, int begin, int end) {
    TRAIN_NAME(sum_as)(a, b, 0, 0, extent, sums + begin, begin, end, TRAIN_NAME(PRODUCT), NR_LINEAR);
}

static void TRAIN_NAME(moments)(
    nr_map z, nr_extent extent, int64_t count, double *mean, double *squares, int begin, int end) {
    double sums[CHANNELS_AT_ONCE] = {0}, deviations[CHANNELS_AT_ONCE] = {0};
    float shift[CHANNELS_AT_ONCE];
    const double pixels = (double)extent.lines * extent.pixels, before = (double)count, total = before + pixels;
    TRAIN_NAME(sum_as)(z, z, 0, 0, extent, sums, begin, end, TRAIN_NAME(PLAIN), NR_LINEAR);
    for (int c = 0; c < end - begin; c++) shift[c] = (float)(sums[c] / pixels);
    TRAIN_NAME(sum_as)(z, z, shift, 0, extent, deviations, begin, end, TRAIN_NAME(SQUARE), NR_LINEAR);
    for (int c = 0; c < end - begin; c++) {
        // The shift is the mean rounded to a float; what that leaves is taken back.
        const double own = sums[c] / pixels, rounding = own - shift[c];
        const double delta = own - mean[begin + c];
        mean[begin + c] += delta * pixels / total;
        squares[begin + c] += deviations[c] - pixels * rounding * rounding + delta * delta * before * pixels / total;
    }
}

static void TRAIN_NAME(add)(nr_map target, nr_map source, nr_extent extent, int begin, int end) {
    for (int line = 0; line < extent.lines; line++)
        for (int x = 0; x < extent.pixels; x++) {
            float *to = target.values + line * target.line + x * target.pixel;
            const float *from = source.values + line * source.line + x * source.pixel;
            for (int c = begin; c < end; c += LANES)
                TRAIN_NAME(store)(to + c, TRAIN_NAME(load)(to + c) + TRAIN_NAME(load)(from + c));
        }
}

static void TRAIN_NAME(copy)(nr_map target, nr_map source, nr_extent extent, int begin, int end) {
    for (int line = 0; line < extent.lines; line++)
        for (int x = 0; x < extent.pixels; x++) {
            float *to = target.values + line * target.line + x * target.pixel;
            const float *from = source.values + line * source.line + x * source.pixel;
            for (int c = begin; c < end; c += LANES) TRAIN_NAME(store)(to + c, TRAIN_NAME(load)(from + c));
        }
}

#undef PIXELS_AT_ONCE
