// The AVX-512 tiles, 14 rows × 2 vectors of 16 floats, with channel tails in vectors of 16 and of 8, for either precision.
// Included after the precision's elements, with PRODUCT (the instruction that multiplies a word of a with a vector of words
// and adds) and swish and sigmoid of 16 and 8 floats.
//
// Why 14 × 2: 28 of the 32 registers hold sums; each step reads 2 vectors of weights and 14 words of the map for 28
// multiplications, so that the multipliers are the limit and not the loads.

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
#define vec_swish(x) ((vec)swish16((__m512)(x)))
#define vec_sigmoid(x) ((vec)sigmoid16((__m512)(x)))
// The operand order keeps NaN: min and max return their second operand when either is NaN.
#define vec_relu(x) ((vec)_mm512_max_ps(_mm512_setzero_ps(), (__m512)(x)))
#define vec_relu6(x) ((vec)_mm512_min_ps(_mm512_set1_ps(6), (__m512)vec_relu(x)))
#define vec_madd_row2(c0, c1, a, b0, b1)                                                                  \
    do {                                                                                                  \
        vec spread;                                                                                       \
        __asm__("vbroadcastss %3, %2\n\t" PRODUCT " %2, %4, %0\n\t" PRODUCT " %2, %5, %1"                 \
                : "+v"(c0), "+v"(c1), "=&v"(spread)                                                       \
                : "m"(a), "v"(b0), "v"(b1));                                                              \
    } while (0)
#define vec_madd_row1(c, a, b) __asm__(PRODUCT " %1%{1to16%}, %2, %0" : "+v"(c) : "m"(a), "v"(b))
#ifdef STORES_BF16
#define vec_load_bf16(p)                                                                                   \
    ((vec)_mm512_castsi512_ps(                                                                             \
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(p))), 16)))
#define vec_store_bf16(p, y) _mm256_storeu_si256((__m256i *)(p), (__m256i)_mm512_cvtneps_pbh((__m512)(y)))
#define vec_store2_bf16(p, y0, y1) \
    _mm512_storeu_si512((p), (__m512i)_mm512_cvtne2ps_pbh((__m512)(y1), (__m512)(y0)))
#endif

#define VEC_CONSTRAINT(x) "+v"(x)
#define vec_madd(c, a, b) __asm__(PRODUCT " %1, %2, %0" : "+v"(c) : "v"(a), "v"(b))
#include "peak_template.h"

#define TILE tile_14x32
#define ROWS 14
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_7x32
#define ROWS 7
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_4x32
#define ROWS 4
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_2x32
#define ROWS 2
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_1x32
#define ROWS 1
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_14x16
#define ROWS 14
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_7x16
#define ROWS 7
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_4x16
#define ROWS 4
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_2x16
#define ROWS 2
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_1x16
#define ROWS 1
#define VECTORS 1
#include "gemm_tile_template.h"

#define DEPTHWISE 16
#define COLUMNS 7
#include "depthwise_template.h"

#undef vec
#undef vec_u
#undef LANES
#undef vec_swish
#undef vec_sigmoid
#undef vec_relu
#undef vec_relu6
#undef vec_madd_row1
#undef vec_madd_row2
#undef vec_load_bf16
#undef vec_store_bf16

// Vectors of 8: a multiplication of one takes half the time of one of 16 where the multipliers are 256 bits wide.
typedef float vec8 __attribute__((vector_size(32)));
typedef float vec8_u __attribute__((vector_size(32), aligned(4)));
#define vec vec8
#define vec_u vec8_u
#define LANES 8
#define vec_swish(x) ((vec)swish8((__m256)(x)))
#define vec_sigmoid(x) ((vec)sigmoid8((__m256)(x)))
#define vec_relu(x) ((vec)_mm256_max_ps(_mm256_setzero_ps(), (__m256)(x)))
#define vec_relu6(x) ((vec)_mm256_min_ps(_mm256_set1_ps(6), (__m256)vec_relu(x)))
#define vec_madd_row1(c, a, b) __asm__(PRODUCT " %1%{1to8%}, %2, %0" : "+v"(c) : "m"(a), "v"(b))
#ifdef STORES_BF16
#define vec_load_bf16(p)                                                                                \
    ((vec)_mm256_castsi256_ps(                                                                          \
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(p))), 16)))
#define vec_store_bf16(p, y) _mm_storeu_si128((__m128i *)(p), (__m128i)_mm256_cvtneps_pbh((__m256)(y)))
#endif

#define TILE tile_14x8
#define ROWS 14
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_7x8
#define ROWS 7
#define VECTORS 1
#include "gemm_tile_template.h"
#define TILE tile_4x8
#define ROWS 4
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

#define TILES(width)                                                        \
    int row = first;                                                        \
    for (; row + 14 <= last; row += 14) tile_14x##width(g, w, row, column); \
    for (; row + 7 <= last; row += 7) tile_7x##width(g, w, row, column);    \
    for (; row + 4 <= last; row += 4) tile_4x##width(g, w, row, column);    \
    for (; row + 2 <= last; row += 2) tile_2x##width(g, w, row, column);    \
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
