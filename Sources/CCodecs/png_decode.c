// PNG through libpng, with the library's own limits and ours: what png_whole.c leaves, and every failure.
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "png_whole.h"
#include "source.h"

enum { buffer_bytes = 64 * 1024 };

// What libpng's callbacks need. Lives outside the frame that setjmp returns to.
typedef struct {
    nr_source *source;
    nr_failure *failure;
    uint64_t offset;             // of the next byte libpng asks for
    uint64_t buffer_start;
    size_t buffer_count;
    uint8_t buffer[buffer_bytes];
} reader;

static void on_error(png_structp png, png_const_charp message) {
    reader *r = png_get_error_ptr(png);
    if (r->failure->kind == NR_OK) {
        bool memory = strstr(message, "emory") != NULL;
        nr_fail(r->failure, nr_source_kind(r->source, memory ? NR_NO_MEMORY : NR_CORRUPT), "PNG: %s (libpng, near byte %llu of %llu)",
                message, (unsigned long long)r->offset, (unsigned long long)r->source->size);
    }
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void on_read(png_structp png, png_bytep into, size_t count) {
    reader *r = png_get_io_ptr(png);
    while (count > 0) {
        uint64_t at = r->offset - r->buffer_start;
        if (r->offset < r->buffer_start || at >= r->buffer_count) {
            size_t wanted = buffer_bytes;
            if (r->offset >= r->source->size) {
                r->source->ended_early = true;
                wanted = 0;
            } else if (r->source->size - r->offset < wanted) {
                wanted = (size_t)(r->source->size - r->offset);
            }
            r->buffer_start = r->offset;
            r->buffer_count = wanted ? nr_source_read(r->source, r->buffer, wanted, r->offset) : 0;
            if (r->buffer_count == 0)
                png_error(png, r->source->io_error ? strerror(r->source->io_error) : "the file ends before its picture does");
            at = 0;
        }
        size_t share = r->buffer_count - (size_t)at;
        if (share > count) share = count;
        memcpy(into, r->buffer + at, share);
        into += share;
        count -= share;
        r->offset += share;
    }
}

// Sets libpng up so that rows come as our frames hold them, and describes the frame.
static void describe(png_structp png, png_infop info, nr_frame *frame) {
    png_byte colour = png_get_color_type(png, info);
    png_byte depth = png_get_bit_depth(png, info);
    *frame = (nr_frame){.width = png_get_image_width(png, info), .height = png_get_image_height(png, info),
                        .bits = depth, .sample = depth == 16 ? NR_U16 : NR_U8, .orientation = 1};
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        bool transparent = png_get_valid(png, info, PNG_INFO_tRNS) != 0;
        png_set_palette_to_rgb(png);
        if (transparent) png_set_tRNS_to_alpha(png);
        frame->bits = 8;
        frame->channels = transparent ? 4 : 3;
        frame->flags = transparent ? NR_ALPHA : 0;
        return;
    }
    if (depth < 8) png_set_packing(png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (depth == 16) png_set_swap(png);
#endif
    bool alpha = (colour & PNG_COLOR_MASK_ALPHA) != 0;
    frame->channels = ((colour & PNG_COLOR_MASK_COLOR) ? 3u : 1u) + (alpha ? 1u : 0u);
    frame->flags = alpha ? NR_ALPHA : 0;
}

static int decode(png_structp png, png_infop info, nr_output *output, nr_frame *frame, nr_failure *failure) {
    if (setjmp(png_jmpbuf(png))) return (int)failure->kind;

    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // our own check of the product follows
    png_set_chunk_malloc_max(png, 8 * 1024 * 1024);
    png_set_chunk_cache_max(png, 64);
    // Text, colour profiles, EXIF and the like are never parsed; tRNS is not among them.
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(png, info);
    describe(png, info, frame);
    int passes = png_set_interlace_handling(png);

    uint8_t *pixels;
    int kind = nr_output_place(output, frame, &pixels, failure);
    if (kind != NR_OK) return kind;
    png_read_update_info(png, info);
    size_t row_bytes = png_get_rowbytes(png, info);
    if ((uint64_t)row_bytes * frame->height != frame->bytes)
        return nr_fail(failure, NR_UNSUPPORTED, "PNG: expected rows of %llu bytes, libpng gives %zu",
                       (unsigned long long)(frame->bytes / frame->height), row_bytes);
    for (int pass = 0; pass < passes; pass++)
        for (uint32_t y = 0; y < frame->height; y++) png_read_row(png, pixels + (size_t)y * row_bytes, NULL);
    png_read_end(png, NULL);  // an end that is missing or damaged is a damaged file
    nr_output_commit(output, frame);
    return NR_OK;
}

int nr_decode_png(nr_source *source, nr_output *output, nr_failure *failure) {
    if (png_decode_whole(source, output)) return NR_OK;
    reader r;
    r.source = source;
    r.failure = failure;
    r.offset = r.buffer_start = 0;
    r.buffer_count = 0;
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info) {
        png_destroy_read_struct(&png, NULL, NULL);
        return nr_fail(failure, NR_NO_MEMORY, "PNG: no memory for the decoder");
    }
    png_set_read_fn(png, &r, on_read);
    nr_frame frame;
    int kind = decode(png, info, output, &frame, failure);
    png_destroy_read_struct(&png, &info, NULL);
    return kind;
}
