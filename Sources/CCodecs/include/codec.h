// What every decoder here takes and gives: an open descriptor and limits in, frames of plain samples out.
#ifndef NR_CODEC_H
#define NR_CODEC_H
#include <stddef.h>
#include <stdint.h>

// File formats, recognised by content, never by name.
enum nr_format { NR_FORMAT_UNKNOWN = 0, NR_FORMAT_PNG = 1, NR_FORMAT_TIFF = 2, NR_FORMAT_DICOM = 3, NR_FORMAT_JPEG = 4, NR_FORMAT_NIFTI = 5 };

// Sample types; native byte order in memory.
enum nr_sample { NR_U8 = 1, NR_U16 = 2, NR_U32 = 3, NR_I8 = 4, NR_I16 = 5, NR_I32 = 6, NR_F32 = 7, NR_F64 = 8 };

enum nr_frame_flags {
    NR_MIN_IS_WHITE = 1,  // stored samples are inverted; preparation turns them, once
    NR_ALPHA = 2,         // the last channel is alpha; preparation leaves it out
    NR_LOSSY = 4,         // the file's compression was lossy
};

// One frame: samples interleaved as [height, width, channels], orientation already applied.
typedef struct {
    uint32_t width, height, channels;  // channels 1 gray, 2 gray + alpha, 3 RGB, 4 RGB + alpha
    uint32_t sample;                   // nr_sample
    uint32_t bits;                     // significant bits of a stored sample (1 … 64)
    uint32_t flags;                    // nr_frame_flags
    uint32_t orientation;              // the file's own tag (1 … 8), which has been applied
    uint32_t reserved;                 // 0
    uint64_t offset;                   // of the first sample from the start of the planes, multiple of 64
    uint64_t bytes;                    // height * width * channels * size of sample
} nr_frame;

// Limits that are checked before memory is taken.
typedef struct {
    uint64_t max_pixels;      // of one frame
    uint64_t max_plane_bytes; // of all frames together
    uint64_t max_file_bytes;
    uint32_t max_frames;
    uint32_t reserved;        // 0
} nr_limits;

enum nr_failure_kind {
    NR_OK = 0,
    NR_EMPTY = 1,         // no bytes at all
    NR_UNRECOGNISED = 2,  // none of the formats
    NR_TRUNCATED = 3,     // ends before its data does
    NR_CORRUPT = 4,       // contradicts itself or its standard
    NR_UNSUPPORTED = 5,   // well-formed, but a variant that is not read
    NR_OVER_LIMIT = 6,    // larger than the limits allow
    NR_NO_MEMORY = 7,
    NR_IO = 8,            // the descriptor could not be read
};

typedef struct {
    uint32_t kind;       // nr_failure_kind
    char message[244];   // UTF-8, what was expected and what was found; always terminated
} nr_failure;

// Decodes the file behind `fd` (read from its start, whatever its offset) into `planes`.
// Frames beyond `max_frames_out` cannot occur: limits->max_frames must not exceed it.
// Returns NR_OK and fills `format`, `frames`, `frame_count`; otherwise the failure's kind, with `failure` filled.
int nr_decode(int fd, const nr_limits *limits, uint8_t *planes, size_t planes_capacity, uint32_t *format,
              nr_frame *frames, uint32_t *frame_count, nr_failure *failure);

#endif
