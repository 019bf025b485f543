#include <cstring>

#include "pixels.h"

namespace dicom {

namespace {

template <typename Sample> void take(Sample *samples, uint64_t count, unsigned up, unsigned down) {
    using Unsigned = std::make_unsigned_t<Sample>;
    for (uint64_t index = 0; index < count; index++)
        samples[index] = (Sample)((Sample)(Unsigned)((Unsigned)samples[index] << up) >> down);
}

}  // namespace

void swap_bytes(uint8_t *samples, uint64_t bytes, size_t size) {
    switch (size) {
    case 2:
        for (uint64_t at = 0; at + 2 <= bytes; at += 2) {
            uint16_t value;
            memcpy(&value, samples + at, 2);
            value = __builtin_bswap16(value);
            memcpy(samples + at, &value, 2);
        }
        break;
    case 4:
        for (uint64_t at = 0; at + 4 <= bytes; at += 4) {
            uint32_t value;
            memcpy(&value, samples + at, 4);
            value = __builtin_bswap32(value);
            memcpy(samples + at, &value, 4);
        }
        break;
    case 8:
        for (uint64_t at = 0; at + 8 <= bytes; at += 8) {
            uint64_t value;
            memcpy(&value, samples + at, 8);
            value = __builtin_bswap64(value);
            memcpy(samples + at, &value, 8);
        }
        break;
    default: break;
    }
}

void extract_stored_bits(const Picture &picture, const Target &target) {
    if (picture.is_float || picture.stored == picture.allocated) return;
    // Up, so that the highest stored bit is the sign; down again, which repeats it or brings zeroes.
    const unsigned up = picture.allocated - picture.stored - picture.shift, down = picture.allocated - picture.stored;
    uint8_t *samples = target.samples;
    switch (picture.sample_type()) {
    case NR_U8: take((uint8_t *)samples, target.bytes, up, down); break;
    case NR_I8: take((int8_t *)samples, target.bytes, up, down); break;
    case NR_U16: take((uint16_t *)samples, target.bytes / 2, up, down); break;
    case NR_I16: take((int16_t *)samples, target.bytes / 2, up, down); break;
    case NR_U32: take((uint32_t *)samples, target.bytes / 4, up, down); break;
    case NR_I32: take((int32_t *)samples, target.bytes / 4, up, down); break;
    default: break;
    }
}

void unpack_bits(const uint8_t *packed, uint64_t start, uint64_t count, uint8_t *samples) {
    uint64_t index = 0;
    for (; index < count && (start + index) % 8 != 0; index++)
        samples[index] = (packed[(start + index) / 8] >> ((start + index) % 8)) & 1;
    for (; index + 8 <= count; index += 8) {
        const uint8_t byte = packed[(start + index) / 8];
        for (unsigned bit = 0; bit < 8; bit++) samples[index + bit] = (byte >> bit) & 1;
    }
    for (; index < count; index++) samples[index] = (packed[(start + index) / 8] >> ((start + index) % 8)) & 1;
}

void interleave(const uint8_t *planes, uint64_t pixels, uint32_t samples, size_t size, uint8_t *target) {
    for (uint32_t sample = 0; sample < samples; sample++) {
        const uint8_t *from = planes + sample * pixels * size;
        uint8_t *to = target + sample * size;
        for (uint64_t pixel = 0; pixel < pixels; pixel++, from += size, to += samples * size) memcpy(to, from, size);
    }
}

void convert_ybr(uint8_t *samples, uint64_t pixels) {
    // PS3.3 C.7.6.3.1.2 inverted. pydicom multiplies in single precision with fused additions; a product of a float and a byte is
    // exact in double precision, so that rounding the sum to float gives the same for all 2^24 colours.
    const float red_cr = 1.402f, blue_cb = 1.772f;
    const double green_cb = (float)(-0.114 * 1.772 / 0.587), green_cr = (float)(-0.299 * 1.402 / 0.587);
    for (uint64_t pixel = 0; pixel < pixels; pixel++, samples += 3) {
        const float y = samples[0], cb = (float)(samples[1] - 128), cr = (float)(samples[2] - 128);
        const float partial = (float)((double)cb * green_cb + (double)y);
        float colours[3] = {y + cr * red_cr, (float)((double)cr * green_cr + (double)partial), y + cb * blue_cb};
        for (unsigned colour = 0; colour < 3; colour++) {
            // Rounded half up, as floor(x + 0.5), of what is not negative.
            float value = colours[colour] + 0.5f;
            value = value < 0 ? 0 : value > 255 ? 255 : value;
            samples[colour] = (uint8_t)(int)value;
        }
    }
}

}  // namespace dicom
