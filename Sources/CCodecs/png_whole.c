// ISA-L inflates the whole stream at once, in half of zlib's time (two or three bytes to a look into its table), and filters are undone
// in place behind it. Only what libpng would accept without a word comes through here.
#include "png_whole.h"

#include <isa-l/crc.h>
#include <string.h>

#include "png_filters.h"
#include "zlib_whole.h"

enum { longest_chunk = 8 * 1024 * 1024 };  // as for libpng; longer ones are its business

typedef struct {
    nr_source source;
    uint64_t offset;       // of the chunk's data
    uint32_t length;
    uint8_t type[4];
} chunk_reader;

typedef struct {
    uint32_t width, height;
    uint32_t depth, channels;
    size_t pixel, row;     // bytes
    uint64_t raw;          // bytes of all filtered rows
} picture;

static uint32_t big32(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

// Takes a chunk's head: length and type. False where libpng would wonder.
static bool take_head(chunk_reader *chunk, const uint8_t head[8], uint64_t offset) {
    chunk->length = big32(head);
    chunk->offset = offset + 8;
    memcpy(chunk->type, head + 4, 4);
    for (int i = 0; i < 4; i++)
        if ((uint8_t)((chunk->type[i] | 0x20) - 'a') > 'z' - 'a') return false;
    // With its checksum and the next one's head, which at least the end has.
    return chunk->length <= INT32_MAX && chunk->offset + chunk->length + 4 <= chunk->source.size;
}

static bool read_head(chunk_reader *chunk, uint64_t offset) {
    uint8_t head[8];
    return nr_source_read(&chunk->source, head, 8, offset) == 8 && take_head(chunk, head, offset);
}

static bool is(const chunk_reader *chunk, const char *type) { return memcmp(chunk->type, type, 4) == 0; }

static bool sum_is(const chunk_reader *chunk, const uint8_t *data, const uint8_t sum[4]) {
    return crc32_gzip_refl(crc32_gzip_refl(0, chunk->type, 4), data, chunk->length) == big32(sum);
}

// The first chunk, and whether it describes a picture of the usual kind.
static bool read_picture(chunk_reader *chunk, picture *is_of) {
    uint8_t data[13 + 4];
    if (!read_head(chunk, 8) || !is(chunk, "IHDR") || chunk->length != 13) return false;
    if (nr_source_read(&chunk->source, data, sizeof data, chunk->offset) != sizeof data || !sum_is(chunk, data, data + 13)) return false;
    is_of->width = big32(data);
    is_of->height = big32(data + 4);
    is_of->depth = data[8];
    switch (data[9]) {  // colour type
    case 0: is_of->channels = 1; break;
    case 2: is_of->channels = 3; break;
    case 4: is_of->channels = 2; break;
    case 6: is_of->channels = 4; break;
    default: return false;
    }
    if ((is_of->depth != 8 && is_of->depth != 16) || data[10] != 0 || data[11] != 0 || data[12] != 0) return false;
    if (is_of->width == 0 || is_of->height == 0 || is_of->width > INT32_MAX || is_of->height > INT32_MAX) return false;
    is_of->pixel = is_of->channels * is_of->depth / 8;
    is_of->row = is_of->width * is_of->pixel;
    is_of->raw = (uint64_t)is_of->height * (1 + is_of->row);
    return is_of->raw < (uint64_t)1 << 40;
}

// Passes by chunks that libpng is told to leave unread, up to the picture's data or the end. Their checksums are of no consequence there.
static bool skip_to(chunk_reader *chunk, const char *type) {
    while (!is(chunk, type)) {
        bool critical = !(chunk->type[0] & 0x20);
        if (critical || is(chunk, "tRNS") || chunk->length > longest_chunk) return false;
        if (!read_head(chunk, chunk->offset + chunk->length + 4)) return false;
    }
    return true;
}

// Collects the data of all IDAT chunks at `into`, which has room for `room` bytes; `chunk` is the first one, and afterwards what follows.
// Each chunk is read together with its checksum and the next one's head, over which the next one's data then go.
static bool collect(chunk_reader *chunk, uint8_t *into, uint64_t room, size_t *count) {
    *count = 0;
    for (uint64_t chunks = 1; is(chunk, "IDAT"); chunks++) {
        // Dust of a few bytes each is read through libpng's buffer instead.
        if (chunks > 16 + *count / 1024 || chunk->length == 0 || chunk->length + (uint64_t)12 > room - *count) return false;
        uint8_t *data = into + *count, *after = data + chunk->length;
        size_t wanted = (size_t)chunk->length + 12;
        if (nr_source_read(&chunk->source, data, wanted, chunk->offset) != wanted || !sum_is(chunk, data, after)) return false;
        *count += chunk->length;
        if (!take_head(chunk, after + 4, chunk->offset + chunk->length + 4)) return false;
    }
    return true;
}

// The most bytes that `raw` bytes of `rows` rows can sensibly be deflated to: stored blocks, one for each row.
static uint64_t most_deflated(const picture *of) { return of->raw + 5 * ((uint64_t)of->height + of->raw / 16384) + 64; }

static bool decode(chunk_reader *chunk, const picture *of, uint8_t *data, size_t room, uint8_t *pixels) {
    size_t count;
    if (!collect(chunk, data, room, &count) || !skip_to(chunk, "IEND") || chunk->length != 0) return false;
    uint8_t sum[4];
    if (nr_source_read(&chunk->source, sum, 4, chunk->offset) != 4 || !sum_is(chunk, sum, sum)) return false;
    if (!nr_inflate_whole(data, count, pixels, of->raw)) return false;
    bool little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
    return png_undo_filters(pixels, of->height, of->row, of->pixel, of->depth == 16 && little);
}

bool png_decode_whole(const nr_source *source, nr_output *output) {
    chunk_reader chunk = {.source = *source};
    picture of;
    if (!read_picture(&chunk, &of) || !read_head(&chunk, chunk.offset + 13 + 4) || !skip_to(&chunk, "IDAT")) return false;
    nr_frame frame = {.width = of.width, .height = of.height, .channels = of.channels, .bits = of.depth,
                      .sample = of.depth == 16 ? NR_U16 : NR_U8, .orientation = 1, .flags = of.channels % 2 ? 0 : NR_ALPHA};
    nr_failure unheard;
    uint8_t *pixels;
    // Filtered rows lie where the picture will, each a byte longer: a few more bytes of the planes, and no memory of their own.
    if (nr_output_place(output, &frame, &pixels, &unheard) != NR_OK || of.raw > output->capacity - frame.offset) return false;
    uint64_t room = most_deflated(&of), rest = source->size - chunk.offset + 12;
    if (room > rest) room = rest;
    uint8_t *data = nr_scratch_take((size_t)room);
    bool done = data && decode(&chunk, &of, data, (size_t)room, pixels);
    nr_scratch_give(data, (size_t)room);
    if (done) nr_output_commit(output, &frame);
    return done;
}
