// Writes pictures of our own: thumbnails, prepared pictures, phantoms.
#ifndef NR_ENCODE_H
#define NR_ENCODE_H
#include <stddef.h>
#include <stdint.h>

// Encodes [height, width, channels] samples (channels 1 or 3; bits 8 or 16, native byte order) as PNG.
// On success returns 0 and an allocated buffer that the caller frees with free(); otherwise -1.
int nr_encode_png(const void *samples, uint32_t width, uint32_t height, uint32_t channels, uint32_t bits,
                  uint8_t **bytes, size_t *count);

// The same as a deflate-compressed TIFF with horizontal prediction, in strips.
int nr_encode_tiff(const void *samples, uint32_t width, uint32_t height, uint32_t channels, uint32_t bits,
                   uint8_t **bytes, size_t *count);

#endif
