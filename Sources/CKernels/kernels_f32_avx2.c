// AVX2 with FMA: tiles of 6 rows × 2 vectors of 8 floats; a channel tail in one vector of 8.
#include "include/nr_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

// 1 / (1 + 2^t), t = −x·log2 e, as in the AVX-512 file. t is clamped so that its whole part fits an exponent; at the upper
// end the estimated reciprocal is 0, which is the limit, and 0 · −infinity stays NaN.
static inline __attribute__((always_inline)) __m256 sigmoid8(__m256 x) {
    __m256 t = _mm256_mul_ps(x, _mm256_set1_ps(-1.44269504f));
    // The operand order keeps NaN: min and max return their second operand when either is NaN.
    t = _mm256_max_ps(_mm256_set1_ps(-126), _mm256_min_ps(_mm256_set1_ps(127), t));
    const __m256 whole = _mm256_floor_ps(t);
    const __m256 f = _mm256_sub_ps(t, whole);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(1.8775767e-3f), f, _mm256_set1_ps(8.9893397e-3f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(5.5826318e-2f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(2.4015361e-1f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(6.9315308e-1f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(9.9999992e-1f));
    const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127)), 23);
    const __m256 d = _mm256_fmadd_ps(p, _mm256_castsi256_ps(exponent), _mm256_set1_ps(1));
    const __m256 r = _mm256_rcp_ps(d);
    return _mm256_mul_ps(r, _mm256_fnmadd_ps(d, r, _mm256_set1_ps(2)));
}

#define TILE_JOIN(a, b) a##_##b
#define TILE_NAME(a, b) TILE_JOIN(a, b)
#define DW_NAME(a, b) TILE_JOIN(a, b)
#define TILE_ROWS 6
#define PANEL 16

typedef float vec8 __attribute__((vector_size(32)));
typedef float vec8_u __attribute__((vector_size(32), aligned(4)));
#define vec vec8
#define vec_u vec8_u
#define LANES 8
#define vec_sigmoid(x) ((vec)sigmoid8((__m256)(x)))
#define vec_madd_row2(c0, c1, a, b0, b1)                                                                    \
    do {                                                                                                   \
        vec spread;                                                                                        \
        __asm__("vbroadcastss %3, %2\n\tvfmadd231ps %4, %2, %0\n\tvfmadd231ps %5, %2, %1"                     \
                : "+x"(c0), "+x"(c1), "=&x"(spread)                                                        \
                : "m"(a), "x"(b0), "x"(b1));                                                               \
    } while (0)
#define vec_madd_row1(c, a, b)                                                                              \
    do {                                                                                                   \
        vec spread;                                                                                        \
        __asm__("vbroadcastss %2, %1\n\tvfmadd231ps %3, %1, %0" : "+x"(c), "=&x"(spread) : "m"(a), "x"(b));  \
    } while (0)
#define vec_swish(x) ((x) * vec_sigmoid(x))
#define vec_relu(x) ((vec)_mm256_max_ps(_mm256_setzero_ps(), (__m256)(x)))

#define TILE tile_6x16
#define ROWS 6
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_4x16
#define ROWS 4
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_2x16
#define ROWS 2
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_1x16
#define ROWS 1
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_12x8
#define ROWS 12
#define VECTORS 1
#include "gemm_f32_tile_template.h"
#define TILE tile_6x8
#define ROWS 6
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
#define COLUMNS 4
#include "depthwise_f32_template.h"

static void tiles_panel(const nr_gemm *g, const float *w, int first, int last, int column) {
    int row = first;
    for (; row + 6 <= last; row += 6) tile_6x16(g, w, row, column);
    for (; row + 4 <= last; row += 4) tile_4x16(g, w, row, column);
    for (; row + 2 <= last; row += 2) tile_2x16(g, w, row, column);
    for (; row < last; row++) tile_1x16(g, w, row, column);
}

static void tiles_8(const nr_gemm *g, const float *w, int first, int last, int column) {
    int row = first;
    for (; row + 12 <= last; row += 12) tile_12x8(g, w, row, column);
    for (; row + 6 <= last; row += 6) tile_6x8(g, w, row, column);
    for (; row + 2 <= last; row += 2) tile_2x8(g, w, row, column);
    for (; row < last; row++) tile_1x8(g, w, row, column);
}

#define tiles_16 tiles_panel
#include "kernels_template.h"

static void depthwise(const nr_depthwise *d) {
    for (int channel = 0; channel + 8 <= d->channels; channel += 8) run_8(d, channel);
}

#pragma clang attribute pop

const nr_kernels *nr_kernels_avx2(void) {
    static const nr_kernels kernels = {"avx2", PANEL, gemm, depthwise, scale_columns, scale_inputs, average};
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernels : NULL;
}

#else
const nr_kernels *nr_kernels_avx2(void) { return NULL; }
#endif
