// The resize of 8-bit pictures in whole steps, as Pillow carries it out. Private to this target.
#ifndef NR_RESIZE_STEPS_H
#define NR_RESIZE_STEPS_H
#include "resize.h"

// nr_resize for u8 samples whose full range is 0…255, and palettes of 8-bit colours: both passes in 22-bit fixed point and rounded to whole steps.
// `memory` and `out` hold integers while it works, and `out` holds steps / 255 when it returns.
void nr_resize_steps(const nr_intensity *picture, const uint8_t *samples, size_t row_bytes, const nr_axis *across,
                     const nr_axis *down, int columns_first, float *memory, float *narrow, float *out, size_t row, size_t plane);

#endif
