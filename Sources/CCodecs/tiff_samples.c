// Samples of any number of bits to whole native ones, and pixels of any colour model to gray or RGB.
#include <string.h>

#include "tiff_page.h"

size_t tiff_line_sample(const tiff_page *page) {
    if (page->is_float) return page->bits == 64 ? 8 : 4;
    return page->bits <= 8 ? 1 : page->bits <= 16 ? 2 : 4;
}

static void put_integer(uint8_t *at, size_t size, uint32_t value) {
    uint8_t small = (uint8_t)value;
    uint16_t middle = (uint16_t)value;
    if (size == 1) memcpy(at, &small, 1);
    else if (size == 2) memcpy(at, &middle, 2);
    else memcpy(at, &value, 4);
}

static uint32_t get_integer(const uint8_t *at, size_t size) {
    uint16_t middle;
    uint32_t value;
    if (size == 1) return *at;
    if (size == 2) {
        memcpy(&middle, at, 2);
        return middle;
    }
    memcpy(&value, at, 4);
    return value;
}

// IEEE 754 binary16, kept exactly.
static float from_half(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 1023;
    if (exponent == 0) {
        float value = (float)fraction * 0x1p-24f;
        return sign ? -value : value;
    }
    uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

// Bits are packed from the most significant end of each byte, whatever the file's byte order.
static void unpack_bits(const tiff_page *page, const uint8_t *row, size_t count, uint8_t *line, size_t step, size_t size) {
    uint32_t bits = page->bits;
    uint64_t window = 0;
    uint32_t held = 0;
    for (size_t i = 0; i < count; i++, line += step) {
        while (held < bits) {
            window = window << 8 | *row++;
            held += 8;
        }
        held -= bits;
        uint32_t value = (uint32_t)(window >> held) & (uint32_t)(((uint64_t)1 << bits) - 1);
        if (page->is_signed && value >> (bits - 1)) value |= ~(uint32_t)0 << (bits - 1);
        put_integer(line, size, value);
    }
}

// libtiff has put 24-bit samples into native byte order.
static void unpack_24(const tiff_page *page, const uint8_t *row, size_t count, uint8_t *line, size_t step) {
    for (size_t i = 0; i < count; i++, line += step, row += 3) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
        uint32_t value = (uint32_t)row[0] | (uint32_t)row[1] << 8 | (uint32_t)row[2] << 16;
#else
        uint32_t value = (uint32_t)row[2] | (uint32_t)row[1] << 8 | (uint32_t)row[0] << 16;
#endif
        if (page->is_signed && value >> 23) value |= 0xff000000u;
        put_integer(line, 4, value);
    }
}

void tiff_unpack(const tiff_page *page, const uint8_t *row, size_t count, uint8_t *line, size_t stride) {
    size_t size = tiff_line_sample(page), step = stride * size;
    if (page->is_float && page->bits == 16) {
        for (size_t i = 0; i < count; i++, line += step) {
            uint16_t half;
            memcpy(&half, row + 2 * i, 2);
            float value = from_half(half);
            memcpy(line, &value, 4);
        }
    } else if (page->bits == size * 8 && stride == 1) {
        memcpy(line, row, count * size);
    } else if (page->bits == size * 8) {
        for (size_t i = 0; i < count; i++, line += step, row += size) memcpy(line, row, size);
    } else if (page->bits == 24) {
        unpack_24(page, row, count, line, step);
    } else {
        unpack_bits(page, row, count, line, step, size);
    }
}

static void convert_palette(const tiff_page *page, const uint8_t *line, size_t count, size_t stride, uint8_t *out) {
    size_t size = tiff_line_sample(page);
    for (size_t i = 0; i < count; i++, out += 3) {
        uint32_t index = get_integer(line + i * stride * size, size);
        out[0] = (uint8_t)(page->red[index] >> page->palette_shift);
        out[1] = (uint8_t)(page->green[index] >> page->palette_shift);
        out[2] = (uint8_t)(page->blue[index] >> page->palette_shift);
    }
}

// Ink to light without colour profiles, as Pillow's convert("RGB") does: (white - K) - ink * (white - K) / white, rounded.
static void convert_cmyk(const tiff_page *page, const uint8_t *line, size_t count, size_t stride, uint8_t *out) {
    size_t size = tiff_line_sample(page);
    uint32_t white = page->bits == 8 ? 255 : 65535;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *inks = line + i * stride * size;
        uint64_t light = white - get_integer(inks + 3 * size, size);
        for (size_t ink = 0; ink < 3; ink++) {
            uint64_t absorbed = (get_integer(inks + ink * size, size) * light * 2 + white) / (2 * (uint64_t)white);
            put_integer(out, size, (uint32_t)(light - absorbed));
            out += size;
        }
    }
}

void tiff_convert(const tiff_page *page, const uint8_t *line, size_t count, size_t stride, uint8_t *out) {
    if (page->conversion == TIFF_PALETTE) {
        convert_palette(page, line, count, stride, out);
        return;
    }
    if (page->conversion == TIFF_CMYK) {
        convert_cmyk(page, line, count, stride, out);
        return;
    }
    size_t size = tiff_line_sample(page), kept = page->kept * size;
    if (kept == stride * size) {
        memcpy(out, line, count * kept);
        return;
    }
    for (size_t i = 0; i < count; i++, out += kept, line += stride * size) memcpy(out, line, kept);
}
