// What the tags of a TIFF page say, checked before any memory is taken for it.
#include <string.h>

#include "placement.h"
#include "tiff_page.h"

static bool reads_compression(uint16_t compression) {
    switch (compression) {
    case COMPRESSION_NONE: case COMPRESSION_CCITTRLE: case COMPRESSION_CCITTFAX3: case COMPRESSION_CCITTFAX4:
    case COMPRESSION_CCITTRLEW: case COMPRESSION_LZW: case COMPRESSION_OJPEG: case COMPRESSION_JPEG:
    case COMPRESSION_ADOBE_DEFLATE: case COMPRESSION_DEFLATE: case COMPRESSION_PACKBITS:
        return true;
    // Not part of every build of libtiff.
    case COMPRESSION_ZSTD: case COMPRESSION_LZMA: case COMPRESSION_WEBP:
        return TIFFIsCODECConfigured(compression);
    default:
        return false;
    }
}

// Sample type, from sample format and bits.
static int describe_samples(tiff_file *file, tiff_page *page, uint16_t sample_format) {
    nr_frame *frame = &page->frame;
    page->is_signed = sample_format == SAMPLEFORMAT_INT;
    page->is_float = sample_format == SAMPLEFORMAT_IEEEFP;
    frame->bits = page->bits;
    if (sample_format == SAMPLEFORMAT_COMPLEXINT || sample_format == SAMPLEFORMAT_COMPLEXIEEEFP)
        return tiff_fail(file, NR_UNSUPPORTED, "expected real samples, found complex ones");
    if (page->is_float) {
        if (page->bits != 16 && page->bits != 32 && page->bits != 64)
            return tiff_fail(file, NR_UNSUPPORTED, "expected floating point samples of 16, 32 or 64 bits, found %u", page->bits);
        frame->sample = page->bits == 64 ? NR_F64 : NR_F32;
        return NR_OK;
    }
    if (page->bits < 1 || page->bits > 32)
        return tiff_fail(file, NR_UNSUPPORTED, "expected integer samples of 1 to 32 bits, found %u", page->bits);
    // libtiff and GDAL take such samples in the file's byte order, tifffile as packed bits: the same file, two pictures.
    if (page->bits == 24 && !TIFFIsBigEndian(file->tiff))
        return tiff_fail(file, NR_UNSUPPORTED, "expected integer samples of another size: readers disagree on little-endian 24-bit ones");
    if (page->bits <= 8) frame->sample = page->is_signed ? NR_I8 : NR_U8;
    else if (page->bits <= 16) frame->sample = page->is_signed ? NR_I16 : NR_U16;
    else frame->sample = page->is_signed ? NR_I32 : NR_U32;
    return NR_OK;
}

static int describe_palette(tiff_file *file, tiff_page *page) {
    if (page->samples != 1 || page->bits > 16 || page->is_float || page->is_signed)
        return tiff_fail(file, NR_UNSUPPORTED, "expected palette indices of 1 to 16 bits, found %u samples of %u", page->samples,
                         page->bits);
    if (!TIFFGetField(file->tiff, TIFFTAG_COLORMAP, &page->red, &page->green, &page->blue))
        return tiff_fail(file, NR_CORRUPT, "expected a palette, found none");
    // Old writers put 8-bit values into the 16-bit table (libtiff's own rule in tif_getimage.c).
    page->palette_shift = 0;
    for (uint32_t i = 0; i < 1u << page->bits; i++)
        if (page->red[i] > 255 || page->green[i] > 255 || page->blue[i] > 255) page->palette_shift = 8;
    page->conversion = TIFF_PALETTE;
    page->kept = 1;
    page->frame.channels = 3;
    return NR_OK;
}

static int describe_ycbcr(tiff_file *file, tiff_page *page) {
    if (page->bits != 8 || page->samples != 3 || page->planar || page->is_float || page->is_signed)
        return tiff_fail(file, NR_UNSUPPORTED, "expected 8-bit YCbCr in one plane, found %u samples of %u bits%s", page->samples,
                         page->bits, page->planar ? " in several planes" : "");
    page->kept = page->frame.channels = 3;
    if (page->compression == COMPRESSION_JPEG) {
        TIFFSetField(file->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);  // libjpeg converts
        return NR_OK;
    }
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_YCBCRSUBSAMPLING, &page->subsample_x, &page->subsample_y);
    for (int i = 0; i < 2; i++) {
        uint16_t by = i ? page->subsample_y : page->subsample_x;
        if (by != 1 && by != 2 && by != 4) return tiff_fail(file, NR_CORRUPT, "expected YCbCr subsampling of 1, 2 or 4, found %u", by);
    }
    page->conversion = TIFF_YCBCR;
    return NR_OK;
}

// Channels, from photometric interpretation and extra samples.
static int describe_colour(tiff_file *file, tiff_page *page) {
    uint16_t extras = 0, *extra_kinds = NULL;
    TIFFGetFieldDefaulted(file->tiff, TIFFTAG_EXTRASAMPLES, &extras, &extra_kinds);
    uint32_t colours = 1;
    switch (page->photometric) {
    case PHOTOMETRIC_MINISWHITE: page->frame.flags |= NR_MIN_IS_WHITE; break;
    case PHOTOMETRIC_MINISBLACK: break;
    case PHOTOMETRIC_RGB: colours = 3; break;
    case PHOTOMETRIC_PALETTE: return describe_palette(file, page);
    case PHOTOMETRIC_YCBCR: return describe_ycbcr(file, page);
    case PHOTOMETRIC_SEPARATED:
        if (page->samples < 4 || (page->bits != 8 && page->bits != 16) || page->is_float || page->is_signed)
            return tiff_fail(file, NR_UNSUPPORTED, "expected CMYK of four 8 or 16-bit samples, found %u of %u bits", page->samples,
                             page->bits);
        page->conversion = TIFF_CMYK;
        page->kept = 4;
        page->frame.channels = 3;
        return NR_OK;
    default:
        return tiff_fail(file, NR_UNSUPPORTED, "expected gray, RGB, palette, YCbCr or CMYK, found photometric interpretation %u",
                         page->photometric);
    }
    if (page->samples < colours)
        return tiff_fail(file, NR_CORRUPT, "expected at least %u samples per pixel, found %u", colours, page->samples);
    bool alpha = page->samples > colours && extras > 0 && extra_kinds &&
                 (extra_kinds[0] == EXTRASAMPLE_ASSOCALPHA || extra_kinds[0] == EXTRASAMPLE_UNASSALPHA);
    // A fourth sample beside RGB is left out as other readers do; several of gray are several pictures, not one.
    if (colours == 1 && page->samples > (alpha ? 2 : 1))
        return tiff_fail(file, NR_UNSUPPORTED, "expected one gray sample per pixel, with or without alpha, found %u", page->samples);
    if (alpha) page->frame.flags |= NR_ALPHA;
    page->kept = page->frame.channels = colours + (alpha ? 1 : 0);
    return NR_OK;
}

static int describe_blocks(tiff_file *file, tiff_page *page, const nr_output *output) {
    page->tiled = TIFFIsTiled(file->tiff) != 0;
    if (page->tiled) {
        TIFFGetField(file->tiff, TIFFTAG_TILEWIDTH, &page->block_width);
        TIFFGetField(file->tiff, TIFFTAG_TILELENGTH, &page->block_height);
        page->block_bytes = TIFFTileSize64(file->tiff);
    } else {
        uint32_t rows = 0;
        TIFFGetFieldDefaulted(file->tiff, TIFFTAG_ROWSPERSTRIP, &rows);
        page->block_width = page->width;
        page->block_height = rows < page->height ? rows : page->height;
        page->block_bytes = TIFFStripSize64(file->tiff);
    }
    if (page->block_width == 0 || page->block_height == 0 || page->block_bytes == 0)
        return tiff_fail(file, NR_CORRUPT, "expected strips or tiles with pixels, found %u x %u", page->block_width,
                         page->block_height);
    uint64_t planes = page->planar ? page->kept : 1;
    if (page->block_bytes > output->capacity / planes)
        return tiff_fail(file, NR_OVER_LIMIT, "expected strips or tiles of at most %llu bytes, found %llu",
                         (unsigned long long)(output->capacity / planes), (unsigned long long)page->block_bytes);
    // Decoded rows must hold the samples that will be taken out of them.
    uint64_t row_samples = (uint64_t)page->block_width * (page->planar ? 1 : page->samples);
    uint64_t row_bytes = (row_samples * page->bits + 7) / 8;
    if (page->conversion != TIFF_YCBCR && page->block_bytes < row_bytes * page->block_height)
        return tiff_fail(file, NR_UNSUPPORTED, "expected strips or tiles of at least %llu bytes, found %llu",
                         (unsigned long long)(row_bytes * page->block_height), (unsigned long long)page->block_bytes);
    return NR_OK;
}

int tiff_describe(tiff_file *file, tiff_page *page, const nr_output *output) {
    TIFF *tiff = file->tiff;
    memset(page, 0, sizeof *page);
    uint16_t planar = PLANARCONFIG_CONTIG, sample_format = SAMPLEFORMAT_UINT, orientation = 1;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page->width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page->height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &page->bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &page->samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &sample_format);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &page->compression);
    page->planar = planar == PLANARCONFIG_SEPARATE && page->samples > 1;
    page->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    if (page->width == 0 || page->height == 0)
        return tiff_fail(file, NR_CORRUPT, "expected a picture with pixels, found %u x %u", page->width, page->height);
    if (page->samples == 0 || page->samples > 64)
        return tiff_fail(file, NR_UNSUPPORTED, "expected at most 64 samples per pixel, found %u", page->samples);
    if (!TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &page->photometric))
        return tiff_fail(file, NR_CORRUPT, "expected a photometric interpretation, found none: whether 0 is black is not known");
    if (!reads_compression(page->compression))
        return tiff_fail(file, NR_UNSUPPORTED, "expected no compression, LZW, deflate, PackBits, JPEG or fax, found scheme %u",
                         page->compression);

    // Limits of the frame itself before its blocks: the clearest message first.
    bool turned = nr_orientation_turns(page->orientation);
    page->frame.width = turned ? page->height : page->width;
    page->frame.height = turned ? page->width : page->height;
    page->frame.orientation = page->orientation;
    int kind = describe_samples(file, page, sample_format);
    if (kind == NR_OK) kind = describe_colour(file, page);
    if (kind != NR_OK) return kind;
    if (page->conversion == TIFF_PALETTE) {
        page->frame.sample = NR_U8;
        page->frame.bits = 8;
    }
    // WebP may be lossless; the file does not say so before it is decoded.
    if (page->compression == COMPRESSION_JPEG || page->compression == COMPRESSION_OJPEG || page->compression == COMPRESSION_WEBP)
        page->frame.flags |= NR_LOSSY;

    nr_frame trial = page->frame;
    uint8_t *place;
    kind = nr_output_place((nr_output *)output, &trial, &place, file->failure);
    if (kind == NR_OK) kind = describe_blocks(file, page, output);
    if (kind == NR_OK) {
        page->differences = tiff_take_differences(file, page);
        page->inflates = tiff_can_inflate(file, page);
    }
    return kind;
}
