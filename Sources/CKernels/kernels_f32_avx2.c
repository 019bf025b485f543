// AVX2 with FMA: tiles of 6 rows × 2 vectors of 8 floats; a channel tail in one vector of 8.
#include "include/nr_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

// 1 + 2^t, t = −x·log2 e. Adding 1.5 · 2^23 rounds t to a whole number, which then stands in the sum's last bits, ready to
// be shifted into an exponent; 2^ the rest is a polynomial: minimax for the relative error on [−1/2, 1/2], 2.6e-6 at most.
// x is clamped to where the exponent exists; at the lower end that is the one of infinity, so that x / ∞ is the limit, 0, and
// −∞ / ∞ is NaN.
static inline __attribute__((always_inline)) __m256 denominator8(__m256 x) {
    const __m256 shift = _mm256_set1_ps(12582912), slope = _mm256_set1_ps(-1.44269504f);
    // The operand order keeps NaN: min and max return their second operand when either is NaN.
    x = _mm256_max_ps(_mm256_set1_ps(-88.7228394f), _mm256_min_ps(_mm256_set1_ps(87.3f), x));
    const __m256 sum = _mm256_fmadd_ps(x, slope, shift);
    const __m256 f = _mm256_fmsub_ps(x, slope, _mm256_sub_ps(sum, shift));
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(9.57010191e-3f), f, _mm256_set1_ps(5.59178603e-2f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(2.40247448e-1f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(6.93121815e-1f));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(9.99999261e-1f));
    const __m256i power = _mm256_add_epi32(_mm256_slli_epi32(_mm256_castps_si256(sum), 23), _mm256_set1_epi32(127 << 23));
    return _mm256_fmadd_ps(p, _mm256_castsi256_ps(power), _mm256_set1_ps(1));
}

// A division, as in the AVX-512 file: it runs beside the multiplications.
static inline __attribute__((always_inline)) __m256 swish8(__m256 x) { return _mm256_div_ps(x, denominator8(x)); }
static inline __attribute__((always_inline)) __m256 sigmoid8(__m256 x) {
    return _mm256_div_ps(_mm256_set1_ps(1), denominator8(x));
}

#include "elements_f32.h"

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
#define vec_swish(x) ((vec)swish8((__m256)(x)))
#define vec_relu(x) ((vec)_mm256_max_ps(_mm256_setzero_ps(), (__m256)(x)))
#define vec_relu6(x) ((vec)_mm256_min_ps(_mm256_set1_ps(6), (__m256)vec_relu(x)))

#define VEC_CONSTRAINT(x) "+x"(x)
#define vec_madd(c, a, b) ((c) += (a) * (b))
#include "peak_template.h"

#define TILE tile_6x16
#define ROWS 6
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_4x16
#define ROWS 4
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_2x16
#define ROWS 2
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_1x16
#define ROWS 1
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_12x8
#define ROWS 12
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_6x8
#define ROWS 6
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_2x8
#define ROWS 2
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_1x8
#define ROWS 1
#define VECTORS 1
#include "gemm_tile_template.h"

#define DEPTHWISE 8
#define COLUMNS 7
#include "depthwise_template.h"

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
    static const nr_kernels kernels = {"avx2", PANEL, NR_F32, gemm, row, depthwise,
                                       scale_columns, scale_inputs, average, widen_all, peak};
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernels : NULL;
}

#else
const nr_kernels *nr_kernels_avx2(void) { return NULL; }
#endif
