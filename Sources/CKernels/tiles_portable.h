// Vectors of 4 floats in the compiler's own terms (SSE2, NEON): the tiles of 4 rows × 2 vectors for either precision.
// Included after the precision's elements, with vec_madd and vec_madd_row2.
#include "include/nr_kernels.h"

typedef float vec4 __attribute__((vector_size(16)));
typedef float vec4_u __attribute__((vector_size(16), aligned(4)));
typedef int32_t int4 __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) vec4 choose4(int4 condition, vec4 yes, vec4 no) {
    return (vec4)(((int4)yes & condition) | ((int4)no & ~condition));
}

// 1 + 2^t, t = −x·log2 e, as in the AVX2 file. NaN survives the clamps, whose comparisons are false for it.
static inline __attribute__((always_inline)) vec4 denominator4(vec4 x) {
    const vec4 shift = (vec4){0} + 12582912.0f;
    vec4 t = x * -1.44269504f;
    t = choose4(t > 128.0f, (vec4){0} + 128.0f, t);
    t = choose4(t < -126.0f, (vec4){0} - 126.0f, t);
    const vec4 sum = t + shift;
    const vec4 f = t - (sum - shift);
    vec4 p = f * 9.57010191e-3f + 5.59178603e-2f;
    p = p * f + 2.40247448e-1f;
    p = p * f + 6.93121815e-1f;
    p = p * f + 9.99999261e-1f;
    const vec4 power = (vec4)(((int4)sum << 23) + (127 << 23));
    return p * power + 1.0f;
}

static inline __attribute__((always_inline)) vec4 relu4(vec4 x) { return (vec4)((int4)x & ~(int4)(x < 0.0f)); }
static inline __attribute__((always_inline)) vec4 relu6_4(vec4 x) { return choose4(x > 6.0f, (vec4){0} + 6.0f, relu4(x)); }

#define TILE_JOIN(a, b) a##_##b
#define TILE_NAME(a, b) TILE_JOIN(a, b)
#define DW_NAME(a, b) TILE_JOIN(a, b)
#define TILE_ROWS 4
#define PANEL 8

#define vec vec4
#define vec_u vec4_u
#define LANES 4
#define vec_sigmoid(x) (1.0f / denominator4(x))
#define vec_swish(x) ((x) / denominator4(x))
#define vec_relu(x) relu4(x)
#define vec_relu6(x) relu6_4(x)

#define VEC_CONSTRAINT(x) "+m"(x)
#include "peak_template.h"

#define TILE tile_4x8
#define ROWS 4
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_2x8
#define ROWS 2
#define VECTORS 2
#include "gemm_tile_template.h"
#define TILE tile_1x8
#define ROWS 1
#define VECTORS 2
#include "gemm_tile_template.h"

#define DEPTHWISE 4
#define COLUMNS 4
#include "depthwise_template.h"

static void tiles_panel(const nr_gemm *g, const float *w, int first, int last, int column) {
    int row = first;
    for (; row + 4 <= last; row += 4) tile_4x8(g, w, row, column);
    for (; row + 2 <= last; row += 2) tile_2x8(g, w, row, column);
    for (; row < last; row++) tile_1x8(g, w, row, column);
}

#define tiles_16 tiles_panel
#define tiles_8 tiles_panel
#include "kernels_template.h"

static void depthwise(const nr_depthwise *d) {
    for (int channel = 0; channel + 4 <= d->channels; channel += 4) run_4(d, channel);
}
