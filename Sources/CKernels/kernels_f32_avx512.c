// AVX-512 (F, BW, DQ, VL): tiles of 14 rows × 2 vectors of 16 floats; channel tails in vectors of 16 and of 8.
#include "include/nr_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)

// 1 / (1 + 2^t), t = −x·log2 e. 2^t is a polynomial on t's fraction, scaled by its whole part; the reciprocal is a
// 14-bit estimate and one Newton step, left out where 1 + 2^t is infinite (it would make NaN of 0). Coefficients: minimax for
// the relative error on [0, 1), 2.2e-7 at most.
static const float C0 = 9.9999992e-1f, C1 = 6.9315308e-1f, C2 = 2.4015361e-1f, C3 = 5.5826318e-2f,
                   C4 = 8.9893397e-3f, C5 = 1.8775767e-3f;

static inline __attribute__((always_inline)) __m512 sigmoid16(__m512 x) {
    const __m512 t = _mm512_mul_ps(x, _mm512_set1_ps(-1.44269504f));
    const __m512 f = _mm512_reduce_ps(t, 0x01);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(C5), f, _mm512_set1_ps(C4));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C3));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C0));
    const __m512 d = _mm512_add_ps(_mm512_scalef_ps(p, t), _mm512_set1_ps(1));
    const __m512 r = _mm512_rcp14_ps(d);
    const __mmask16 finite = _mm512_cmp_ps_mask(d, _mm512_set1_ps(__builtin_inff()), _CMP_LT_OQ);
    return _mm512_mask_mul_ps(r, finite, r, _mm512_fnmadd_ps(d, r, _mm512_set1_ps(2)));
}

static inline __attribute__((always_inline)) __m256 sigmoid8(__m256 x) {
    const __m256 t = _mm256_mul_ps(x, _mm256_set1_ps(-1.44269504f));
    const __m256 f = _mm256_reduce_ps(t, 0x01);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(C5), f, _mm256_set1_ps(C4));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C3));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C2));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C1));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C0));
    const __m256 d = _mm256_add_ps(_mm256_scalef_ps(p, t), _mm256_set1_ps(1));
    const __m256 r = _mm256_rcp14_ps(d);
    const __mmask8 finite = _mm256_cmp_ps_mask(d, _mm256_set1_ps(__builtin_inff()), _CMP_LT_OQ);
    return _mm256_mask_mul_ps(r, finite, r, _mm256_fnmadd_ps(d, r, _mm256_set1_ps(2)));
}

#define TILE_JOIN(a, b) a##_##b
#define TILE_NAME(a, b) TILE_JOIN(a, b)
#define DW_NAME(a, b) TILE_JOIN(a, b)
#define TILE_ROWS 14
#define PANEL 32

// Vectors of 16.
typedef float vec16 __attribute__((vector_size(64)));
typedef float vec16_u __attribute__((vector_size(64), aligned(4)));
#define vec vec16
#define vec_u vec16_u
#define LANES 16
#define vec_sigmoid(x) ((vec)sigmoid16((__m512)(x)))
#define vec_madd_row2(c0, c1, a, b0, b1)                                                                    \
    do {                                                                                                   \
        vec spread;                                                                                        \
        __asm__("vbroadcastss %3, %2\n\tvfmadd231ps %4, %2, %0\n\tvfmadd231ps %5, %2, %1"                     \
                : "+v"(c0), "+v"(c1), "=&v"(spread)                                                        \
                : "m"(a), "v"(b0), "v"(b1));                                                               \
    } while (0)
#define vec_madd_row1(c, a, b) __asm__("vfmadd231ps %1%{1to16%}, %2, %0" : "+v"(c) : "m"(a), "v"(b))
#define vec_swish(x) ((x) * vec_sigmoid(x))
#define vec_relu(x) ((vec)_mm512_max_ps(_mm512_setzero_ps(), (__m512)(x)))

#define TILE tile_14x32
#define ROWS 14
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_7x32
#define ROWS 7
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_4x32
#define ROWS 4
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_2x32
#define ROWS 2
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_1x32
#define ROWS 1
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_14x16
#define ROWS 14
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_7x16
#define ROWS 7
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_4x16
#define ROWS 4
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_2x16
#define ROWS 2
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_1x16
#define ROWS 1
#define VECTORS 1
#include "gemm_f32_tile_template.h"

#define DEPTHWISE 16
#define COLUMNS 7
#include "depthwise_f32_template.h"

#undef vec
#undef vec_u
#undef LANES
#undef vec_sigmoid
#undef vec_relu
#undef vec_madd_row1
#undef vec_madd_row2

// Vectors of 8.
typedef float vec8 __attribute__((vector_size(32)));
typedef float vec8_u __attribute__((vector_size(32), aligned(4)));
#define vec vec8
#define vec_u vec8_u
#define LANES 8
#define vec_sigmoid(x) ((vec)sigmoid8((__m256)(x)))
#define vec_madd_row1(c, a, b) __asm__("vfmadd231ps %1%{1to8%}, %2, %0" : "+v"(c) : "m"(a), "v"(b))
#define vec_relu(x) ((vec)_mm256_max_ps(_mm256_setzero_ps(), (__m256)(x)))

#define TILE tile_14x8
#define ROWS 14
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_7x8
#define ROWS 7
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_4x8
#define ROWS 4
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_2x8
#define ROWS 2
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_1x8
#define ROWS 1
#define VECTORS 1
#include "gemm_f32_tile_template.h"

#define DEPTHWISE 8
#define COLUMNS 7
#include "depthwise_f32_template.h"

#define TILES(width)                                                                                       \
    int row = first;                                                                                       \
    for (; row + 14 <= last; row += 14) tile_14x##width(g, w, row, column);                                \
    for (; row + 7 <= last; row += 7) tile_7x##width(g, w, row, column);                                   \
    for (; row + 4 <= last; row += 4) tile_4x##width(g, w, row, column);                                   \
    for (; row + 2 <= last; row += 2) tile_2x##width(g, w, row, column);                                   \
    for (; row < last; row++) tile_1x##width(g, w, row, column)

static void tiles_panel(const nr_gemm *g, const float *w, int first, int last, int column) { TILES(32); }
static void tiles_16(const nr_gemm *g, const float *w, int first, int last, int column) { TILES(16); }
static void tiles_8(const nr_gemm *g, const float *w, int first, int last, int column) { TILES(8); }

#include "kernels_template.h"

static void depthwise(const nr_depthwise *d) {
    int channel = 0;
    for (; channel + 16 <= d->channels; channel += 16) run_16(d, channel);
    for (; channel + 8 <= d->channels; channel += 8) run_8(d, channel);
}

#pragma clang attribute pop

const nr_kernels *nr_kernels_avx512(void) {
    static const nr_kernels kernels = {"avx512", PANEL, gemm, depthwise, scale_columns, scale_inputs, average};
    const int runs = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    return runs ? &kernels : NULL;
}

#else
const nr_kernels *nr_kernels_avx512(void) { return NULL; }
#endif
