// ISA-L inflates in half of zlib's time: two or three bytes to a look into its table.
#include "zlib_whole.h"

#include <isa-l/igzip_lib.h>
#include <stdlib.h>

// ISA-L leaves the upper halves of vector registers in use, and the older instructions that other code is compiled to have to mind them
// from then on: undoing the filters takes 1.7 times as long.
#if defined(__x86_64__)
__attribute__((target("avx"))) static void clear_upper_halves(void) { __builtin_ia32_vzeroupper(); }

static void leave_vectors(void) {
    if (__builtin_cpu_supports("avx")) clear_upper_halves();
}
#else
static void leave_vectors(void) {}
#endif

bool nr_inflate_whole(const uint8_t *data, size_t count, uint8_t *into, size_t raw) {
    // zlib refuses distances beyond the window that the header names, ISA-L does not look at it.
    if (count < 6 || (data[0] >> 4 != 7 && (data[0] >> 4 > 7 || (size_t)1 << ((data[0] >> 4) + 8) < raw))) return false;
    if (count > UINT32_MAX || raw > UINT32_MAX) return false;
    struct inflate_state *inflater = malloc(sizeof *inflater);
    if (!inflater) return false;
    isal_inflate_init(inflater);
    inflater->crc_flag = ISAL_ZLIB;
    inflater->next_in = (uint8_t *)data;
    inflater->avail_in = (uint32_t)count;
    inflater->next_out = into;
    inflater->avail_out = (uint32_t)raw;
    bool whole = isal_inflate(inflater) == ISAL_DECOMP_OK && inflater->block_state == ISAL_BLOCK_FINISH &&
                 inflater->avail_in == 0 && inflater->avail_out == 0;
    leave_vectors();
    free(inflater);
    return whole;
}
