// AVX-512 with BF16: products of bfloat16 pairs, summed in floats; biases, activations and depthwise sums are floats too.
#include "include/nr_kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,fma"))), apply_to = function)

// Sigmoid as in the file for floats, with a polynomial of the third degree (7.5e-5) and the 14-bit reciprocal alone: both are far
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

#include "swish_table.h"

// A table, no division: two multiplications, and three shuffles, which have units of their own (Zen 4: 5.0 cycles for 16 floats
// against 7.2). Beyond the table its first and last piece go on as x · 0 and x · 1, which is right for infinities too.
static inline __attribute__((always_inline)) __m512 swish16(__m512 x) {
    // The clamps compare bits, as cheap integers: positive floats are ordered as signed ones are, negative floats lie above all
    // others as unsigned ones, the larger the further from zero. What becomes of NaN does not matter, x itself is a factor.
    __m512i bits = _mm512_min_epi32(_mm512_castps_si512(x), _mm512_castps_si512(_mm512_set1_ps(7.5f)));
    bits = _mm512_min_epu32(bits, _mm512_castps_si512(_mm512_set1_ps(-8)));
    const __m512 near = _mm512_castsi512_ps(bits);
    // Adding 1.5 · 2^22 rounds to halves, and the sum's last five bits are the piece's place.
    const __m512i piece = _mm512_castps_si512(_mm512_add_ps(near, _mm512_set1_ps(6291456)));
    __m512 c[3];
#pragma clang loop unroll(full)
    for (int i = 0; i < 3; i++)
        c[i] = _mm512_permutex2var_ps(_mm512_load_ps(SWISH[i]), piece, _mm512_load_ps(SWISH[i] + 16));
    return _mm512_fmadd_ps(x, _mm512_fmadd_ps(near, c[2], c[1]), c[0]);
}

static inline __attribute__((always_inline)) __m256 swish8(__m256 x) {
    return _mm512_castps512_ps256(swish16(_mm512_castps256_ps512(x)));
}

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
