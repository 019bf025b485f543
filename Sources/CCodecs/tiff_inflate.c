// Deflated strips and tiles are inflated here, where libtiff would do no more than that with them; whatever is unusual or wrong is left to libtiff.
#include <stdlib.h>

#include "tiff_page.h"
#include "zlib_whole.h"

bool tiff_can_inflate(tiff_file *file, const tiff_page *page) {
    uint16_t predictor = PREDICTOR_NONE, order = FILLORDER_MSB2LSB;
    if (page->compression != COMPRESSION_ADOBE_DEFLATE && page->compression != COMPRESSION_DEFLATE) return false;
    if (page->bits > 8 && TIFFIsByteSwapped(file->tiff)) return false;
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_FILLORDER, &order);
    return order == FILLORDER_MSB2LSB &&
           (!TIFFGetField(file->tiff, TIFFTAG_PREDICTOR, &predictor) || predictor == PREDICTOR_NONE);
}

bool tiff_inflate(tiff_file *file, uint32_t index, uint8_t *into, uint64_t wanted) {
    uint64_t offset = TIFFGetStrileOffset(file->tiff, index), count = TIFFGetStrileByteCount(file->tiff, index);
    // Deflate adds five bytes to 16 KiB at most, where it is done well.
    uint64_t most = wanted + wanted / 1024 + 64;
    if (count == 0 || count > most || offset > file->source->size || count > file->source->size - offset) return false;
    if (count > file->deflated_room) {
        free(file->deflated);
        file->deflated = malloc((size_t)count);
        file->deflated_room = file->deflated ? count : 0;
    }
    uint8_t *data = file->deflated;
    return data && nr_source_read(file->source, data, (size_t)count, offset) == count &&
           nr_inflate_whole(data, (size_t)count, into, (size_t)wanted);
}
