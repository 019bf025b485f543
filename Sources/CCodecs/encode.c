#include "encode.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

// A file in memory that grows as it is written.
typedef struct {
    uint8_t *bytes;
    size_t count, capacity, position;
} buffer;

static int buffer_write(buffer *file, const void *data, size_t size) {
    if (size > SIZE_MAX / 2 - file->position) return 0;
    const size_t end = file->position + size;
    if (end > file->capacity) {
        const size_t capacity = end * 2 > 65536 ? end * 2 : 65536;
        uint8_t *grown = realloc(file->bytes, capacity);
        if (!grown) return 0;
        file->bytes = grown;
        file->capacity = capacity;
    }
    // A writer may have moved past the end: what lies between is zero, as in a file.
    if (file->position > file->count) memset(file->bytes + file->count, 0, file->position - file->count);
    memcpy(file->bytes + file->position, data, size);
    file->position = end;
    if (end > file->count) file->count = end;
    return 1;
}

static int shape_is_valid(uint32_t width, uint32_t height, uint32_t channels, uint32_t bits) {
    return width > 0 && height > 0 && width <= 1u << 20 && height <= 1u << 20 && (channels == 1 || channels == 3) &&
           (bits == 8 || bits == 16);
}

static void write_png_bytes(png_structp png, png_bytep data, size_t size) {
    if (!buffer_write(png_get_io_ptr(png), data, size)) png_error(png, "out of memory");
}

static void flush_png(png_structp png) { (void)png; }

int nr_encode_png(const void *samples, uint32_t width, uint32_t height, uint32_t channels, uint32_t bits,
                  uint8_t **bytes, size_t *count) {
    if (!shape_is_valid(width, height, channels, bits)) return -1;
    buffer file = {0};
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        png_destroy_write_struct(&png, &info);
        free(file.bytes);
        return -1;
    }
    png_set_write_fn(png, &file, write_png_bytes, flush_png);
    // Noise hardly compresses: a low level costs a few percent of size and saves most of the time.
    png_set_compression_level(png, 3);
    png_set_IHDR(png, info, width, height, (int)bits, channels == 1 ? PNG_COLOR_TYPE_GRAY : PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    if (bits == 16) png_set_swap(png);
    const size_t row = (size_t)width * channels * (bits / 8);
    for (uint32_t y = 0; y < height; y++) png_write_row(png, (png_const_bytep)samples + y * row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    *bytes = file.bytes;
    *count = file.count;
    return 0;
}

static tmsize_t tiff_read(thandle_t handle, void *data, tmsize_t size) {
    buffer *file = handle;
    if (size < 0 || file->position > file->count || (size_t)size > file->count - file->position) return 0;
    memcpy(data, file->bytes + file->position, (size_t)size);
    file->position += (size_t)size;
    return size;
}

static tmsize_t tiff_write(thandle_t handle, void *data, tmsize_t size) {
    return size >= 0 && buffer_write(handle, data, (size_t)size) ? size : -1;
}

static toff_t tiff_seek(thandle_t handle, toff_t offset, int whence) {
    buffer *file = handle;
    if (whence == SEEK_CUR) offset += file->position;
    if (whence == SEEK_END) offset += file->count;
    file->position = offset;
    return offset;
}

static toff_t tiff_size(thandle_t handle) { return ((buffer *)handle)->count; }

static int tiff_close(thandle_t handle) {
    (void)handle;
    return 0;
}

int nr_encode_tiff(const void *samples, uint32_t width, uint32_t height, uint32_t channels, uint32_t bits,
                   uint8_t **bytes, size_t *count) {
    if (!shape_is_valid(width, height, channels, bits)) return -1;
    buffer file = {0};
    TIFF *tiff = TIFFClientOpen("memory", "w", &file, tiff_read, tiff_write, tiff_seek, tiff_close, tiff_size, NULL, NULL);
    if (!tiff) return -1;
    const size_t row = (size_t)width * channels * (bits / 8);
    uint8_t *line = malloc(row);
    int ok = line != NULL && TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, width) &&
             TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, height) && TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, channels) &&
             TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, bits) && TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT) &&
             TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) &&
             TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, channels == 1 ? PHOTOMETRIC_MINISBLACK : PHOTOMETRIC_RGB) &&
             TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_ADOBE_DEFLATE) &&
             TIFFSetField(tiff, TIFFTAG_PREDICTOR, PREDICTOR_HORIZONTAL) && TIFFSetField(tiff, TIFFTAG_ZIPQUALITY, 3) &&
             TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, TIFFDefaultStripSize(tiff, 0));
    for (uint32_t y = 0; ok && y < height; y++) {
        // The predictor works in place, and the samples are not ours to change.
        memcpy(line, (const uint8_t *)samples + y * row, row);
        ok = TIFFWriteScanline(tiff, line, y, 0) == 1;
    }
    ok = ok && TIFFFlush(tiff);
    TIFFClose(tiff);
    free(line);
    if (!ok) {
        free(file.bytes);
        return -1;
    }
    *bytes = file.bytes;
    *count = file.count;
    return 0;
}
