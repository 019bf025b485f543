// Training's kernels with AVX2 and FMA: vectors of 8 floats.
#include "common.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

typedef float vec8 __attribute__((vector_size(32)));
typedef float vec8_u __attribute__((vector_size(32), aligned(4)));
typedef int32_t ivec8 __attribute__((vector_size(32)));

// As in the portable file; the operand order keeps NaN.
static inline __attribute__((always_inline)) __m256 denominator8(__m256 x) {
    const __m256 shift = _mm256_set1_ps(12582912), slope = _mm256_set1_ps(-1.44269504f);
    x = _mm256_max_ps(_mm256_set1_ps(-88.7228394f), _mm256_min_ps(_mm256_set1_ps(87.3f), x));
    const __m256 sum = _mm256_fmadd_ps(x, slope, shift);
    const __m256 f = _mm256_fmsub_ps(x, slope, _mm256_sub_ps(sum, shift));
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(1.32764725e-3f), f, _mm256_set1_ps(9.67554096e-3f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(5.55071309e-2f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(2.40221202e-1f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(6.93146944e-1f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.00000012f));
    const __m256i power = _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(sum), 23), _mm256_set1_epi32(127 << 23));
    return _mm256_fmadd_ps(p, _mm256_castsi256_ps(power), _mm256_set1_ps(1));
}

#define TRAIN 8
#define vec vec8
#define vec_u vec8_u
#define ivec ivec8
#define LANES 8
#define vec_denominator(x) ((vec)denominator8((__m256)(x)))
#define TRAIN_COLUMNS 7
#define TRAIN_TAP_ROWS 1
#include "rows_template.h"
#include "depthwise_template.h"

#define WIDE 8
#define NARROW 8
#define LANES_WIDE 8
#include "table_template.h"

#pragma clang attribute pop

const nr_training *nr_training_avx2(void) {
    TRAINING_TABLE("avx2");
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &table : NULL;
}

#else
const nr_training *nr_training_avx2(void) { return NULL; }
#endif
