// Where pixels go once a file's orientation is applied: shared by the formats that have one. Private to this target.
#ifndef NR_PLACEMENT_H
#define NR_PLACEMENT_H
#include "codec.h"

// The pixel stored at (x, y) goes to origin + x * x_step + y * y_step, in bytes.
typedef struct {
    uint8_t *origin;
    ptrdiff_t x_step, y_step;
    size_t pixel;  // bytes of one
} nr_placement;

// Whether rows become columns.
static inline int nr_orientation_turns(uint32_t orientation) { return orientation >= 5; }

// Of a frame whose width and height are those after orientation, from its first byte `pixels`.
nr_placement nr_place(const nr_frame *frame, uint8_t *pixels);

// Puts `count` stored pixels, the first of which is at (x, y), next to each other in their row.
void nr_put_run(const nr_placement *to, uint32_t x, uint32_t y, const uint8_t *from, size_t count);

#endif
