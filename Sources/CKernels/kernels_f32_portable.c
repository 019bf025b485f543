// Floats, with no instruction beyond the compiler's baseline.
#include "elements_f32.h"

#define vec_madd(c, a, b) ((c) += (a) * (b))
#define vec_madd_row2(c0, c1, a, b0, b1) ((c0) += (a) * (b0), (c1) += (a) * (b1))
#include "tiles_portable.h"

const nr_kernels *nr_kernels_portable(void) {
    static const nr_kernels kernels = {"portable", PANEL, NR_F32, gemm, row, depthwise,
                                       scale_columns, scale_inputs, average, widen_all, peak};
    return &kernels;
}
