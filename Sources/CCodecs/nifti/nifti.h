// A NIfTI file on its way from bytes to frames: stream, header, orientation, cutting. Private to this target.
#ifndef NR_NIFTI_H
#define NR_NIFTI_H
#include <zlib.h>

#include "../source.h"

// ---- stream.c: the file's bytes, unpacked where it is gzip ----

enum nr_stream_state { NR_STREAM_FLOWS = 0, NR_STREAM_ENDED = 1, NR_STREAM_CUT = 2, NR_STREAM_BROKEN = 3, NR_STREAM_NO_MEMORY = 4 };

typedef struct {
    nr_source *source;
    uint64_t position;  // of the next byte, in the file as it is once unpacked
    bool packed;
    // Of packed files alone.
    enum nr_stream_state state;
    uint64_t input_offset;  // of the next byte to take from the source
    z_stream inflater;
    uint8_t input[64 * 1024];
} nr_nifti_stream;

int nr_nifti_stream_open(nr_nifti_stream *stream, nr_source *source, nr_failure *failure);
void nr_nifti_stream_close(nr_nifti_stream *stream);

// Takes up to `count` of the next bytes; returns how many there were.
size_t nr_nifti_stream_take(nr_nifti_stream *stream, uint8_t *into, size_t count);
// Takes `count` bytes or fails; `what` they belong to is for the message.
int nr_nifti_stream_read(nr_nifti_stream *stream, void *into, size_t count, const char *what, nr_failure *failure);
// Leaves out what lies before `position`, which is not before the stream's own.
int nr_nifti_stream_skip(nr_nifti_stream *stream, uint64_t position, nr_failure *failure);
// After the last byte that is wanted: checks the checksum, where the stream's end is near.
int nr_nifti_stream_finish(nr_nifti_stream *stream, nr_failure *failure);

// ---- header.c: what the volume is ----

typedef struct {
    uint32_t storage;  // the storage axis (0 fastest) that lies closest to this anatomical axis
    bool descends;     // from right to left, from front to back, from head to feet
} nr_nifti_axis;

typedef struct {
    uint64_t size[3];     // voxels along the storage axes, all at least 1
    uint64_t volumes;     // at least 1: moments in time
    uint64_t bytes;       // of one volume
    uint64_t offset;      // of the first sample in the unpacked file
    uint32_t sample, channels;
    uint32_t voxel;       // bytes of one
    int swap;             // bytes to be swapped as one, 0: none
    double spacing[3];    // millimetres along the storage axes, 0: not known
    nr_tone tone;
    nr_nifti_axis axes[3];  // left to right, back to front, feet to head
} nr_nifti_volume;

// Reads the header, and so far that volume->offset is not before the stream's position.
int nr_nifti_read_header(nr_nifti_stream *stream, const nr_limits *limits, nr_nifti_volume *volume, nr_failure *failure);

// ---- cut.c: a box of voxels into frames ----

// Voxels to be copied: `count` along three axes, with steps in bytes, from `from` to `to`. No step is 0 where its count is over 1.
typedef struct {
    const uint8_t *from;
    uint8_t *to;
    size_t count[3];
    ptrdiff_t from_step[3], to_step[3];
    size_t voxel;
} nr_nifti_box;

// `across` is the axis along which voxels are neighbours in a frame's row; axis 0 is the one along which they are in the file.
void nr_nifti_copy(const nr_nifti_box *box, unsigned across);

#endif
