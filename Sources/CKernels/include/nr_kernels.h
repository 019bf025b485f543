// The network's compute kernels: one table of functions per instruction set and precision, same results within rounding.
// Activations are [height][width][channels], float or bfloat16; every channel count is a multiple of 8.
#ifndef NR_KERNELS_H
#define NR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum nr_activation { NR_LINEAR, NR_SWISH, NR_RELU, NR_SIGMOID, NR_RELU6 };

// How a map's numbers lie in memory. Sums are floats in either precision, and so are biases and what activations compute.
enum nr_element { NR_F32, NR_BF16 };

// c[m][n] = activation(Σk a[m][k]·w[k][n] + bias[n]) + residual[m][n]
//
// Depths are counted in words of 32 bits: one float, or two bfloat16 values of neighbouring k. A product step takes one word
// of a and one of w, so that both precisions run through the same loops.
typedef struct nr_gemm {
    const void *a;
    ptrdiff_t a_row;         // words from one row of a to the next
    const int32_t *a_steps;  // where a row's k-th word lies; NULL: at k (the stem reads its taps through this)
    // A convolution's rows are runs of words, one for each row of its kernel: a_run words, then a_skip that are passed over. 0: all of
    // depth is one run. Never together with a_steps.
    int32_t a_run;
    ptrdiff_t a_skip;
    const void *weights;     // packed by nr_pack for the same table
    const float *bias;       // as many as columns
    void *c;                   // of c_element
    ptrdiff_t c_row;           // elements from one row of c to the next
    const int32_t *c_offsets;  // where row m begins in c; NULL: at m · c_row
    const void *residual;      // of c_element, rows as far apart as c_row; NULL: none
    int32_t rows, columns, depth;
    int32_t activation;
    int32_t c_element;
    // As many products of the same weights, one for each line of a map: where a, c and residual go on. Up to 1: a single product.
    int32_t lines;
    ptrdiff_t a_line;                 // words
    ptrdiff_t c_line, residual_line;  // elements
} nr_gemm;

// A depthwise convolution with bias, activation (NR_SWISH or NR_RELU6), and each channel's sum over the outputs added to sums.
typedef struct nr_depthwise {
    const float *input;  // the first output's first tap; zeros around the map lie in memory
    ptrdiff_t input_pixel, input_row;
    const float *weights;   // [kernel · kernel][weights_tap]
    ptrdiff_t weights_tap;  // floats from one tap's weights to the next tap's
    const float *bias;
    void *output;  // of the table's element
    ptrdiff_t output_pixel, output_row;
    float *sums;
    int32_t rows, columns, channels;
    int32_t kernel, stride;  // 3 or 5; 1 or 2
    int32_t activation;
    // Whether outputs go past the caches, where the kernels can; they then lie on boundaries of 64 bytes.
    int32_t streams;
} nr_depthwise;

// target = what nr_pack_floats has packed, with input channel k multiplied by scale[k], as nr_pack would have stored it.
//
// Rounding a matrix to bfloat16 moves its product by the rounding errors times the input, and the part of that which is the same
// for every row, the errors times the input's average, is known: corrected receives bias plus what takes it back. Without
// this the errors of the first, small matrices are nearly all there is to a bfloat16 network's error.
typedef struct nr_scaling {
    void *target;
    const float *weights;
    const float *scale;
    const float *averages;  // of each input before the scale; NULL: no correction
    const float *bias;      // of the product
    float *corrected;
    const float *residual_averages;  // of what is added to the product; NULL: nothing is
    float *product_averages;         // receives the exact average of each column of the product; NULL: not wanted
    size_t depth;                    // words
    size_t columns;
} nr_scaling;

typedef struct nr_kernels {
    const char *name;
    int32_t panel;    // output channels that are packed side by side
    int32_t element;  // of maps and matrices: an nr_element
    void (*gemm)(const nr_gemm *);
    // The same for one row of floats, with weights from nr_pack_row, into floats; depth counts values. Such a product waits for
    // its weights alone: half the bytes are half the time.
    void (*row)(const nr_gemm *);
    void (*depthwise)(const nr_depthwise *);
    // values[r][c] *= scale[c]; values are elements
    void (*scale_columns)(void *values, const float *scale, size_t rows, size_t columns);
    void (*scale_inputs)(const nr_scaling *);
    // average[c] = Σr values[r][c] / rows
    void (*average)(float *average, const float *values, size_t rows, size_t columns);
    // target = elements as floats
    void (*widen)(float *target, const void *elements, size_t count);
    // Multiplies and adds in registers alone, and says how many products that were: the limit of any layer's speed
    size_t (*peak)(size_t rounds);
} nr_kernels;

// NULL where this machine cannot run them.
const nr_kernels *nr_kernels_portable(void);
const nr_kernels *nr_kernels_avx2(void);
const nr_kernels *nr_kernels_avx512(void);
const nr_kernels *nr_kernels_avx512_bf16(void);
// What the AVX-512 bfloat16 instructions compute, in plain C: slow, for tests on machines without them.
const nr_kernels *nr_kernels_portable_bf16(void);

// Words that a packed matrix needs.
size_t nr_packed_words(const nr_kernels *, size_t columns, size_t depth);

// Packs a matrix [columns][depth] as panels [words of depth][panel], each column multiplied by scale[column]; what is left
// after the last whole panel follows in panels of 16 and 8. Columns are rounded up to 8 and, in bfloat16, depth to 2: what is
// added is zero.
void nr_pack(const nr_kernels *, const float *matrix, const float *scale, void *target, size_t columns, size_t depth);

// The same order, but every value a float: what scale_inputs takes, so that weights are rounded once, after the scale.
void nr_pack_floats(
    const nr_kernels *, const float *matrix, const float *scale, float *target, size_t columns, size_t depth);

// For row: panels [depth][panel] of elements, no two of them sharing a word by depth.
void nr_pack_row(const nr_kernels *, const float *matrix, const float *scale, void *target, size_t columns, size_t depth);

// What rounding takes from a matrix, w − bfloat16(w), in floats and in the caller's order.
void nr_rounding_errors(const float *matrix, const float *scale, float *target, size_t columns, size_t depth);

// The first two steps of an MBConv block, fused: 1×1 expansion, then the depthwise convolution, each with its activation. Runs through
// groups of NR_GROUP channels and bands of output rows, so that the expanded map never leaves the core's own cache.
// The first block has no expansion; there the stem's convolution stands in its place, and its map is never stored either.
#define NR_GROUP 32
typedef struct nr_expand_depthwise {
    const void *input;           // [height][width][inputs], elements; or the stem's planes
    const void *expand_weights;  // packed; NULL: no expansion, channels == inputs
    const float *expand_bias;
    const float *weights;  // depthwise, [kernel · kernel][channels]
    const float *bias;
    void *output;  // [output_height][output_width][channels], elements
    float *sums;   // [channels]: sums over the outputs
    float *band;   // nr_band_floats floats
    int32_t *offsets;  // nr_band_offsets integers
    int32_t height, width, inputs, channels;
    int32_t kernel, stride, top, left;  // zeros above and to the left
    int32_t output_height, output_width;
    int32_t band_rows;  // output rows of one band, at least 1
    int32_t streams;    // whether the output is too large to be found in a cache by whoever reads it
    int32_t activation;
    // The stem: where a pixel's taps lie, words from one pixel's to the next one's, and to the next row's. NULL: no stem.
    // inputs is then the number of taps, counted as if each were a value of the input.
    const int32_t *stem_steps;
    ptrdiff_t stem_pixel, stem_row;
} nr_expand_depthwise;

size_t nr_band_floats(const nr_expand_depthwise *);
size_t nr_band_offsets(const nr_expand_depthwise *);
void nr_run_expand_depthwise(const nr_kernels *, const nr_expand_depthwise *);

// A k×k convolution of a whole map with its activation, or a fused MBConv block: the same as its expansion, then a 1×1 projection. Runs
// through bands of output rows: their input, with zeros around it, and the expanded map stay in the core's own cache.
// The weights' depth is [kernel][kernel][inputs], so that a row of the kernel is one run of words.
typedef struct nr_convolution {
    const void *input;  // [height][width][inputs], elements; or the stem's planes
    const void *weights;  // packed
    const float *bias;
    const void *project_weights;  // packed, of depth channels; NULL: no projection, outputs == channels
    const float *project_bias;
    void *output;    // [output_height][output_width][outputs], elements
    void *band;      // nr_convolution_band words
    void *expanded;  // nr_convolution_expanded words
    int32_t height, width, inputs, channels, outputs;
    int32_t kernel, stride, top, left;  // zeros above and to the left
    int32_t output_height, output_width;
    int32_t band_rows;  // output rows of one band, at least 1
    int32_t activation;
    int32_t adds_input;  // whether the input is added to the output: stride is 1, inputs == outputs
    // Where the stem stands before the convolution, its map goes into the band and nowhere else: as in nr_expand_depthwise, with its
    // own packed weights and the words of one of their columns.
    const int32_t *stem_steps;
    ptrdiff_t stem_pixel, stem_row;
    const void *stem_weights;
    const float *stem_bias;
    int32_t stem_words;
} nr_convolution;

size_t nr_convolution_band(const nr_kernels *, const nr_convolution *);
size_t nr_convolution_expanded(const nr_kernels *, const nr_convolution *);
void nr_run_convolution(const nr_kernels *, const nr_convolution *);

// A row of the image for the bfloat16 stem: its windows begin at even pixels, so that pixels 2x, 2x + 1 are one word
// (pairs[x]) and pixel 2x + 2 with a zero another (lone[x]). row holds 2 · words + 1 pixels, zeros of the border among them.
void nr_stem_row_bf16(const float *row, uint32_t *pairs, uint32_t *lone, size_t words);

#endif
