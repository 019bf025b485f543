// Common PNG pictures, decoded as a whole. Private to this target.
#ifndef NR_PNG_WHOLE_H
#define NR_PNG_WHOLE_H
#include "source.h"

// Decodes a picture in which nothing is unusual: 8 or 16 bits, gray, RGB or either with alpha, not interlaced, every checksum right.
// False for all others, and for whatever is wrong in any way: libpng then says what it is, and whether the picture can be read at all.
// What may have been written to the planes and to `output` counts for nothing then.
bool png_decode_whole(const nr_source *source, nr_output *output);

#endif
