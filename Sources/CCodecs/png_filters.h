// PNG's row filters undone (PNG 1.2, section 6), and 16-bit samples put into native order on the way. Private to this target.
#ifndef NR_PNG_FILTERS_H
#define NR_PNG_FILTERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Undoes the filters of `rows` rows in place: from rows of 1 + `row_bytes` bytes, the first of which names its filter, to rows of `row_bytes`
// that start where the filtered ones did. `pixel` is the bytes of one: 1, 2, 3, 4, 6 or 8. With `swap`, each two bytes change places.
// False where a filter is none; the bytes are then worth nothing.
bool png_undo_filters(uint8_t *picture, size_t rows, size_t row_bytes, size_t pixel, bool swap);

#endif
