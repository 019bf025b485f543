// The table of one instruction set: the channels' whole vectors and their tail, and what goes over plain arrays.
// Included with WIDE (a prefix's suffix, as in TRAIN) and LANES_WIDE of the widest vectors, and NARROW of those that take a tail.

// The templates' sums of a part of the channels lie on the stack.
#define BY_CHANNELS(call_wide, call_narrow)                                                    \
    for (int from = 0; from < channels; from += CHANNELS_AT_ONCE) {                            \
        const int to = channels - from < CHANNELS_AT_ONCE ? channels : from + CHANNELS_AT_ONCE; \
        const int begin = from, whole = from + (to - from) / LANES_WIDE * LANES_WIDE;          \
        if (whole > begin) {                                                                   \
            const int end = whole;                                                             \
            call_wide;                                                                         \
        }                                                                                      \
        if (to > whole) {                                                                      \
            const int begin = whole, end = to;                                                 \
            call_narrow;                                                                       \
        }                                                                                      \
    }

#define WIDE_NAME(name) TRAIN_JOIN(name, WIDE)
#define NARROW_NAME(name) TRAIN_JOIN(name, NARROW)

static void apply(const nr_apply *p) {
    const int channels = p->extent.channels;
    BY_CHANNELS(WIDE_NAME(apply)(p, begin, end), NARROW_NAME(apply)(p, begin, end))
}
static void moments(nr_map z, nr_extent extent, int64_t count, double *mean, double *squares) {
    const int channels = extent.channels;
    BY_CHANNELS(
        WIDE_NAME(moments)(z, extent, count, mean, squares, begin, end),
        NARROW_NAME(moments)(z, extent, count, mean, squares, begin, end))
}
static void sums(const nr_norm *norm, nr_map z, nr_extent extent, double *sums) {
    const int channels = extent.channels;
    BY_CHANNELS(WIDE_NAME(sums)(norm, z, extent, sums, begin, end), NARROW_NAME(sums)(norm, z, extent, sums, begin, end))
}
static void products(nr_map a, nr_map b, nr_extent extent, double *sums) {
    const int channels = extent.channels;
    BY_CHANNELS(WIDE_NAME(products)(a, b, extent, sums, begin, end), NARROW_NAME(products)(a, b, extent, sums, begin, end))
}
static void slope(const nr_slope *p) {
    const int channels = p->extent.channels;
    BY_CHANNELS(WIDE_NAME(slope)(p, begin, end), NARROW_NAME(slope)(p, begin, end))
}
static void norm_gradient(const nr_norm_gradient *p) {
    const int channels = p->extent.channels;
    BY_CHANNELS(WIDE_NAME(norm_gradient)(p, begin, end), NARROW_NAME(norm_gradient)(p, begin, end))
}
static void correlate(const nr_correlation *p) {
    const int channels = p->extent.channels;
    BY_CHANNELS(WIDE_NAME(correlate)(p, begin, end), NARROW_NAME(correlate)(p, begin, end))
}
static void tap_gradient(const nr_tap_gradient *p) {
    const int channels = p->extent.channels;
    BY_CHANNELS(WIDE_NAME(tap_gradient)(p, begin, end), NARROW_NAME(tap_gradient)(p, begin, end))
}
static void add(nr_map target, nr_map source, nr_extent extent) {
    const int channels = extent.channels;
    BY_CHANNELS(WIDE_NAME(add)(target, source, extent, begin, end), NARROW_NAME(add)(target, source, extent, begin, end))
}
static void copy(nr_map target, nr_map source, nr_extent extent, int streams) {
    const int channels = extent.channels;
    BY_CHANNELS(
        WIDE_NAME(copy)(target, source, extent, streams, begin, end),
        NARROW_NAME(copy)(target, source, extent, streams, begin, end))
}

static void adam(const nr_adam *p) {
    float *restrict weights = p->weights, *restrict first = p->first, *restrict second = p->second;
    const float *restrict gradient = p->gradient;
    const float kept = 1 - p->rate * p->decay, beta1 = p->beta1, beta2 = p->beta2, rate = p->rate / p->correction1;
    const float root = 1 / p->root_correction2, epsilon = p->epsilon, scale = p->scale, penalty = p->penalty;
    for (size_t i = 0; i < p->count; i++) {
        const float g = gradient[i] * scale + penalty * weights[i];
        first[i] += (1 - beta1) * (g - first[i]);
        second[i] = beta2 * second[i] + (1 - beta2) * g * g;
        weights[i] = weights[i] * kept - rate * first[i] / (__builtin_sqrtf(second[i]) * root + epsilon);
    }
}

static void momentum(const nr_momentum *p) {
    float *restrict weights = p->weights, *restrict velocity = p->velocity;
    const float *restrict gradient = p->gradient;
    for (size_t i = 0; i < p->count; i++) {
        velocity[i] = p->momentum * velocity[i] + (gradient[i] * p->scale + p->penalty * weights[i]);
        weights[i] -= p->rate * velocity[i];
    }
}

static void blend(float *restrict average, const float *restrict values, float decay, size_t count) {
    for (size_t i = 0; i < count; i++) average[i] += (1 - decay) * (values[i] - average[i]);
}

static double squares(const float *values, size_t count) {
    double part[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++) part[k] += (double)values[i + k] * values[i + k];
    for (; i < count; i++) part[0] += (double)values[i] * values[i];
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

#define TRAINING_TABLE(name)                                                                                       \
    static const nr_training table = {                                                                             \
        name, apply, moments, sums, products, slope, norm_gradient, correlate, tap_gradient, add, copy, adam, momentum, \
        blend, squares}
