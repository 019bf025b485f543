// The network's compute kernels: one table of functions per instruction set, same results within rounding.
// Activations are [height][width][channels] in float; every channel count is a multiple of 8.
#ifndef NR_KERNELS_H
#define NR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum nr_activation { NR_LINEAR, NR_SWISH, NR_RELU, NR_SIGMOID };

// c[m][n] = activation(Σk a[m][k]·w[k][n] + bias[n]) + residual[m][n]
typedef struct nr_gemm {
    const float *a;
    ptrdiff_t a_row;         // floats from one row of a to the next
    const int32_t *a_steps;  // where a row's k-th value lies; NULL: at k (a convolution reads its taps through this)
    const float *weights;    // packed by nr_pack for the same table
    const float *bias;       // as many as columns
    float *c;
    ptrdiff_t c_row;           // floats from one row of c to the next
    const int32_t *c_offsets;  // where row m begins in c; NULL: at m · c_row
    const float *residual;     // rows as far apart as c_row; NULL: none
    int32_t rows, columns, depth;
    int32_t activation;
} nr_gemm;

// A depthwise convolution with bias, swish, and each channel's sum over the outputs added to sums.
typedef struct nr_depthwise {
    const float *input;  // the first output's first tap; zeros around the map lie in memory
    ptrdiff_t input_pixel, input_row;
    const float *weights;   // [kernel · kernel][weights_tap]
    ptrdiff_t weights_tap;  // floats from one tap's weights to the next tap's
    const float *bias;
    float *output;
    ptrdiff_t output_pixel, output_row;
    float *sums;
    int32_t rows, columns, channels;
    int32_t kernel, stride;  // 3 or 5; 1 or 2
} nr_depthwise;

typedef struct nr_kernels {
    const char *name;
    int32_t panel;  // output channels that are packed side by side
    void (*gemm)(const nr_gemm *);
    void (*depthwise)(const nr_depthwise *);
    // values[r][c] *= scale[c]
    void (*scale_columns)(float *values, const float *scale, size_t rows, size_t columns);
    // target = packed weights with input channel k multiplied by scale[k]
    void (*scale_inputs)(float *target, const float *weights, const float *scale, size_t depth, size_t columns);
    // average[c] = Σr values[r][c] / rows
    void (*average)(float *average, const float *values, size_t rows, size_t columns);
} nr_kernels;

// NULL where this machine cannot run them.
const nr_kernels *nr_kernels_portable(void);
const nr_kernels *nr_kernels_avx2(void);
const nr_kernels *nr_kernels_avx512(void);

// Packs a matrix [columns][depth] as panels [depth][panel], each column multiplied by scale[column]; what is left after
// the last whole panel follows in panels of 16 and 8. columns_padded is columns rounded up to 8: the rest is zero.
// target holds depth · columns_padded floats.
void nr_pack(const nr_kernels *, const float *matrix, const float *scale, float *target, size_t columns, size_t depth);

// The first two steps of an MBConv block, fused: 1×1 expansion with swish, then the depthwise convolution. Runs through
// groups of NR_GROUP channels and bands of output rows, so that the expanded map never leaves the core's own cache.
#define NR_GROUP 32
typedef struct nr_expand_depthwise {
    const float *input;           // [height][width][inputs]
    const float *expand_weights;  // packed; NULL: no expansion, channels == inputs
    const float *expand_bias;
    const float *weights;  // depthwise, [kernel · kernel][channels]
    const float *bias;
    float *output;  // [output_height][output_width][channels]
    float *sums;    // [channels]: sums over the outputs
    float *band;    // nr_band_floats floats
    int32_t *offsets;  // nr_band_offsets integers
    int32_t height, width, inputs, channels;
    int32_t kernel, stride, top, left;  // zeros above and to the left
    int32_t output_height, output_width;
    int32_t band_rows;  // output rows of one band, at least 1
} nr_expand_depthwise;

size_t nr_band_floats(const nr_expand_depthwise *);
size_t nr_band_offsets(const nr_expand_depthwise *);
void nr_run_expand_depthwise(const nr_kernels *, const nr_expand_depthwise *);

#endif
