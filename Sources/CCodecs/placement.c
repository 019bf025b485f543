#include "placement.h"

#include <string.h>

#include "source.h"

nr_placement nr_place(const nr_frame *frame, uint8_t *pixels) {
    ptrdiff_t pixel = (ptrdiff_t)(frame->channels * nr_sample_size(frame->sample));
    ptrdiff_t row = pixel * (ptrdiff_t)frame->width;
    ptrdiff_t right = pixel * ((ptrdiff_t)frame->width - 1), bottom = row * ((ptrdiff_t)frame->height - 1);
    switch (frame->orientation) {  // TIFF 6.0, section 8, and EXIF: where row 0 and column 0 are
    case 2: return (nr_placement){pixels + right, -pixel, row, (size_t)pixel};
    case 3: return (nr_placement){pixels + right + bottom, -pixel, -row, (size_t)pixel};
    case 4: return (nr_placement){pixels + bottom, pixel, -row, (size_t)pixel};
    case 5: return (nr_placement){pixels, row, pixel, (size_t)pixel};
    case 6: return (nr_placement){pixels + right, row, -pixel, (size_t)pixel};
    case 7: return (nr_placement){pixels + right + bottom, -row, -pixel, (size_t)pixel};
    case 8: return (nr_placement){pixels + bottom, -row, pixel, (size_t)pixel};
    default: return (nr_placement){pixels, pixel, row, (size_t)pixel};
    }
}

void nr_put_run(const nr_placement *to, uint32_t x, uint32_t y, const uint8_t *from, size_t count) {
    uint8_t *at = to->origin + (ptrdiff_t)x * to->x_step + (ptrdiff_t)y * to->y_step;
    if (to->x_step == (ptrdiff_t)to->pixel) {
        memcpy(at, from, count * to->pixel);
        return;
    }
    for (size_t i = 0; i < count; i++, at += to->x_step, from += to->pixel) memcpy(at, from, to->pixel);
}
