// bfloat16 in plain C: the upper half of a float, rounded to nearest even; NaN stays NaN.
#ifndef NR_BF16_H
#define NR_BF16_H

#include <stdint.h>
#include <string.h>

static inline float bf16_widen(uint16_t value) {
    const uint32_t bits = (uint32_t)value << 16;
    float result;
    memcpy(&result, &bits, 4);
    return result;
}

static inline uint16_t bf16_round(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16 | 0x40u) : rounded);
}

#endif
