// Reads a TIFF page's strips or tiles and puts their pixels where the orientation wants them.
#include <stdlib.h>
#include <string.h>

#include "placement.h"
#include "tiff_page.h"

// Memory for one block on its way to its place.
typedef struct {
    uint8_t *stored;  // decoded blocks, one per plane where planar
    uint8_t *line;    // one row of unpacked samples
    uint8_t *pixels;  // one row of the frame's pixels
} scratch;

static int read_failed(tiff_file *file, const char *what, uint32_t index) {
    uint64_t offset = TIFFGetStrileOffset(file->tiff, index), count = TIFFGetStrileByteCount(file->tiff, index);
    bool beyond = offset > file->source->size || count > file->source->size - offset;
    return tiff_fail(file, beyond ? NR_TRUNCATED : nr_source_kind(file->source, NR_CORRUPT), "%s %u cannot be decoded", what, index);
}

// Decodes `rows` rows of strip or tile `index` into `into`. Fewer bytes than asked for are a failure: the rest would be
// whatever was there before.
static int read_block(tiff_file *file, const tiff_page *page, uint32_t index, uint32_t rows, uint8_t *into) {
    uint64_t wanted = page->tiled ? page->block_bytes : TIFFVStripSize64(file->tiff, rows);
    if (wanted == 0 || wanted > page->block_bytes) return tiff_fail(file, NR_CORRUPT, "strip %u has an impossible size", index);
    if (!page->inflates || !tiff_inflate(file, index, into, wanted)) {
        tmsize_t got = page->tiled ? TIFFReadEncodedTile(file->tiff, index, into, (tmsize_t)wanted)
                                   : TIFFReadEncodedStrip(file->tiff, index, into, (tmsize_t)wanted);
        if (got < 0 || (uint64_t)got < wanted) return read_failed(file, page->tiled ? "tile" : "strip", index);
    }
    if (page->differences) tiff_undo_differences(page, into, rows);
    return NR_OK;
}

// Rows of a block whose samples come as the frame's tiff_conversion says, one line at a time.
static void put_rows(const tiff_page *page, const nr_placement *to, const scratch *memory, uint32_t x, uint32_t y, uint32_t columns,
                     uint32_t rows) {
    uint32_t parts = page->planar ? page->kept : 1;
    size_t stride = page->planar ? page->kept : page->samples;
    size_t row_samples = (size_t)page->block_width * (page->planar ? 1 : page->samples);
    size_t row_bytes = (row_samples * page->bits + 7) / 8;
    size_t sample = tiff_line_sample(page);
    for (uint32_t row = 0; row < rows; row++) {
        for (uint32_t part = 0; part < parts; part++) {
            const uint8_t *stored = memory->stored + part * page->block_bytes + row * row_bytes;
            size_t count = (size_t)columns * (page->planar ? 1 : page->samples);
            tiff_unpack(page, stored, count, memory->line + part * sample, page->planar ? stride : 1);
        }
        tiff_convert(page, memory->line, columns, stride, memory->pixels);
        nr_put_run(to, x, y + row, memory->pixels, columns);
    }
}

// Subsampled YCbCr: units of sub_x * sub_y luma samples followed by one Cb and one Cr.
static void put_units(const tiff_page *page, TIFFYCbCrToRGB *conversion, const nr_placement *to, const uint8_t *stored, uint32_t x,
                      uint32_t y, uint32_t columns, uint32_t rows) {
    uint32_t across = page->subsample_x, down = page->subsample_y;
    size_t unit = (size_t)across * down + 2;
    size_t units = ((size_t)page->block_width + across - 1) / across;
    for (uint32_t row = 0; row < rows; row++) {
        const uint8_t *line = stored + (row / down) * units * unit;
        for (uint32_t column = 0; column < columns; column++) {
            const uint8_t *from = line + (column / across) * unit;
            uint32_t red, green, blue;
            TIFFYCbCrtoRGB(conversion, from[(row % down) * across + column % across], from[unit - 2], from[unit - 1], &red, &green,
                           &blue);
            uint8_t rgb[3] = {(uint8_t)red, (uint8_t)green, (uint8_t)blue};
            nr_put_run(to, x + column, y + row, rgb, 1);
        }
    }
}

// libtiff allocates these tables in one block of this size (tif_getimage.c).
static TIFFYCbCrToRGB *new_ycbcr_tables(tiff_file *file) {
    float *luma = NULL, *reference = NULL;
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_YCBCRCOEFFICIENTS, &luma);
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_REFERENCEBLACKWHITE, &reference);
    if (!luma || !reference || !(luma[1] > 0)) return NULL;
    size_t head = (sizeof(TIFFYCbCrToRGB) + sizeof(long) - 1) / sizeof(long) * sizeof(long);
    TIFFYCbCrToRGB *tables = calloc(1, head + 4 * 256 * sizeof(TIFFRGBValue) + 2 * 256 * sizeof(int) + 3 * 256 * sizeof(int32_t));
    if (tables && TIFFYCbCrToRGBInit(tables, luma, reference) < 0) {
        free(tables);
        return NULL;
    }
    return tables;
}

// Strips of whole native samples that need no turning go straight to their place, without a copy.
static bool goes_straight(const tiff_page *page) {
    bool whole = page->bits == 8 * tiff_line_sample(page);
    return !page->tiled && !page->planar && page->conversion == TIFF_AS_STORED && page->kept == page->samples && whole &&
           page->orientation == 1;
}

static int read_straight(tiff_file *file, const tiff_page *page, uint8_t *pixels) {
    size_t row = (size_t)(page->frame.bytes / page->frame.height);
    for (uint32_t y = 0, strip = 0; y < page->height; y += page->block_height, strip++) {
        uint32_t rows = page->height - y < page->block_height ? page->height - y : page->block_height;
        if (TIFFVStripSize64(file->tiff, rows) != (uint64_t)rows * row)
            return tiff_fail(file, NR_UNSUPPORTED, "expected rows of %zu bytes, libtiff gives others", row);
        int kind = read_block(file, page, strip, rows, pixels + (size_t)y * row);
        if (kind != NR_OK) return kind;
        if (rows < page->block_height) break;
    }
    return NR_OK;
}

static int read_blocks(tiff_file *file, const tiff_page *page, const scratch *memory, TIFFYCbCrToRGB *tables, uint8_t *pixels) {
    nr_placement to = nr_place(&page->frame, pixels);
    uint32_t across = (page->width - 1) / page->block_width + 1, down = (page->height - 1) / page->block_height + 1;
    uint32_t parts = page->planar ? page->kept : 1;
    for (uint32_t block_y = 0; block_y < down; block_y++) {
        uint32_t y = block_y * page->block_height;
        uint32_t rows = page->height - y < page->block_height ? page->height - y : page->block_height;
        for (uint32_t block_x = 0; block_x < across; block_x++) {
            uint32_t x = block_x * page->block_width;
            uint32_t columns = page->width - x < page->block_width ? page->width - x : page->block_width;
            for (uint32_t part = 0; part < parts; part++) {
                uint64_t index = ((uint64_t)part * down + block_y) * across + block_x;
                if (index > UINT32_MAX) return tiff_fail(file, NR_CORRUPT, "expected fewer strips or tiles");
                int kind = read_block(file, page, (uint32_t)index, rows, memory->stored + part * page->block_bytes);
                if (kind != NR_OK) return kind;
            }
            if (tables) put_units(page, tables, &to, memory->stored, x, y, columns, rows);
            else put_rows(page, &to, memory, x, y, columns, rows);
        }
    }
    return NR_OK;
}

int tiff_read_pixels(tiff_file *file, const tiff_page *page, uint8_t *pixels) {
    if (goes_straight(page)) return read_straight(file, page, pixels);
    TIFFYCbCrToRGB *tables = NULL;
    if (page->conversion == TIFF_YCBCR && !(tables = new_ycbcr_tables(file)))
        return tiff_fail(file, NR_CORRUPT, "expected usable YCbCr coefficients");
    size_t parts = page->planar ? page->kept : 1, sample = tiff_line_sample(page);
    size_t line_samples = (size_t)page->block_width * (page->planar ? page->kept : page->samples);
    scratch memory = {
        .stored = malloc((size_t)page->block_bytes * parts),
        .line = malloc(line_samples * sample),
        .pixels = malloc((size_t)page->block_width * page->frame.channels * nr_sample_size(page->frame.sample)),
    };
    int kind;
    if (!memory.stored || !memory.line || !memory.pixels) kind = tiff_fail(file, NR_NO_MEMORY, "no memory for its strips or tiles");
    else kind = read_blocks(file, page, &memory, tables, pixels);
    free(memory.stored);
    free(memory.line);
    free(memory.pixels);
    free(tables);
    return kind;
}
