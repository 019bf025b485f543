// No instruction beyond the compiler's baseline: tiles of 4 rows × 2 vectors of 4 floats (SSE2, NEON).
#include "include/nr_kernels.h"

#include <math.h>

typedef float vec4 __attribute__((vector_size(16)));
typedef float vec4_u __attribute__((vector_size(16), aligned(4)));
typedef int32_t int4 __attribute__((vector_size(16)));

// 1 / (1 + 2^t), t = −x·log2 e; as in the AVX2 file, with a division. NaN survives the selections, which compare false.
static inline __attribute__((always_inline)) vec4 sigmoid4(vec4 x) {
    const vec4 raw = x * -1.44269504f;
    const vec4 high = (vec4){0} + 127.0f, low = (vec4){0} - 126.0f;
    const int4 over = raw > high, under = raw < low, number = raw == raw;
    vec4 t = (vec4)(((int4)raw & ~over) | ((int4)high & over));
    t = (vec4)(((int4)t & ~under) | ((int4)low & under));
    // A NaN has no whole part that could be converted; it goes through as 0 and comes back at the end.
    const vec4 safe = (vec4)((int4)t & number);
    const int4 cut = __builtin_convertvector(safe, int4);
    const vec4 back = __builtin_convertvector(cut, vec4);
    const int4 whole = cut + (back > safe);
    const vec4 f = safe - __builtin_convertvector(whole, vec4);
    vec4 p = f * 1.8775767e-3f + 8.9893397e-3f;
    p = p * f + 5.5826318e-2f;
    p = p * f + 2.4015361e-1f;
    p = p * f + 6.9315308e-1f;
    p = p * f + 9.9999992e-1f;
    const vec4 power = (vec4)((whole + 127) << 23);
    const vec4 y = 1.0f / (p * power + 1.0f);
    // Where the clamp cut at the upper end the limit is 0, so that −infinity times it is NaN.
    const int4 vanished = x < -88.5f;
    return (vec4)(((int4)y & ~vanished & number) | ((int4)x & ~number));
}

static inline __attribute__((always_inline)) vec4 relu4(vec4 x) { return (vec4)((int4)x & ~(int4)(x < 0.0f)); }

#define TILE_JOIN(a, b) a##_##b
#define TILE_NAME(a, b) TILE_JOIN(a, b)
#define DW_NAME(a, b) TILE_JOIN(a, b)
#define TILE_ROWS 4
#define PANEL 8

#define vec vec4
#define vec_u vec4_u
#define LANES 4
#define vec_sigmoid(x) sigmoid4(x)
#define vec_madd_row2(c0, c1, a, b0, b1) ((c0) += (a) * (b0), (c1) += (a) * (b1))
#define vec_swish(x) ((x) * vec_sigmoid(x))
#define vec_relu(x) relu4(x)

#define TILE tile_4x8
#define ROWS 4
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_2x8
#define ROWS 2
#define VECTORS 2
#include "gemm_f32_tile_template.h"
#define TILE tile_1x8
#define ROWS 1
#define VECTORS 2
#include "gemm_f32_tile_template.h"

#define DEPTHWISE 4
#define COLUMNS 4
#include "depthwise_f32_template.h"

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

const nr_kernels *nr_kernels_portable(void) {
    static const nr_kernels kernels = {"portable", PANEL, gemm, depthwise, scale_columns, scale_inputs, average};
    return &kernels;
}
