// Predictor 2 (TIFF 6.0, section 14): samples stored as differences from the same sample of the pixel to the left. libtiff sums them up one
// after another, in about a third of the time that inflating takes; here each vector's sums are made in two to four steps.
#include <string.h>

#include "tiff_page.h"

#define INLINE static inline __attribute__((always_inline))

// SSE2 alone cannot bring bytes into any order.
#if defined(__x86_64__)
#define CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONES
#endif

typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint16_t pairs8 __attribute__((vector_size(16)));

INLINE bytes16 load(const uint8_t *from) {
    bytes16 x;
    memcpy(&x, from, 16);
    return x;
}

INLINE bytes16 add(bytes16 a, bytes16 b, size_t sample) {
    return sample == 1 ? a + b : (bytes16)((pairs8)a + (pairs8)b);
}

// Every byte `n` places further on, zeros before.
#define MOVED(x, n)                                                                                                           \
    __builtin_shufflevector((bytes16){0}, x, 16 - (n), 17 - (n), 18 - (n), 19 - (n), 20 - (n), 21 - (n), 22 - (n), 23 - (n),  \
                            24 - (n), 25 - (n), 26 - (n), 27 - (n), 28 - (n), 29 - (n), 30 - (n), 31 - (n))

// Bytes of the pixels that a vector holds whole.
INLINE size_t whole(size_t pixel) { return 16 / pixel * pixel; }

// Sums of a vector's pixels up to each one, in steps of one, two, four … pixels.
INLINE bytes16 sums(bytes16 x, size_t pixel, size_t sample) {
    switch (pixel) {
    case 1: x = add(x, MOVED(x, 1), sample); __attribute__((fallthrough));
    case 2: x = add(x, MOVED(x, 2), sample); __attribute__((fallthrough));
    case 4: x = add(x, MOVED(x, 4), sample); __attribute__((fallthrough));
    case 8: return add(x, MOVED(x, 8), sample);
    case 3: x = add(x, MOVED(x, 3), sample); __attribute__((fallthrough));
    case 6: x = add(x, MOVED(x, 6), sample); __attribute__((fallthrough));
    default: return pixel == 3 ? add(x, MOVED(x, 12), sample) : x;
    }
}

// A vector full of its last whole pixel.
INLINE bytes16 last_pixel(bytes16 x, size_t pixel) {
    switch (pixel) {
    case 1: return __builtin_shufflevector(x, x, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15);
    case 2: return __builtin_shufflevector(x, x, 14, 15, 14, 15, 14, 15, 14, 15, 14, 15, 14, 15, 14, 15, 14, 15);
    case 3: return __builtin_shufflevector(x, x, 12, 13, 14, 12, 13, 14, 12, 13, 14, 12, 13, 14, 12, 13, 14, 12);
    case 4: return __builtin_shufflevector(x, x, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15, 12, 13, 14, 15);
    case 6: return __builtin_shufflevector(x, x, 6, 7, 8, 9, 10, 11, 6, 7, 8, 9, 10, 11, 6, 7, 8, 9);
    default: return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
    }
}

INLINE void undo_row(uint8_t *row, size_t count, size_t pixel, size_t sample) {
    bytes16 before = {0};
    size_t at = 0, step = whole(pixel);
    if (count >= 16) {
        bytes16 next = load(row);
        for (; at + step + 16 <= count; at += step) {
            bytes16 x = next;
            // Read before the sums are stored, over the first bytes of what follows where pixels do not fill a vector.
            next = load(row + at + step);
            x = add(sums(x, pixel, sample), before, sample);
            before = last_pixel(x, pixel);
            memcpy(row + at, &x, step);
        }
    }
    for (; at < count; at += step) {
        size_t rest = count - at < step ? count - at : step;
        bytes16 x = {0};
        memcpy(&x, row + at, rest);
        x = add(sums(x, pixel, sample), before, sample);
        before = last_pixel(x, pixel);
        memcpy(row + at, &x, rest);
    }
}

INLINE void undo_rows(uint8_t *rows, size_t count, size_t row_bytes, size_t pixel, size_t sample) {
    for (size_t row = 0; row < count; row++) undo_row(rows + row * row_bytes, row_bytes, pixel, sample);
}

CLONES static void undo(uint8_t *rows, size_t count, size_t row_bytes, size_t pixel, size_t sample) {
    switch (pixel * 2 + (sample - 1)) {  // constants where they are used
    case 2: undo_rows(rows, count, row_bytes, 1, 1); break;
    case 4: undo_rows(rows, count, row_bytes, 2, 1); break;
    case 6: undo_rows(rows, count, row_bytes, 3, 1); break;
    case 8: undo_rows(rows, count, row_bytes, 4, 1); break;
    case 5: undo_rows(rows, count, row_bytes, 2, 2); break;
    case 9: undo_rows(rows, count, row_bytes, 4, 2); break;
    case 13: undo_rows(rows, count, row_bytes, 6, 2); break;
    default: undo_rows(rows, count, row_bytes, 8, 2); break;
    }
}

static size_t pixel_samples(const tiff_page *page) { return page->planar ? 1 : page->samples; }

// The tag is a codec's own: with others it means nothing, and libtiff would hand out whatever the file has there.
static bool has_predictor(uint16_t compression) {
    switch (compression) {
    case COMPRESSION_LZW: case COMPRESSION_ADOBE_DEFLATE: case COMPRESSION_DEFLATE: case COMPRESSION_ZSTD: case COMPRESSION_LZMA:
        return true;
    default: return false;
    }
}

bool tiff_take_differences(tiff_file *file, const tiff_page *page) {
    uint16_t predictor = PREDICTOR_NONE;
    if (!has_predictor(page->compression) || (page->bits != 8 && page->bits != 16) || page->conversion == TIFF_YCBCR ||
        pixel_samples(page) > 4)
        return false;
    if (!TIFFGetField(file->tiff, TIFFTAG_PREDICTOR, &predictor) || predictor != PREDICTOR_HORIZONTAL) return false;
    // Only what libtiff does with the next block depends on it (PredictorSetup in tif_predict.c, called once for a directory): without a
    // predictor it swaps bytes as it does for any other file.
    return TIFFSetField(file->tiff, TIFFTAG_PREDICTOR, PREDICTOR_NONE) == 1;
}

void tiff_undo_differences(const tiff_page *page, uint8_t *block, uint32_t rows) {
    size_t sample = page->bits / 8, pixel = pixel_samples(page) * sample;
    undo(block, rows, page->block_width * pixel, pixel, sample);
}
