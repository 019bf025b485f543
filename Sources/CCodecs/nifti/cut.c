// Copies a box of voxels from storage order into frames: in runs where rows lie along rows, else turned in tiles of a cache line's
// width, so that every line is used up while it is near.
#include <string.h>

#include "nifti.h"

enum { vector_bytes = 16, line_bytes = 64 };

typedef uint8_t vector1 __attribute__((vector_size(vector_bytes)));
typedef uint16_t vector2 __attribute__((vector_size(vector_bytes)));
typedef uint32_t vector4 __attribute__((vector_size(vector_bytes)));
typedef uint64_t vector8 __attribute__((vector_size(vector_bytes)));

// For voxels of SIZE bytes, COUNT of which make a vector: backwards_SIZE copies a run last to first, turn_SIZE a square, so that row r
// of `to` is column r of `from`. A square is turned by interleaving its two halves log2(COUNT) times.
#define SHUFFLES(SIZE, COUNT, ROUNDS, REVERSED, LOWER, UPPER)                                                                      \
    static void backwards_##SIZE(const uint8_t *from, uint8_t *to, size_t count) {                                                 \
        const uint8_t *end = from + count * SIZE;                                                                                  \
        for (; count >= COUNT; count -= COUNT, to += vector_bytes) {                                                               \
            vector##SIZE v;                                                                                                        \
            end -= vector_bytes;                                                                                                   \
            memcpy(&v, end, vector_bytes);                                                                                         \
            v = __builtin_shufflevector(v, v, REVERSED);                                                                           \
            memcpy(to, &v, vector_bytes);                                                                                          \
        }                                                                                                                          \
        for (; count > 0; count--, to += SIZE) memcpy(to, end -= SIZE, SIZE);                                                      \
    }                                                                                                                              \
    static void turn_##SIZE(const uint8_t *from, ptrdiff_t from_row, uint8_t *to, ptrdiff_t to_row) {                              \
        vector##SIZE a[COUNT], b[COUNT];                                                                                           \
        _Pragma("unroll") for (int row = 0; row < COUNT; row++) memcpy(&a[row], from + row * from_row, vector_bytes);              \
        _Pragma("unroll") for (int round = 0; round < ROUNDS; round++) {                                                           \
            _Pragma("unroll") for (int row = 0; row < COUNT / 2; row++) {                                                          \
                b[2 * row] = __builtin_shufflevector(a[row], a[row + COUNT / 2], LOWER);                                           \
                b[2 * row + 1] = __builtin_shufflevector(a[row], a[row + COUNT / 2], UPPER);                                       \
            }                                                                                                                      \
            memcpy(a, b, sizeof a);                                                                                                \
        }                                                                                                                          \
        _Pragma("unroll") for (int row = 0; row < COUNT; row++) memcpy(to + row * to_row, &a[row], vector_bytes);                  \
    }

// The preprocessor splits lists only where they are named first.
#define LIST(...) __VA_ARGS__
SHUFFLES(1, 16, 4, LIST(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
         LIST(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23), LIST(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31))
SHUFFLES(2, 8, 3, LIST(7, 6, 5, 4, 3, 2, 1, 0), LIST(0, 8, 1, 9, 2, 10, 3, 11), LIST(4, 12, 5, 13, 6, 14, 7, 15))
SHUFFLES(4, 4, 2, LIST(3, 2, 1, 0), LIST(0, 4, 1, 5), LIST(2, 6, 3, 7))
SHUFFLES(8, 2, 1, LIST(1, 0), LIST(0, 2), LIST(1, 3))

static void backwards(const uint8_t *from, uint8_t *to, size_t count, size_t voxel) {
    switch (voxel) {
    case 1: backwards_1(from, to, count); break;
    case 2: backwards_2(from, to, count); break;
    case 4: backwards_4(from, to, count); break;
    case 8: backwards_8(from, to, count); break;
    default:
        for (size_t index = 0; index < count; index++) memcpy(to + index * voxel, from + (count - 1 - index) * voxel, voxel);
    }
}

static void copy_runs(const nr_nifti_box *box) {
    bool back = box->to_step[0] < 0;
    size_t count = box->count[0], bytes = count * box->voxel;
    for (size_t k = 0; k < box->count[2]; k++)
        for (size_t j = 0; j < box->count[1]; j++) {
            const uint8_t *from = box->from + (ptrdiff_t)k * box->from_step[2] + (ptrdiff_t)j * box->from_step[1];
            uint8_t *to = box->to + (ptrdiff_t)k * box->to_step[2] + (ptrdiff_t)j * box->to_step[1];
            if (back)
                backwards(from, to - (bytes - box->voxel), count, box->voxel);
            else
                memcpy(to, from, bytes);
        }
}

// A plane of voxels: `rows` of them follow each other in `from` in steps of `from_row`, and in `to` as neighbours; `columns` the
// other way round.
typedef struct {
    const uint8_t *from;
    uint8_t *to;
    size_t rows, columns;
    ptrdiff_t from_row, from_column, to_column;
} plane;

// Any voxel, one by one.
static inline void turn_slowly(const plane *p, size_t voxel) {
    for (size_t column = 0; column < p->columns; column++)
        for (size_t row = 0; row < p->rows; row++)
            memcpy(p->to + (ptrdiff_t)column * p->to_column + (ptrdiff_t)(row * voxel),
                   p->from + (ptrdiff_t)row * p->from_row + (ptrdiff_t)column * p->from_column, voxel);
}

// One tile, at most a line wide and high. Inlined with a constant `voxel`.
static inline void turn_tile(const plane *tile, size_t voxel, void (*turn)(const uint8_t *, ptrdiff_t, uint8_t *, ptrdiff_t)) {
    size_t side = turn && tile->from_column == (ptrdiff_t)voxel ? vector_bytes / voxel : 0;
    size_t rows = side ? tile->rows / side * side : 0, columns = side ? tile->columns / side * side : 0;
    for (size_t row = 0; row < rows; row += side)
        for (size_t column = 0; column < columns; column += side)
            turn(tile->from + (ptrdiff_t)row * tile->from_row + (ptrdiff_t)(column * voxel), tile->from_row,
                 tile->to + (ptrdiff_t)column * tile->to_column + (ptrdiff_t)(row * voxel), tile->to_column);
    plane rest = *tile;  // below the squares
    rest.columns = columns;
    rest.rows = tile->rows - rows;
    rest.from += (ptrdiff_t)rows * tile->from_row;
    rest.to += rows * voxel;
    turn_slowly(&rest, voxel);
    rest = *tile;  // beside them
    rest.columns = tile->columns - columns;
    rest.from += (ptrdiff_t)columns * tile->from_column;
    rest.to += (ptrdiff_t)columns * tile->to_column;
    turn_slowly(&rest, voxel);
}

static inline void turn_plane(const plane *p, size_t voxel, void (*turn)(const uint8_t *, ptrdiff_t, uint8_t *, ptrdiff_t)) {
    size_t most = line_bytes / voxel;
    for (size_t row = 0; row < p->rows; row += most)
        for (size_t column = 0; column < p->columns; column += most) {
            plane tile = *p;
            tile.from += (ptrdiff_t)row * p->from_row + (ptrdiff_t)column * p->from_column;
            tile.to += (ptrdiff_t)(row * voxel) + (ptrdiff_t)column * p->to_column;
            tile.rows = p->rows - row < most ? p->rows - row : most;
            tile.columns = p->columns - column < most ? p->columns - column : most;
            turn_tile(&tile, voxel, turn);
        }
}

static void copy_turned(const nr_nifti_box *box, unsigned across) {
    unsigned other = 3 - across;  // of the axes 1 and 2
    plane p = {box->from, box->to, box->count[across], box->count[0], box->from_step[across], box->from_step[0], box->to_step[0]};
    // Both walk upwards where neighbours lie: rows in `to`, columns in `from`.
    if (box->to_step[across] < 0) {
        p.from += (ptrdiff_t)(p.rows - 1) * p.from_row;
        p.to += (ptrdiff_t)(p.rows - 1) * box->to_step[across];
        p.from_row = -p.from_row;
    }
    if (p.from_column < 0) {
        p.from += (ptrdiff_t)(p.columns - 1) * p.from_column;
        p.to += (ptrdiff_t)(p.columns - 1) * p.to_column;
        p.from_column = -p.from_column;
        p.to_column = -p.to_column;
    }
    for (size_t o = 0; o < box->count[other]; o++, p.from += box->from_step[other], p.to += box->to_step[other]) {
        switch (box->voxel) {
        case 1: turn_plane(&p, 1, turn_1); break;
        case 2: turn_plane(&p, 2, turn_2); break;
        case 3: turn_plane(&p, 3, NULL); break;
        case 4: turn_plane(&p, 4, turn_4); break;
        default: turn_plane(&p, 8, turn_8); break;
        }
    }
}

void nr_nifti_copy(const nr_nifti_box *box, unsigned across) {
    if (across == 0)
        copy_runs(box);
    else
        copy_turned(box, across);
}
