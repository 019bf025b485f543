// What training does value by value, with the sums that go with it, over channels begin…end of every pixel: written once for
// every vector width. Included with TRAIN (a suffix for the names), vec, vec_u, ivec, LANES and vec_denominator (1 + exp(−x)).
//
// Pixel after pixel, as they lie in memory: taking four at once saves instructions, but memory gives such interleaved streams a third
// of what it gives a single one (Zen 4: 10 GB/s a core against 28), and memory is what these loops wait for.

static inline __attribute__((always_inline)) vec TRAIN_NAME(load)(const float *p) { return *(const vec_u *)p; }
static inline __attribute__((always_inline)) void TRAIN_NAME(store)(float *p, vec x) { *(vec_u *)p = x; }
static inline __attribute__((always_inline)) vec TRAIN_NAME(all)(float x) { return (vec){0} + x; }
static inline __attribute__((always_inline)) void TRAIN_NAME(put)(float *p, vec x, const int streams) {
    if (streams) __builtin_nontemporal_store(x, (vec *)p);
    else TRAIN_NAME(store)(p, x);
}

// Whether every vector of a map from channel `begin` on can go past the caches.
static inline int TRAIN_NAME(can_stream)(nr_map map, int begin) {
    return (((uintptr_t)(map.values + begin) | (uintptr_t)map.pixel * 4 | (uintptr_t)map.line * 4) & (sizeof(vec) - 1)) == 0;
}

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

// The norm's output for the vector at channel c.
static inline __attribute__((always_inline)) vec TRAIN_NAME(normal)(const nr_norm *norm, int c, vec deviation) {
    return deviation * TRAIN_NAME(load)(norm->scale + c) + TRAIN_NAME(load)(norm->bias + c);
}

static inline __attribute__((always_inline)) void TRAIN_NAME(apply_as)(
    const nr_apply *p, int begin, int end, const int activation, const int is_gated, const int adds) {
    for (int line = 0; line < p->extent.lines; line++) {
        const float *z = p->z.values + line * p->z.line;
        float *target = p->target.values + line * p->target.line;
        const float *residual = adds ? p->residual.values + line * p->residual.line : 0;
        for (int x = 0; x < p->extent.pixels; x++) {
            for (int c = begin; c < end; c += LANES) {
                const vec deviation = TRAIN_NAME(load)(z + c) - TRAIN_NAME(load)(p->norm.mean + c);
                vec y = TRAIN_NAME(value)(TRAIN_NAME(normal)(&p->norm, c, deviation), activation);
                if (is_gated) y *= TRAIN_NAME(load)(p->gate + c);
                if (adds) y = y * p->keep + TRAIN_NAME(load)(residual + c);
                TRAIN_NAME(store)(target + c, y);
            }
            z += p->z.pixel;
            target += p->target.pixel;
            if (adds) residual += p->residual.pixel;
        }
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(apply_any)(
    const nr_apply *p, int begin, int end, const int activation) {
    if (p->residual.values) TRAIN_NAME(apply_as)(p, begin, end, activation, 0, 1);
    else if (p->gate) TRAIN_NAME(apply_as)(p, begin, end, activation, 1, 0);
    else TRAIN_NAME(apply_as)(p, begin, end, activation, 0, 0);
}

static void TRAIN_NAME(apply)(const nr_apply *p, int begin, int end) {
    switch (p->norm.activation) {
    case NR_SWISH: TRAIN_NAME(apply_any)(p, begin, end, NR_SWISH); break;
    case NR_RELU: TRAIN_NAME(apply_any)(p, begin, end, NR_RELU); break;
    case NR_RELU6: TRAIN_NAME(apply_any)(p, begin, end, NR_RELU6); break;
    default: TRAIN_NAME(apply_any)(p, begin, end, NR_LINEAR); break;
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(slope_pixel)(
    const nr_slope *p, const float *z, const float *gradient, float *target, float *sums, float *products, int begin,
    int end, const int activation, const int streams) {
    for (int c = begin; c < end; c += LANES) {
        const vec deviation = TRAIN_NAME(load)(z + c) - TRAIN_NAME(load)(p->norm.mean + c);
        vec t = p->shift ? TRAIN_NAME(load)(p->shift + c) : (vec){0};
        if (gradient) {
            vec own = TRAIN_NAME(load)(gradient + c) * p->keep;
            if (p->gate) own *= TRAIN_NAME(load)(p->gate + c);
            t += own;
        }
        if (activation != NR_LINEAR) t *= TRAIN_NAME(derivative)(TRAIN_NAME(normal)(&p->norm, c, deviation), activation);
        if (target) TRAIN_NAME(put)(target + c, t, streams);
        TRAIN_NAME(store)(sums + c - begin, TRAIN_NAME(load)(sums + c - begin) + t);
        TRAIN_NAME(store)(products + c - begin, TRAIN_NAME(load)(products + c - begin) + t * deviation);
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(slope_as)(
    const nr_slope *p, int begin, int end, const int activation, const int streams) {
    float sums[CHANNELS_AT_ONCE], products[CHANNELS_AT_ONCE];
    int held = 0;
    clear(sums, end - begin);
    clear(products, end - begin);
    for (int line = 0; line < p->extent.lines; line++) {
        const float *z = p->z.values + line * p->z.line;
        const float *gradient = p->gradient.values ? p->gradient.values + line * p->gradient.line : 0;
        float *target = p->target.values ? p->target.values + line * p->target.line : 0;
        for (int x = 0; x < p->extent.pixels; x++) {
            TRAIN_NAME(slope_pixel)(p, z, gradient, target, sums, products, begin, end, activation, streams);
            z += p->z.pixel;
            if (gradient) gradient += p->gradient.pixel;
            if (target) target += p->target.pixel;
            if (++held == FLOAT_SUMS) {
                flush(sums, p->sums + begin, end - begin);
                flush(products, p->products + begin, end - begin);
                held = 0;
            }
        }
    }
    flush(sums, p->sums + begin, end - begin);
    flush(products, p->products + begin, end - begin);
}

static inline __attribute__((always_inline)) void TRAIN_NAME(slope_any)(
    const nr_slope *p, int begin, int end, const int streams) {
    switch (p->norm.activation) {
    case NR_SWISH: TRAIN_NAME(slope_as)(p, begin, end, NR_SWISH, streams); break;
    case NR_RELU: TRAIN_NAME(slope_as)(p, begin, end, NR_RELU, streams); break;
    case NR_RELU6: TRAIN_NAME(slope_as)(p, begin, end, NR_RELU6, streams); break;
    default: TRAIN_NAME(slope_as)(p, begin, end, NR_LINEAR, streams); break;
    }
}

static void TRAIN_NAME(slope)(const nr_slope *p, int begin, int end) {
    if (p->streams && p->target.values && TRAIN_NAME(can_stream)(p->target, begin)) TRAIN_NAME(slope_any)(p, begin, end, 1);
    else TRAIN_NAME(slope_any)(p, begin, end, 0);
}

static void TRAIN_NAME(norm_gradient)(const nr_norm_gradient *p, int begin, int end) {
    const vec keep = TRAIN_NAME(all)(p->keep);
    for (int line = 0; line < p->extent.lines; line++) {
        const float *z = p->z.values + line * p->z.line, *gradient = p->gradient.values + line * p->gradient.line;
        float *target = p->target.values + line * p->target.line;
        for (int x = 0; x < p->extent.pixels; x++) {
            for (int c = begin; c < end; c += LANES) {
                const vec deviation = TRAIN_NAME(load)(z + c) - TRAIN_NAME(load)(p->mean + c);
                const vec through = TRAIN_NAME(load)(p->b + c) * deviation + TRAIN_NAME(load)(p->c + c);
                const vec own = TRAIN_NAME(load)(gradient + c) * keep;
                TRAIN_NAME(store)(target + c, TRAIN_NAME(load)(p->a + c) * own + through);
            }
            z += p->z.pixel;
            gradient += p->gradient.pixel;
            target += p->target.pixel;
        }
    }
}

// Sums of a · b, or, with a norm, of activation(norm(a)).
static inline __attribute__((always_inline)) void TRAIN_NAME(sum_as)(
    nr_map a, nr_map b, const nr_norm *norm, nr_extent extent, double *sums, int begin, int end, const int activation) {
    float own[CHANNELS_AT_ONCE];
    int held = 0;
    clear(own, end - begin);
    for (int line = 0; line < extent.lines; line++) {
        const float *from = a.values + line * a.line, *with = b.values + line * b.line;
        for (int x = 0; x < extent.pixels; x++) {
            for (int c = begin; c < end; c += LANES) {
                vec t = TRAIN_NAME(load)(from + c);
                if (norm)
                    t = TRAIN_NAME(value)(
                        TRAIN_NAME(normal)(norm, c, t - TRAIN_NAME(load)(norm->mean + c)), activation);
                else t *= TRAIN_NAME(load)(with + c);
                TRAIN_NAME(store)(own + c - begin, TRAIN_NAME(load)(own + c - begin) + t);
            }
            from += a.pixel;
            with += b.pixel;
            if (++held == FLOAT_SUMS) {
                flush(own, sums, end - begin);
                held = 0;
            }
        }
    }
    flush(own, sums, end - begin);
}

static void TRAIN_NAME(sums)(const nr_norm *norm, nr_map z, nr_extent extent, double *sums, int begin, int end) {
    switch (norm->activation) {
    case NR_SWISH: TRAIN_NAME(sum_as)(z, z, norm, extent, sums + begin, begin, end, NR_SWISH); break;
    case NR_RELU: TRAIN_NAME(sum_as)(z, z, norm, extent, sums + begin, begin, end, NR_RELU); break;
    case NR_RELU6: TRAIN_NAME(sum_as)(z, z, norm, extent, sums + begin, begin, end, NR_RELU6); break;
    default: TRAIN_NAME(sum_as)(z, z, norm, extent, sums + begin, begin, end, NR_LINEAR); break;
    }
}

static void TRAIN_NAME(products)(nr_map a, nr_map b, nr_extent extent, double *sums, int begin, int end) {
    TRAIN_NAME(sum_as)(a, b, 0, extent, sums + begin, begin, end, NR_LINEAR);
}

// One pass over deviations from a point near the mean, the average of the first pixels: sums of their squares lose nothing then.
static void TRAIN_NAME(moments)(
    nr_map z, nr_extent extent, int64_t count, double *mean, double *squares, int begin, int end) {
    float point[CHANNELS_AT_ONCE], sums[CHANNELS_AT_ONCE], products[CHANNELS_AT_ONCE];
    double all_sums[CHANNELS_AT_ONCE], all_products[CHANNELS_AT_ONCE];
    const int channels = end - begin, first = extent.pixels < 8 ? extent.pixels : 8;
    clear(point, channels);
    clear(sums, channels);
    clear(products, channels);
    for (int c = 0; c < channels; c++) all_sums[c] = all_products[c] = 0;
    for (int x = 0; x < first; x++)
        for (int c = 0; c < channels; c++) point[c] += z.values[x * z.pixel + begin + c] / (float)first;
    int held = 0;
    for (int line = 0; line < extent.lines; line++) {
        const float *from = z.values + line * z.line + begin;
        for (int x = 0; x < extent.pixels; x++) {
            for (int c = 0; c < channels; c += LANES) {
                const vec d = TRAIN_NAME(load)(from + c) - TRAIN_NAME(load)(point + c);
                TRAIN_NAME(store)(sums + c, TRAIN_NAME(load)(sums + c) + d);
                TRAIN_NAME(store)(products + c, TRAIN_NAME(load)(products + c) + d * d);
            }
            from += z.pixel;
            if (++held == FLOAT_SUMS) {
                flush(sums, all_sums, channels);
                flush(products, all_products, channels);
                held = 0;
            }
        }
    }
    flush(sums, all_sums, channels);
    flush(products, all_products, channels);
    const double pixels = (double)extent.lines * extent.pixels, before = (double)count, total = before + pixels;
    for (int c = 0; c < channels; c++) {
        const double offset = all_sums[c] / pixels, delta = point[c] + offset - mean[begin + c];
        const double own = all_products[c] - all_sums[c] * offset;
        mean[begin + c] += delta * pixels / total;
        squares[begin + c] += (own > 0 ? own : 0) + delta * delta * before * pixels / total;
    }
}

static inline __attribute__((always_inline)) void TRAIN_NAME(move)(
    nr_map target, nr_map source, nr_extent extent, int begin, int end, const int adds, const int streams) {
    for (int line = 0; line < extent.lines; line++)
        for (int x = 0; x < extent.pixels; x++) {
            float *to = target.values + line * target.line + x * target.pixel;
            const float *from = source.values + line * source.line + x * source.pixel;
            for (int c = begin; c < end; c += LANES) {
                vec y = TRAIN_NAME(load)(from + c);
                if (adds) y += TRAIN_NAME(load)(to + c);
                TRAIN_NAME(put)(to + c, y, streams);
            }
        }
}

static void TRAIN_NAME(add)(nr_map target, nr_map source, nr_extent extent, int begin, int end) {
    TRAIN_NAME(move)(target, source, extent, begin, end, 1, 0);
}

static void TRAIN_NAME(copy)(nr_map target, nr_map source, nr_extent extent, int streams, int begin, int end) {
    if (streams && TRAIN_NAME(can_stream)(target, begin)) TRAIN_NAME(move)(target, source, extent, begin, end, 0, 1);
    else TRAIN_NAME(move)(target, source, extent, begin, end, 0, 0);
}
