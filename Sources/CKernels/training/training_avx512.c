// Training's kernels with AVX-512 (F, BW, DQ, VL): vectors of 16 floats, a tail of 8 channels in vectors of 8.
#include "common.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)

typedef float vec16 __attribute__((vector_size(64)));
typedef float vec16_u __attribute__((vector_size(64), aligned(4)));
typedef int32_t ivec16 __attribute__((vector_size(64)));
typedef float vec8 __attribute__((vector_size(32)));
typedef float vec8_u __attribute__((vector_size(32), aligned(4)));
typedef int32_t ivec8 __attribute__((vector_size(32)));

// 1 + 2^t, t = −x·log2 e: a polynomial on t's fraction, scaled by its whole part; minimax of the fifth degree on [0, 1), relative
// error 7.5e-8 at most. Inference is content with the fourth degree; gradients pass through every layer twice.
static const float C0 = 0.99999994f, C1 = 0.693153083f, C2 = 0.240153611f, C3 = 0.0558263175f, C4 = 0.00898933969f,
                   C5 = 0.00187757669f;

static inline __attribute__((always_inline)) __m512 denominator16(__m512 x) {
    const __m512 t = _mm512_mul_ps(x, _mm512_set1_ps(-1.44269504f));
    const __m512 f = _mm512_reduce_ps(t, 0x01);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(C5), f, _mm512_set1_ps(C4));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C3));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C0));
    return _mm512_add_ps(_mm512_scalef_ps(p, t), _mm512_set1_ps(1));
}

static inline __attribute__((always_inline)) __m256 denominator8(__m256 x) {
    const __m256 t = _mm256_mul_ps(x, _mm256_set1_ps(-1.44269504f));
    const __m256 f = _mm256_reduce_ps(t, 0x01);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(C5), f, _mm256_set1_ps(C4));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C3));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C2));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C1));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C0));
    return _mm256_add_ps(_mm256_scalef_ps(p, t), _mm256_set1_ps(1));
}

#define TRAIN_COLUMNS 7
#define TRAIN_TAP_ROWS 5

#define TRAIN 16
#define vec vec16
#define vec_u vec16_u
#define ivec ivec16
#define LANES 16
#define vec_denominator(x) ((vec)denominator16((__m512)(x)))
#include "rows_template.h"
#include "depthwise_template.h"
#undef TRAIN
#undef vec
#undef vec_u
#undef ivec
#undef LANES
#undef vec_denominator

#define TRAIN 8
#define vec vec8
#define vec_u vec8_u
#define ivec ivec8
#define LANES 8
#define vec_denominator(x) ((vec)denominator8((__m256)(x)))
#include "rows_template.h"
#include "depthwise_template.h"

#define WIDE 16
#define NARROW 8
#define LANES_WIDE 16
#include "table_template.h"

#pragma clang attribute pop

const nr_training *nr_training_avx512(void) {
    TRAINING_TABLE("avx512");
    const int runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    return runs ? &table : NULL;
}

#else
const nr_training *nr_training_avx512(void) { return NULL; }
#endif
