// Weighted sums of a row's neighbouring samples, eight outputs at a time, each one's products in the lanes of a vector of its own. Included
// by both resizes, and compiled for each instruction set with them. Private to this target.
#ifndef NR_RESIZE_LANES_H
#define NR_RESIZE_LANES_H
#include <stddef.h>
#include <stdint.h>

typedef float nr_floats8 __attribute__((vector_size(32)));
typedef int32_t nr_ints8 __attribute__((vector_size(32)));
typedef uint8_t nr_bytes16 __attribute__((vector_size(16)));
// The same at any place in memory, whatever its type.
typedef float nr_floats8_loose __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint8_t nr_bytes16_loose __attribute__((vector_size(16), aligned(1), may_alias));
typedef int32_t nr_ints8_loose __attribute__((vector_size(32), aligned(4), may_alias));

// Sums of neighbouring lanes of `a` and `b`, within each half: a0+a1, a2+a3, b0+b1, b2+b3, then the same of the upper halves.
#define NR_PAIR_SUMS(a, b) \
    (__builtin_shufflevector(a, b, 0, 2, 8, 10, 4, 6, 12, 14) + __builtin_shufflevector(a, b, 1, 3, 9, 11, 5, 7, 13, 15))

// The sum of each of eight vectors' lanes, as one vector: a third of the steps that eight sums by themselves would take.
#define NR_LANE_SUMS(v, out)                                                                                           \
    {                                                                                                                  \
        const __typeof__(out) low_ = NR_PAIR_SUMS(NR_PAIR_SUMS(v[0], v[1]), NR_PAIR_SUMS(v[2], v[3]));                 \
        const __typeof__(out) high_ = NR_PAIR_SUMS(NR_PAIR_SUMS(v[4], v[5]), NR_PAIR_SUMS(v[6], v[7]));                \
        out = __builtin_shufflevector(low_, high_, 0, 1, 2, 3, 8, 9, 10, 11) +                                         \
              __builtin_shufflevector(low_, high_, 4, 5, 6, 7, 12, 13, 14, 15);                                        \
    }

// sums[i] = the sum over k < taps of line[starts[x + i] + k] * weights[(x + i) * taps + k], for i < 8; outputs after the last repeat it.
// `taps` is a multiple of 8. `vector` is the type of eight lanes, `sums` one of them. Four outputs at a time stay in registers.
#define NR_EIGHT_SUMS(vector, line, axis, weights, x, sums)                                         \
    {                                                                                               \
        vector products_[8];                                                                        \
        for (uint32_t half_ = 0; half_ < 8; half_ += 4) {                                           \
            const size_t last_ = (axis)->outputs - 1, taps_ = (axis)->taps, x_ = (x) + half_;       \
            const size_t x0_ = x_ < last_ ? x_ : last_, x1_ = x_ + 1 < last_ ? x_ + 1 : last_;      \
            const size_t x2_ = x_ + 2 < last_ ? x_ + 2 : last_, x3_ = x_ + 3 < last_ ? x_ + 3 : last_; \
            const __typeof__(*(line)) *s0_ = (line) + (axis)->starts[x0_], *s1_ = (line) + (axis)->starts[x1_]; \
            const __typeof__(*(line)) *s2_ = (line) + (axis)->starts[x2_], *s3_ = (line) + (axis)->starts[x3_]; \
            const __typeof__(*(weights)) *w0_ = (weights) + x0_ * taps_, *w1_ = (weights) + x1_ * taps_; \
            const __typeof__(*(weights)) *w2_ = (weights) + x2_ * taps_, *w3_ = (weights) + x3_ * taps_; \
            vector p0_ = {0}, p1_ = {0}, p2_ = {0}, p3_ = {0};                                      \
            for (size_t k_ = 0; k_ < taps_; k_ += 8) {                                              \
                p0_ += *(const vector##_loose *)(s0_ + k_) * *(const vector##_loose *)(w0_ + k_);   \
                p1_ += *(const vector##_loose *)(s1_ + k_) * *(const vector##_loose *)(w1_ + k_);   \
                p2_ += *(const vector##_loose *)(s2_ + k_) * *(const vector##_loose *)(w2_ + k_);   \
                p3_ += *(const vector##_loose *)(s3_ + k_) * *(const vector##_loose *)(w3_ + k_);   \
            }                                                                                       \
            products_[half_] = p0_;                                                                 \
            products_[half_ + 1] = p1_;                                                             \
            products_[half_ + 2] = p2_;                                                             \
            products_[half_ + 3] = p3_;                                                             \
        }                                                                                           \
        NR_LANE_SUMS(products_, sums)                                                               \
    }

// to[i] += weight * from[i], where the two are different memory.
#define NR_ADD_WEIGHTED(vector, to, weight, from, count)                                            \
    {                                                                                               \
        size_t i_ = 0;                                                                              \
        for (; i_ + 8 <= (count); i_ += 8)                                                          \
            *(vector##_loose *)((to) + i_) += *(const vector##_loose *)((from) + i_) * (weight);    \
        for (; i_ < (count); i_++) (to)[i_] += (from)[i_] * (weight);                               \
    }

// Colour `c`, a literal, of eight RGB pixels of 8 bits at `from`: lanes of 0…255. Compilers load such bytes one by one.
#define NR_COLOUR_OF_EIGHT(from, c, lanes)                                                          \
    {                                                                                               \
        const nr_bytes16 first_ = *(const nr_bytes16_loose *)(from), last_ = *(const nr_bytes16_loose *)((from) + 8); \
        lanes = __builtin_convertvector(                                                            \
            __builtin_shufflevector(first_, last_, (c), (c) + 3, (c) + 6, (c) + 9, (c) + 12, (c) + 15 < 16 ? (c) + 15 : (c) + 23, \
                                    (c) + 26, (c) + 29), nr_ints8);                                 \
    }

#endif
