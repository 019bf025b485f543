// AVX-512 with BF16: products of bfloat16 pairs, summed in floats; biases, activations and depthwise sums are floats too.
#include "include/nr_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), apply_to = function)

// As in the file for floats, with a polynomial of the third degree (7.5e-5) and the 14-bit reciprocal alone: both are far
// below the 2e-3 that rounding the result to bfloat16 costs.
static const float C0 = 0.999925219f, C1 = 0.695833541f, C2 = 0.226067155f, C3 = 0.0780245227f;

static inline __attribute__((always_inline)) __m512 sigmoid16(__m512 x) {
    const __m512 t = _mm512_mul_ps(x, _mm512_set1_ps(-1.44269504f));
    const __m512 f = _mm512_reduce_ps(t, 0x01);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(C3), f, _mm512_set1_ps(C2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(C0));
    return _mm512_rcp14_ps(_mm512_add_ps(_mm512_scalef_ps(p, t), _mm512_set1_ps(1)));
}

static inline __attribute__((always_inline)) __m256 sigmoid8(__m256 x) {
    const __m256 t = _mm256_mul_ps(x, _mm256_set1_ps(-1.44269504f));
    const __m256 f = _mm256_reduce_ps(t, 0x01);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(C3), f, _mm256_set1_ps(C2));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C1));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(C0));
    return _mm256_rcp14_ps(_mm256_add_ps(_mm256_scalef_ps(p, t), _mm256_set1_ps(1)));
}

static inline __attribute__((always_inline)) __m512 swish16(__m512 x) { return _mm512_mul_ps(x, sigmoid16(x)); }
static inline __attribute__((always_inline)) __m256 swish8(__m256 x) { return _mm256_mul_ps(x, sigmoid8(x)); }

#define PRODUCT "vdpbf16ps"
#include "elements_bf16.h"
#include "tiles_avx512.h"

#pragma clang attribute pop

const nr_kernels *nr_kernels_avx512_bf16(void) {
    static const nr_kernels kernels = {"avx512", PANEL, NR_BF16, gemm, row, depthwise,
                                 scale_columns, scale_inputs, average, widen_all, peak};
    if (!nr_kernels_avx512() || !__builtin_cpu_supports("avx512bf16")) return NULL;
    return &kernels;
}

#else
const nr_kernels *nr_kernels_avx512_bf16(void) { return NULL; }
#endif
