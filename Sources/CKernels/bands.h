// A band of a map's rows with zeros around the map, which moves down the map: what convolutions read that go band by band.
#ifndef NR_BANDS_H
#define NR_BANDS_H

#include <stddef.h>
#include <string.h>

// Rows of the bordered map, whose row 0 is the first row of zeros above the map.
typedef struct rows_of_map {
    int begin, end;
} rows_of_map;

typedef struct bands {
    char *memory;
    size_t row;       // bytes
    int top, height;  // zeros above the map, and its rows
    int origin;       // the bordered map's row that is the band's row 0
    int filled;       // the row after the last one in the band
} bands;

// Pixels of a band's row: all that `outputs` windows see, and all of the map.
static inline int bordered_width(int outputs, int stride, int kernel, int left, int width) {
    const int needed = (outputs - 1) * stride + kernel;
    return needed > left + width ? needed : left + width;
}

// Rows that `outputs` rows of windows see.
static inline int rows_seen(int outputs, int stride, int kernel) { return (outputs - 1) * stride + kernel; }

// Moves the band on so that it begins at row `origin` and has `count` rows: those of the band before are kept, rows above and below
// the map become zeros, and the rows of the map that are left to be filled in are returned.
static inline rows_of_map move_on(bands *b, int origin, int count) {
    const int last = origin + count;
    if (b->filled > origin) {
        // The kernel reaches back into rows of the band before.
        memmove(b->memory, b->memory + (size_t)(origin - b->origin) * b->row, (size_t)(b->filled - origin) * b->row);
    } else {
        b->filled = origin;
    }
    const int first = b->filled;
    int begin = first > b->top ? first : b->top;
    int end = last < b->top + b->height ? last : b->top + b->height;
    if (begin > last) begin = last;
    if (end < begin) end = begin;
    if (begin > first) memset(b->memory + (size_t)(first - origin) * b->row, 0, (size_t)(begin - first) * b->row);
    if (last > end) memset(b->memory + (size_t)(end - origin) * b->row, 0, (size_t)(last - end) * b->row);
    b->origin = origin;
    b->filled = last;
    return (rows_of_map){begin, end};
}

#endif
