// Conversions between 32-bit floats and the 16-bit types of weight files. Buffers may have any alignment.
#ifndef NR_CONVERT_H
#define NR_CONVERT_H

#include <stddef.h>

// IEEE 754 binary16, little-endian, to float: exact, NaN and infinities kept.
void nr_convert_f16_f32(const void *source, float *target, size_t count);
// The upper half of a binary32, little-endian, to float: exact.
void nr_convert_bf16_f32(const void *source, float *target, size_t count);
// Float to binary16, rounded to nearest even; over 65519 becomes infinite; NaN stays NaN.
void nr_convert_f32_f16(const float *source, void *target, size_t count);
// Float to bfloat16, rounded to nearest even; NaN stays NaN.
void nr_convert_f32_bf16(const float *source, void *target, size_t count);

#endif
