// Where a decoder gets its bytes and puts its frames: shared by the decoders of this target, not part of its interface.
#ifndef NR_SOURCE_H
#define NR_SOURCE_H
#include <stdarg.h>
#include <stdbool.h>

#include "codec.h"

#ifdef __cplusplus
extern "C" {
#endif

// An open file, read with pread alone: the descriptor's own offset is neither used nor moved, and a file that shrinks
// while it is read gives a short read, where a mapping would give SIGBUS.
typedef struct {
    int fd;
    uint64_t size;      // when it was opened; later growth is not seen
    bool ended_early;   // a read went past the end
    int io_error;       // errno of a failed read, 0 if none
} nr_source;

// Fills `failure` and returns its kind.
int nr_fail(nr_failure *failure, enum nr_failure_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
int nr_fail_list(nr_failure *failure, enum nr_failure_kind kind, const char *format, va_list arguments);

// What a failed read says about the file; `otherwise` where reading itself went well.
enum nr_failure_kind nr_source_kind(const nr_source *source, enum nr_failure_kind otherwise);

int nr_source_open(nr_source *source, int fd, const nr_limits *limits, nr_failure *failure);

// Reads up to `count` bytes at `offset`; returns how many there were.
size_t nr_source_read(nr_source *source, void *buffer, size_t count, uint64_t offset);

// The frames of one file, laid one after another into the planes, with their tones and what the file says of itself.
typedef struct {
    const nr_limits *limits;
    const nr_slicing *slicing;
    const nr_least_size *least;
    uint8_t *planes;
    uint64_t capacity;  // min of the planes' size and limits->max_plane_bytes
    uint64_t used;
    nr_result *result;
} nr_output;

// Whether frame `number` of `count` is asked for.
bool nr_output_wants(const nr_output *output, uint64_t number, uint64_t count);

// Adds a tone and returns its index: an earlier one where it is the same. Before the first frame that has it.
uint32_t nr_output_tone(nr_output *output, const nr_tone *tone);

// Places a table of `count` entries into the planes and describes it in `lut`, whose other fields the caller sets.
int nr_output_table(nr_output *output, nr_lut *lut, const uint16_t *entries, uint32_t count, nr_failure *failure);

// Bytes of one sample, 0 for an unknown type.
size_t nr_sample_size(uint32_t sample);

// Checks width, height, reduction (0 counts as 1), channels, sample and bits of `frame` against the limits, gives it its place, and returns its
// first byte in `pixels`. The frame counts once `nr_output_commit` is called. Where no tone was added, one that changes
// nothing is.
int nr_output_place(nr_output *output, nr_frame *frame, uint8_t **pixels, nr_failure *failure);
void nr_output_commit(nr_output *output, const nr_frame *frame);

// Memory for megabytes that are needed for a moment, in large pages where there are some: a process that decodes one scan would
// otherwise spend as long on meeting them as on filling them. NULL where there is none.
void *nr_scratch_take(size_t bytes);
void nr_scratch_give(void *memory, size_t bytes);

int nr_decode_png(nr_source *source, nr_output *output, nr_failure *failure);
int nr_decode_tiff(nr_source *source, nr_output *output, nr_failure *failure);
int nr_decode_dicom(nr_source *source, nr_output *output, nr_failure *failure);
int nr_decode_jpeg(nr_source *source, nr_output *output, nr_failure *failure);
int nr_decode_nifti(nr_source *source, nr_output *output, nr_failure *failure);

// Whether the bytes at a file's start may be DICOM without preamble: asked last, of what nothing else recognises.
bool nr_looks_like_dicom(const uint8_t *head, size_t count);
// Whether a gzip stream holds a NIfTI volume.
bool nr_looks_like_gzipped_nifti(nr_source *source);
// Whether a file that starts so is the header of an Analyze 7.5 pair.
bool nr_looks_like_analyze(const uint8_t *head, size_t count);
// Whether a file that ends after `count` bytes, too few for a header, starts as NIfTI does.
bool nr_looks_like_cut_nifti(const uint8_t *head, size_t count);

#ifdef __cplusplus
}
#endif

#endif
