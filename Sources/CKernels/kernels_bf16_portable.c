// What the AVX-512 BF16 instructions compute, in plain C: slow, so that the bfloat16 path can be tested on any machine.
#include "elements_bf16.h"

// VDPBF16PS: the odd values' product is added first, then the even values', each sum rounded once. A product of two bfloat16
// values is exact in a float, so that a multiplication and an addition round as the instruction's fused one does.
#define upper_half(bits) ((vec)((int4)(bits) & (int32_t)0xffff0000))
#define lower_half(bits) ((vec)((int4)(bits) << 16))
#define vec_madd(c, a, b)                          \
    do {                                           \
        (c) += upper_half(a) * upper_half(b);      \
        (c) += lower_half(a) * lower_half(b);      \
    } while (0)
// Not 0 + a: the word is no float, and an addition could change its bits.
#define vec_madd_row2(c0, c1, a, b0, b1)         \
    do {                                         \
        const vec spread = {(a), (a), (a), (a)}; \
        vec_madd(c0, spread, b0);                \
        vec_madd(c1, spread, b1);                \
    } while (0)

#define vec_load_bf16(p) ((vec){bf16_widen((p)[0]), bf16_widen((p)[1]), bf16_widen((p)[2]), bf16_widen((p)[3])})
#define vec_store_bf16(p, y)                                    \
    do {                                                        \
        uint16_t *to = (p);                                     \
        for (int i = 0; i < 4; i++) to[i] = bf16_round((y)[i]); \
    } while (0)
#define vec_store2_bf16(p, y0, y1)          \
    do {                                    \
        vec_store_bf16((p), (y0));          \
        vec_store_bf16((p) + LANES, (y1));  \
    } while (0)
#include "tiles_portable.h"

const nr_kernels *nr_kernels_portable_bf16(void) {
    static const nr_kernels kernels = {"portable", PANEL, NR_BF16, gemm, row, depthwise,
                                       scale_columns, scale_inputs, average, widen_all, peak};
    return &kernels;
}
