// Whole zlib streams that lie in memory. Private to this target.
#ifndef NR_ZLIB_WHOLE_H
#define NR_ZLIB_WHOLE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Inflates `count` bytes at `data`, which must be one stream of exactly `raw` bytes with nothing behind it and the right checksum. False for all
// others, also for some that zlib would take; what may have been written counts for nothing then.
bool nr_inflate_whole(const uint8_t *data, size_t count, uint8_t *into, size_t raw);

#endif
