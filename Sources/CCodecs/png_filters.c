// A row moves down by its number as its filter is undone, so what is written never reaches what is still to be read: at least one byte
// lies between, and every step reads before it writes. Filters work on bytes a pixel apart, so bytes may be swapped before as well as after.
#include "png_filters.h"

#include <string.h>

enum { NONE = 0, SUB = 1, UP = 2, AVERAGE = 3, PAETH = 4 };

#define INLINE static inline __attribute__((always_inline))

typedef uint8_t bytes8 __attribute__((vector_size(8)));
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef int16_t words8 __attribute__((vector_size(16)));
typedef uint16_t pairs8 __attribute__((vector_size(16)));
typedef uint32_t quads4 __attribute__((vector_size(16)));
typedef uint64_t halves2 __attribute__((vector_size(16)));

INLINE bytes16 load16(const uint8_t *from, bool swap) {
    pairs8 x;
    memcpy(&x, from, 16);
    if (swap) x = x << 8 | x >> 8;
    return (bytes16)x;
}

INLINE void store16(uint8_t *to, bytes16 x) { memcpy(to, &x, 16); }

// ---- whole vectors: none, up, and sub where pixels fill a vector ----

// The same steps for what is left of a row after its last whole vector.
#define TAIL(step)                                        \
    if (at < count) {                                     \
        uint8_t rest[16] = {0}, above[16] = {0};          \
        memcpy(rest, from + at, count - at);              \
        if (prior) memcpy(above, prior + at, count - at); \
        bytes16 x = load16(rest, swap), b = load16(above, false); \
        (void)b;                                          \
        step;                                             \
        memcpy(to + at, &x, count - at);                  \
    }

INLINE void undo_none(const uint8_t *from, const uint8_t *prior, uint8_t *to, size_t count, bool swap) {
    size_t at = 0;
    for (; at + 16 <= count; at += 16) store16(to + at, load16(from + at, swap));
    TAIL()
}

INLINE void undo_up(const uint8_t *from, const uint8_t *prior, uint8_t *to, size_t count, bool swap) {
    size_t at = 0;
    for (; at + 16 <= count; at += 16) store16(to + at, load16(from + at, swap) + load16(prior + at, false));
    TAIL(x += b)
}

// Sums of a vector's pixels up to each one, in steps of one, two, four … pixels.
INLINE bytes16 sums(bytes16 x, size_t pixel) {
    const bytes16 zero = {0};
    if (pixel <= 1) x += __builtin_shufflevector(zero, x, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
    if (pixel <= 2) x += __builtin_shufflevector(zero, x, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
    if (pixel <= 4) x += __builtin_shufflevector(zero, x, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
    return x + __builtin_shufflevector(zero, x, 0, 0, 0, 0, 0, 0, 0, 0, 16, 17, 18, 19, 20, 21, 22, 23);
}

INLINE bytes16 last_pixel(bytes16 x, size_t pixel) {
    switch (pixel) {
    case 1: return __builtin_shufflevector(x, x, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15);
    case 2: return (bytes16)__builtin_shufflevector((pairs8)x, (pairs8)x, 7, 7, 7, 7, 7, 7, 7, 7);
    case 4: return (bytes16)__builtin_shufflevector((quads4)x, (quads4)x, 3, 3, 3, 3);
    default: return (bytes16)__builtin_shufflevector((halves2)x, (halves2)x, 1, 1);
    }
}

INLINE void undo_sub_vectors(const uint8_t *from, uint8_t *to, size_t count, size_t pixel, bool swap) {
    const uint8_t *prior = NULL;
    bytes16 before = {0};
    size_t at = 0;
    for (; at + 16 <= count; at += 16) {
        bytes16 x = sums(load16(from + at, swap), pixel) + before;
        store16(to + at, x);
        before = last_pixel(x, pixel);
    }
    TAIL(x = sums(x, pixel) + before)
}

// ---- pixel by pixel: each one needs the one before ----

// A pixel, with whatever follows it where it is not the row's last: reading exactly three or six bytes takes several steps.
INLINE words8 load_pixel(const uint8_t *from, size_t pixel, bool last, bool swap) {
    uint64_t x = 0;
    memcpy(&x, from, last ? pixel : pixel == 3 ? 4 : pixel == 6 ? 8 : pixel);
    if (swap) x = (x & 0x00ff00ff00ff00ff) << 8 | (x >> 8 & 0x00ff00ff00ff00ff);
    bytes8 bytes;
    memcpy(&bytes, &x, 8);
    return __builtin_convertvector(bytes, words8);
}

INLINE void store_pixel(uint8_t *to, words8 x, size_t pixel) {
    bytes8 bytes = __builtin_convertvector(x, bytes8);
    memcpy(to, &bytes, pixel);
}

INLINE words8 choose(words8 mask, words8 yes, words8 no) { return (mask & yes) | (~mask & no); }

// Whichever of left, above and above left is nearest to left + above - above left, by comparing that with the smaller and the larger of
// the first two (Fabian Giesen's form, in stb_image.h).
INLINE words8 paeth(words8 left, words8 above, words8 corner) {
    words8 bound = corner * 3 - above - left, swapped = left < above;
    words8 low = choose(swapped, left, above), high = choose(swapped, above, left);
    words8 nearest = choose(high <= bound, low, corner);
    return choose(bound <= low, high, nearest);
}

INLINE void undo_pixels(int filter, const uint8_t *from, const uint8_t *prior, uint8_t *to, size_t count, size_t pixel, bool swap) {
    words8 left = {0}, corner = {0};
    for (size_t at = 0; at < count; at += pixel) {
        bool last = at + pixel == count;
        words8 x = load_pixel(from + at, pixel, last, swap), above = {0};
        if (prior) above = load_pixel(prior + at, pixel, last, false);
        if (filter == SUB) x += left;
        if (filter == AVERAGE) x += (left + above) >> 1;
        if (filter == PAETH) x += paeth(left, above, corner);
        left = x & 255;
        corner = above;
        store_pixel(to + at, left, pixel);
    }
}

INLINE bool undo_row(int filter, const uint8_t *from, const uint8_t *prior, uint8_t *to, size_t count, size_t pixel, bool swap) {
    switch (filter) {
    case NONE: undo_none(from, prior, to, count, swap); return true;
    case SUB:
        if (16 % pixel == 0) undo_sub_vectors(from, to, count, pixel, swap);
        else undo_pixels(SUB, from, NULL, to, count, pixel, swap);
        return true;
    case UP:  // the row above the first one is all zeros
        if (prior) undo_up(from, prior, to, count, swap);
        else undo_none(from, prior, to, count, swap);
        return true;
    case AVERAGE:
        if (prior) undo_pixels(AVERAGE, from, prior, to, count, pixel, swap);
        else undo_pixels(AVERAGE, from, NULL, to, count, pixel, swap);
        return true;
    case PAETH:
        if (prior) undo_pixels(PAETH, from, prior, to, count, pixel, swap);
        else undo_pixels(SUB, from, NULL, to, count, pixel, swap);  // what it comes to without a row above
        return true;
    default: return false;
    }
}

INLINE bool undo_rows(uint8_t *picture, size_t rows, size_t row_bytes, size_t pixel, bool swap) {
    const uint8_t *from = picture, *prior = NULL;
    uint8_t *to = picture;
    for (size_t y = 0; y < rows; y++, prior = to, to += row_bytes, from += 1 + row_bytes)
        if (!undo_row(*from, from + 1, prior, to, row_bytes, pixel, swap)) return false;
    return true;
}

bool png_undo_filters(uint8_t *picture, size_t rows, size_t row_bytes, size_t pixel, bool swap) {
    switch (pixel) {
    case 1: return undo_rows(picture, rows, row_bytes, 1, false);
    case 2: return swap ? undo_rows(picture, rows, row_bytes, 2, true) : undo_rows(picture, rows, row_bytes, 2, false);
    case 3: return undo_rows(picture, rows, row_bytes, 3, false);
    case 4: return swap ? undo_rows(picture, rows, row_bytes, 4, true) : undo_rows(picture, rows, row_bytes, 4, false);
    case 6: return undo_rows(picture, rows, row_bytes, 6, swap);
    default: return undo_rows(picture, rows, row_bytes, 8, swap);
    }
}
