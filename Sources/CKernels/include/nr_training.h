// The kernels that training needs beside the products of nr_kernels.h: batch norm and activation forwards and backwards, depthwise
// convolutions and their gradients, optimisers. Maps are floats, channels innermost; every channel count is a multiple of 8.
#ifndef NR_TRAINING_H
#define NR_TRAINING_H

#include <stddef.h>
#include <stdint.h>

// How far a map's pixels and lines are apart, in floats.
typedef struct nr_map {
    float *values;
    ptrdiff_t pixel, line;
} nr_map;

typedef struct nr_extent {
    int32_t lines, pixels, channels;
} nr_extent;

// Batch norm and the activation after it: activation((z − mean) · scale + bias), by channel. scale is weight / deviation.
typedef struct nr_norm {
    const float *mean, *scale, *bias;
    int32_t activation;  // NR_LINEAR, NR_SWISH, NR_RELU or NR_RELU6
} nr_norm;

// target = activation(norm(z)) · gate, or activation(norm(z)) · keep + residual
typedef struct nr_apply {
    nr_norm norm;
    nr_map z, target;
    const float *gate;  // by channel; NULL: 1
    nr_map residual;    // values NULL: none
    float keep;
    nr_extent extent;
} nr_apply;

// target = (gradient · gate · keep + shift) · activation'(norm(z)), and each channel's sums of target and of target · (z − mean) over
// all pixels added to sums and products.
typedef struct nr_slope {
    nr_norm norm;
    nr_map z;
    nr_map gradient;    // values NULL: zeros
    nr_map target;      // values NULL: only the sums; may be gradient
    const float *gate;  // by channel; NULL: 1
    const float *shift;  // by channel; NULL: 0
    float keep;
    double *sums, *products;
    nr_extent extent;
    int32_t streams;  // whether target goes past the caches, where it lies on boundaries of vectors
} nr_slope;

// target = a · keep · gradient + b · (z − mean) + c: batch norm's backward pass, whose factors are the same for a channel's every pixel.
typedef struct nr_norm_gradient {
    const float *mean, *a, *b, *c;
    float keep;
    nr_map gradient, z, target;
    nr_extent extent;
} nr_norm_gradient;

// A depthwise convolution, without bias or activation.
typedef struct nr_correlation {
    const float *input;  // the first output's first tap; zeros around the map lie in memory
    ptrdiff_t input_pixel, input_line;
    const float *taps;
    ptrdiff_t taps_pixel, taps_line;  // from tap to tap; negative ones turn the kernel round
    float *output;
    ptrdiff_t output_pixel, output_line;
    nr_extent extent;  // of the output
    int32_t kernel_lines, kernel_pixels;  // 3 × 3 or 5 × 5; with stride 1 also every size up to 3 × 3
    int32_t stride;                       // 1 or 2
} nr_correlation;

// The gradient of its taps, added: taps[ky][kx] += Σ gradient[y][x] · input[y · stride + ky][x · stride + kx]
typedef struct nr_tap_gradient {
    const float *input;
    ptrdiff_t input_pixel, input_line;
    const float *gradient;
    ptrdiff_t gradient_pixel, gradient_line;
    float *taps;  // [kernel · kernel][taps_step]
    ptrdiff_t taps_step;
    nr_extent extent;  // of gradient
    int32_t kernel, stride;
} nr_tap_gradient;

// One step of Adam or AdamW (Kingma & Ba 2015; Loshchilov & Hutter 2019) in PyTorch's form: moments corrected by correction1 and
// correction2, epsilon added to the root.
typedef struct nr_adam {
    float *weights, *first, *second;
    const float *gradient;
    size_t count;
    float rate, beta1, beta2, epsilon;
    float correction1;       // 1 − β1^t
    float root_correction2;  // √(1 − β2^t)
    float decay;             // of the weights themselves, as a factor of rate (AdamW)
    float penalty;           // times the weights, added to the gradient (Adam)
    float scale;             // of the gradient
} nr_adam;

// velocity = momentum · velocity + gradient · scale + penalty · weights; weights −= rate · velocity
typedef struct nr_momentum {
    float *weights, *velocity;
    const float *gradient;
    size_t count;
    float rate, momentum, penalty, scale;
} nr_momentum;

typedef struct nr_training {
    const char *name;
    void (*apply)(const nr_apply *);
    // Each channel's mean and sum of squared deviations over this map and `count` pixels before it, whose mean and squares hold them
    // already (Chan, Golub & LeVeque 1983).
    void (*moments)(nr_map, nr_extent, int64_t count, double *mean, double *squares);
    // sums[c] += Σ activation(norm(z)) over the pixels
    void (*sums)(const nr_norm *, nr_map z, nr_extent, double *sums);
    // sums[c] += Σ a · b over the pixels
    void (*products)(nr_map a, nr_map b, nr_extent, double *sums);
    void (*slope)(const nr_slope *);
    void (*norm_gradient)(const nr_norm_gradient *);
    void (*correlate)(const nr_correlation *);
    void (*tap_gradient)(const nr_tap_gradient *);
    // target += source; target = source, past the caches where `streams` and where target lies on boundaries of vectors
    void (*add)(nr_map target, nr_map source, nr_extent);
    void (*copy)(nr_map target, nr_map source, nr_extent, int streams);
    void (*adam)(const nr_adam *);
    void (*momentum)(const nr_momentum *);
    // average = average · decay + values · (1 − decay)
    void (*blend)(float *average, const float *values, float decay, size_t count);
    double (*squares)(const float *values, size_t count);
} nr_training;

// NULL where this machine cannot run them.
const nr_training *nr_training_portable(void);
const nr_training *nr_training_avx2(void);
const nr_training *nr_training_avx512(void);

// The order in which nr_gemm reads weights of `panel` columns a panel, of a matrix whose rows lie one after the other: [rows][row].
// Rows become depth. What is added to reach a multiple of 8 columns is zero.
void nr_panels(int32_t panel, const float *values, ptrdiff_t row, size_t rows, size_t columns, float *target);
// The same of a matrix [columns][row], whose columns become depth.
void nr_panels_transposed(int32_t panel, const float *values, ptrdiff_t row, size_t depth, size_t columns, float *target);
// target[r][c] += source[r][c], or source[c][r]; rows of source lie source_row floats apart, those of target `columns`.
void nr_gather(float *target, const float *source, ptrdiff_t source_row, size_t rows, size_t columns, int transposed);

// Where all of `parties` threads wait for the last one: spinning at first, since they mostly arrive together, then asleep.
typedef struct nr_barrier nr_barrier;
nr_barrier *nr_barrier_create(unsigned parties);
void nr_barrier_wait(nr_barrier *);
void nr_barrier_destroy(nr_barrier *);

#endif
