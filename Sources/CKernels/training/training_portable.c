// Training's kernels with no instruction beyond the compiler's baseline: vectors of 4 floats in the compiler's own terms.
#include "common.h"

typedef float vec4 __attribute__((vector_size(16)));
typedef float vec4_u __attribute__((vector_size(16), aligned(4)));
typedef int32_t ivec4 __attribute__((vector_size(16)));

// 1 + 2^t, t = −x·log2 e, by whole part and fraction; minimax of the fifth degree on [−1/2, 1/2], relative error 7.5e-8 at most.
static inline __attribute__((always_inline)) vec4 denominator4(vec4 x) {
    const vec4 shift = (vec4){0} + 12582912.0f;
    vec4 t = x * -1.44269504f;
    const ivec4 over = (ivec4)(t > 128.0f), under = (ivec4)(t < -126.0f);
    t = (vec4)(((ivec4)t & ~(over | under)) | ((ivec4)((vec4){0} + 128.0f) & over) | ((ivec4)((vec4){0} - 126.0f) & under));
    const vec4 sum = t + shift;
    const vec4 f = t - (sum - shift);
    vec4 p = f * 1.32764725e-3f + 9.67554096e-3f;
    p = p * f + 5.55071309e-2f;
    p = p * f + 2.40221202e-1f;
    p = p * f + 6.93146944e-1f;
    p = p * f + 1.00000012f;
    const vec4 power = (vec4)(((ivec4)sum << 23) + (127 << 23));
    return p * power + 1.0f;
}

#define TRAIN 4
#define vec vec4
#define vec_u vec4_u
#define ivec ivec4
#define LANES 4
#define vec_denominator(x) denominator4(x)
#define TRAIN_COLUMNS 4
#define TRAIN_TAP_ROWS 1
#include "rows_template.h"
#include "depthwise_template.h"

#define WIDE 4
#define NARROW 4
#define LANES_WIDE 4
#include "table_template.h"

const nr_training *nr_training_portable(void) {
    TRAINING_TABLE("portable");
    return &table;
}
