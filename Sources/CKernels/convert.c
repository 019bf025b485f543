// Conversions between float and the 16-bit types of weight files: plain integer arithmetic that the compiler
// vectorises, so that they need no instruction of their own and run everywhere.
#include "include/nr_convert.h"

#include <stdint.h>
#include <string.h>

static inline float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

void nr_convert_f16_f32(const void *source, float *target, size_t count) {
    const unsigned char *bytes = source;
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
        const uint32_t magnitude = half & 0x7fffu;
        // Shifted into place, the exponent's bias is 112 short: a multiplication by 2^112 mends it, subnormals included.
        const float scaled = from_bits(magnitude << 13) * 0x1p112f;
        const uint32_t infinite = magnitude >= 0x7c00u ? 0x7f800000u : 0;
        target[i] = from_bits(to_bits(scaled) | sign | infinite);
    }
}

void nr_convert_bf16_f32(const void *source, float *target, size_t count) {
    const unsigned char *bytes = source;
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        target[i] = from_bits((uint32_t)half << 16);
    }
}

void nr_convert_f32_f16(const float *source, void *target, size_t count) {
    unsigned char *bytes = target;
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = to_bits(source[i]);
        const uint32_t sign = bits >> 16 & 0x8000u;
        const uint32_t magnitude = bits & 0x7fffffffu;
        uint32_t half;
        if (magnitude > 0x7f800000u) {
            half = 0x7e00u;
        } else if (magnitude >= 0x477ff000u) {
            half = 0x7c00u;
        } else if (magnitude < 0x38800000u) {
            // Below 2^-14 the result is subnormal: adding 1/2 lets the adder round to multiples of 2^-24.
            half = to_bits(from_bits(magnitude) + 0.5f) - 0x3f000000u;
        } else {
            half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1)) >> 13;
        }
        const uint16_t result = (uint16_t)(half | sign);
        memcpy(bytes + 2 * i, &result, 2);
    }
}

void nr_convert_f32_bf16(const float *source, void *target, size_t count) {
    unsigned char *bytes = target;
    for (size_t i = 0; i < count; i++) {
        const uint32_t bits = to_bits(source[i]);
        const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
        const uint16_t result = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16 | 0x40u) : rounded);
        memcpy(bytes + 2 * i, &result, 2);
    }
}
