// Order statistics of a picture's samples, for percentile windows.
#include <string.h>

#include "resize.h"

// Keys that sort as the numbers do: signed numbers have their sign bit turned, floats all bits where negative.
static inline uint64_t key_integer(uint64_t bits, uint32_t width, int is_signed) {
    return is_signed ? bits ^ ((uint64_t)1 << (width - 1)) : bits;
}

static inline uint64_t key_float(uint64_t bits, uint32_t width) {
    uint64_t sign = (uint64_t)1 << (width - 1);
    return bits & sign ? ~bits & (sign | (sign - 1)) : bits | sign;
}

static inline uint64_t load(const void *at, uint32_t width) {
    uint64_t bits = 0;
    memcpy(&bits, at, width / 8);  // little-endian machines only, as every one that Swift runs on
    return bits;
}

static uint32_t width_of(uint32_t sample) {
    static const uint32_t widths[9] = {0, 8, 16, 32, 8, 16, 32, 32, 64};
    return widths[sample];
}

static int is_finite(uint64_t bits, uint32_t width) {
    uint64_t exponent = width == 32 ? 0x7f800000u : 0x7ff0000000000000u;
    return (bits & exponent) != exponent;
}

uint64_t nr_count_finite(const nr_intensity *picture, const void *samples, uint64_t pixels) {
    uint32_t width = width_of(picture->sample);
    if (picture->sample < 7) return pixels * picture->colours;
    uint64_t count = 0;
    const uint8_t *at = samples;
    for (uint64_t i = 0; i < pixels; i++, at += picture->channels * width / 8)
        for (uint32_t colour = 0; colour < picture->colours; colour++)
            count += (uint64_t)is_finite(load(at + colour * width / 8, width), width);
    return count;
}

int nr_has_finite(const nr_intensity *picture, const void *samples, uint64_t pixels) {
    uint32_t width = width_of(picture->sample);
    if (picture->sample < 7) return pixels > 0;
    const uint8_t *at = samples;
    for (uint64_t i = 0; i < pixels; i++, at += picture->channels * width / 8)
        for (uint32_t colour = 0; colour < picture->colours; colour++)
            if (is_finite(load(at + colour * width / 8, width), width)) return 1;
    return 0;
}

// Counts the samples' 16-bit digit at `shift` among those whose digits above it are `prefix`.
static inline __attribute__((always_inline)) void count_digits(const nr_intensity *picture, const uint8_t *at, uint64_t pixels,
                                                               uint32_t width, int kind, uint32_t shift, uint64_t prefix,
                                                               uint64_t *bins) {
    size_t size = width / 8, step = picture->channels * size;
    uint32_t above = shift + 16;
    for (uint64_t i = 0; i < pixels; i++, at += step)
        for (uint32_t colour = 0; colour < picture->colours; colour++) {
            uint64_t bits = load(at + colour * size, width);
            if (kind == 2 && !is_finite(bits, width)) continue;
            uint64_t key = kind == 2 ? key_float(bits, width) : key_integer(bits, width, kind);
            if (above < 64 && above < width && key >> above != prefix) continue;
            bins[key >> shift & 65535]++;
        }
}

// The same for samples of 16 bits and less without any in between that do not count, eight bytes at a time: where all of them are the
// same, one addition instead of several that wait for each other.
#define COUNT_ALL(name, type, same)                                                                \
    static void name(const uint8_t *at, uint64_t count, uint32_t turn, uint64_t *bins) {           \
        enum { WIDTH = 8 * sizeof(type), AT_ONCE = 64 / WIDTH, MASK = (1 << WIDTH) - 1 };          \
        uint64_t i = 0;                                                                            \
        for (; i + AT_ONCE <= count; i += AT_ONCE) {                                               \
            uint64_t all;                                                                          \
            memcpy(&all, at + i * sizeof(type), sizeof all);                                       \
            if (all == (all & MASK) * (same)) {                                                    \
                bins[(all & MASK) ^ turn] += AT_ONCE;                                              \
                continue;                                                                          \
            }                                                                                      \
            for (uint32_t k = 0; k < AT_ONCE; k++) bins[(all >> (WIDTH * k) & MASK) ^ turn]++;     \
        }                                                                                          \
        for (; i < count; i++) {                                                                   \
            type one;                                                                              \
            memcpy(&one, at + i * sizeof(type), sizeof one);                                       \
            bins[one ^ turn]++;                                                                    \
        }                                                                                          \
    }

COUNT_ALL(count_all_8, uint8_t, 0x0101010101010101)
COUNT_ALL(count_all_16, uint16_t, 0x0001000100010001)

static void histogram(const nr_intensity *picture, const void *samples, uint64_t pixels, uint32_t shift, uint64_t prefix,
                      uint64_t *bins) {
    memset(bins, 0, 65536 * sizeof *bins);
    if (picture->channels == picture->colours) {
        switch (picture->sample) {
        case 1: count_all_8(samples, pixels * picture->channels, 0, bins); return;
        case 2: count_all_16(samples, pixels * picture->channels, 0, bins); return;
        case 4: count_all_8(samples, pixels * picture->channels, 0x80, bins); return;
        case 5: count_all_16(samples, pixels * picture->channels, 0x8000, bins); return;
        }
    }
    switch (picture->sample) {
    case 1: count_digits(picture, samples, pixels, 8, 0, shift, prefix, bins); break;
    case 2: count_digits(picture, samples, pixels, 16, 0, shift, prefix, bins); break;
    case 3: count_digits(picture, samples, pixels, 32, 0, shift, prefix, bins); break;
    case 4: count_digits(picture, samples, pixels, 8, 1, shift, prefix, bins); break;
    case 5: count_digits(picture, samples, pixels, 16, 1, shift, prefix, bins); break;
    case 6: count_digits(picture, samples, pixels, 32, 1, shift, prefix, bins); break;
    case 7: count_digits(picture, samples, pixels, 32, 2, shift, prefix, bins); break;
    case 8: count_digits(picture, samples, pixels, 64, 2, shift, prefix, bins); break;
    }
}

static double value_of(uint32_t sample, uint64_t key) {
    uint32_t width = width_of(sample);
    if (sample <= 3) return (double)key;
    if (sample <= 6) return (double)((int64_t)key - ((int64_t)1 << (width - 1)));
    uint64_t sign = (uint64_t)1 << (width - 1), bits = key & sign ? key ^ sign : ~key & (sign | (sign - 1));
    if (sample == 8) {
        double value;
        memcpy(&value, &bits, 8);
        return value;
    }
    uint32_t narrow = (uint32_t)bits;
    float value;
    memcpy(&value, &narrow, 4);
    return (double)value;
}

void nr_order_statistics(const nr_intensity *picture, const void *samples, uint64_t pixels, const uint64_t *ranks,
                         uint32_t count, double *values, uint64_t bins[65536]) {
    uint64_t prefix[8] = {0}, left[8];
    if (count > 8) count = 8;
    for (uint32_t i = 0; i < count; i++) left[i] = ranks[i];
    uint32_t width = width_of(picture->sample), levels = width <= 16 ? 1 : width / 16;
    for (uint32_t level = 0; level < levels; level++) {
        uint32_t shift = 16 * (levels - 1 - level);
        uint64_t counted = 0;
        for (uint32_t i = 0; i < count; i++) {
            uint64_t wanted = prefix[i];
            // Neighbouring ranks mostly share their leading digits, and with them the histogram.
            if (i == 0 || wanted != counted) histogram(picture, samples, pixels, shift, wanted, bins);
            counted = wanted;
            uint64_t digit = 0;
            while (digit < 65535 && left[i] >= bins[digit]) left[i] -= bins[digit++];
            prefix[i] = wanted << 16 | digit;
        }
    }
    for (uint32_t i = 0; i < count; i++) values[i] = value_of(picture->sample, prefix[i]);
}
