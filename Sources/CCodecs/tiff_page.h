// One page of a TIFF: what its tags say, and how its blocks (strips or tiles) become a frame. Private to this target.
#ifndef NR_TIFF_PAGE_H
#define NR_TIFF_PAGE_H
#include <tiffio.h>

#include "source.h"

enum tiff_conversion {
    TIFF_AS_STORED,  // the first `kept` samples of each pixel
    TIFF_PALETTE,    // index to RGB
    TIFF_CMYK,       // to RGB
    TIFF_YCBCR,      // subsampled units to RGB
};

typedef struct {
    TIFF *tiff;
    nr_source *source;
    nr_failure *failure;
    uint64_t position;    // of the next byte libtiff reads
    char problem[160];    // libtiff's first complaint since it was last cleared
    bool damaged;         // a warning that means lost pixels
    unsigned page;        // from 0
    uint8_t *deflated;    // one strip or tile as it is stored
    uint64_t deflated_room;
} tiff_file;

typedef struct {
    uint32_t width, height;  // as stored, before orientation
    uint16_t bits, samples, photometric, compression;
    bool planar, tiled, is_signed, is_float;
    uint32_t block_width, block_height;
    uint64_t block_bytes;    // of one decoded strip or tile (one plane of it where planar)
    bool differences;        // blocks come as predictor 2 left them
    bool inflates;           // `tiff_inflate` may try before libtiff
    uint32_t orientation;
    enum tiff_conversion conversion;
    uint32_t kept;           // samples of a pixel that are looked at
    uint16_t subsample_x, subsample_y;
    uint16_t *red, *green, *blue;  // the palette, 2^bits entries
    unsigned palette_shift;  // 8, or 0 for old files with 8-bit entries
    nr_frame frame;          // without its place
} tiff_page;

// Fails with libtiff's own words where it has said something.
int tiff_fail(tiff_file *file, enum nr_failure_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Reads the current directory's tags; checks them, and the memory they ask for, against the limits.
int tiff_describe(tiff_file *file, tiff_page *page, const nr_output *output);

// Decodes the current directory's pixels into its place.
int tiff_read_pixels(tiff_file *file, const tiff_page *page, uint8_t *pixels);

// Whether the current directory's samples are differences that `tiff_undo_differences` can sum up; libtiff then leaves them alone. Before the
// first block is read.
bool tiff_take_differences(tiff_file *file, const tiff_page *page);

// Sums up the differences in `rows` rows of a decoded block, in place.
void tiff_undo_differences(const tiff_page *page, uint8_t *block, uint32_t rows);

// Whether all that libtiff would do with the current directory's blocks is to inflate them. After `tiff_take_differences`.
bool tiff_can_inflate(tiff_file *file, const tiff_page *page);

// Inflates strip or tile `index`, which holds `wanted` bytes; false where libtiff has to say what is wrong, or to read it all the same.
bool tiff_inflate(tiff_file *file, uint32_t index, uint8_t *into, uint64_t wanted);

// Unpacks `count` samples of a decoded row, each `stride` samples apart in `line`; a sample takes tiff_line_sample bytes.
void tiff_unpack(const tiff_page *page, const uint8_t *row, size_t count, uint8_t *line, size_t stride);

// Bytes of an unpacked sample, before conversion: 1, 2, 4 or 8.
size_t tiff_line_sample(const tiff_page *page);

// Turns a line of `count` pixels of `stride` samples into the frame's channels.
void tiff_convert(const tiff_page *page, const uint8_t *line, size_t count, size_t stride, uint8_t *out);

#endif
