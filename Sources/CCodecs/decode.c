// Recognises a file by its first bytes and hands it to its decoder.
#include <errno.h>
#include <string.h>

#include "source.h"

static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static uint32_t recognise(nr_source *source, const uint8_t *head, size_t count) {
    // First: a file may be DICOM and TIFF at once, with TIFF's header in DICOM's preamble (PS3.10 7.1), and DICOM says more.
    if (count >= 132 && memcmp(head + 128, "DICM", 4) == 0) return NR_FORMAT_DICOM;
    if (count >= 8 && memcmp(head, png_magic, 8) == 0) return NR_FORMAT_PNG;
    if (count >= 4 && (memcmp(head, "II*\0", 4) == 0 || memcmp(head, "MM\0*", 4) == 0 || memcmp(head, "II+\0", 4) == 0 ||
                       memcmp(head, "MM\0+", 4) == 0))
        return NR_FORMAT_TIFF;
    if (count >= 3 && memcmp(head, "\xff\xd8\xff", 3) == 0) return NR_FORMAT_JPEG;
    // A pair's header ("ni1") is NIfTI as well; its decoder says what is missing.
    if (count >= 348 && (memcmp(head + 344, "n+1\0", 4) == 0 || memcmp(head + 344, "ni1\0", 4) == 0)) return NR_FORMAT_NIFTI;
    if (count >= 8 && (memcmp(head + 4, "n+2\0", 4) == 0 || memcmp(head + 4, "ni2\0", 4) == 0)) return NR_FORMAT_NIFTI;
    if (count >= 2 && head[0] == 0x1f && head[1] == 0x8b && nr_looks_like_gzipped_nifti(source)) return NR_FORMAT_NIFTI;
    // Analyze 7.5, which NIfTI grew out of, has no magic of its own but sizes that must agree; its decoder says what to do with it.
    if (nr_looks_like_analyze(head, count)) return NR_FORMAT_NIFTI;
    if (nr_looks_like_dicom(head, count)) return NR_FORMAT_DICOM;
    return NR_FORMAT_UNKNOWN;
}

static int unrecognised(const uint8_t *head, size_t count, nr_failure *failure) {
    if (count < 8 && memcmp(head, png_magic, count) == 0)
        return nr_fail(failure, NR_TRUNCATED, "PNG: ends within its signature, after %zu bytes", count);
    if (nr_looks_like_cut_nifti(head, count)) return nr_fail(failure, NR_TRUNCATED, "NIfTI: ends within its header, after %zu bytes", count);
    return nr_fail(failure, NR_UNRECOGNISED,
                   "expected a DICOM, PNG, TIFF, JPEG or NIfTI file, found one that starts with %02x %02x %02x %02x", head[0],
                   count > 1 ? head[1] : 0, count > 2 ? head[2] : 0, count > 3 ? head[3] : 0);
}

static int decode(int fd, nr_output *output, nr_result *result) {
    nr_failure *failure = &result->failure;
    nr_source source;
    int kind = nr_source_open(&source, fd, output->limits, failure);
    if (kind != NR_OK) return kind;

    uint8_t head[352];
    size_t count = source.size < sizeof head ? (size_t)source.size : sizeof head;
    if (nr_source_read(&source, head, count, 0) < count)
        return nr_fail(failure, nr_source_kind(&source, NR_IO), "its first %zu bytes cannot be read: %s", count,
                       source.io_error ? strerror(source.io_error) : "the file became shorter");

    result->format = recognise(&source, head, count);
    switch (result->format) {
    case NR_FORMAT_PNG: return nr_decode_png(&source, output, failure);
    case NR_FORMAT_TIFF: return nr_decode_tiff(&source, output, failure);
    case NR_FORMAT_DICOM: return nr_decode_dicom(&source, output, failure);
    case NR_FORMAT_JPEG: return nr_decode_jpeg(&source, output, failure);
    case NR_FORMAT_NIFTI: return nr_decode_nifti(&source, output, failure);
    default: return unrecognised(head, count, failure);
    }
}

int nr_decode(int fd, const nr_limits *limits, const nr_slicing *slicing, const nr_least_size *least, uint8_t *planes,
              size_t planes_capacity, nr_result *result) {
    *result = (nr_result){.frames = result->frames, .tones = result->tones};
    uint64_t capacity = planes_capacity < limits->max_plane_bytes ? planes_capacity : limits->max_plane_bytes;
    nr_output output = {
        .limits = limits, .slicing = slicing, .least = least, .planes = planes, .capacity = capacity, .result = result};
    int kind = decode(fd, &output, result);
    if (kind == NR_OK && result->frame_count == 0)
        kind = nr_fail(&result->failure, NR_CORRUPT, "expected at least one frame, found none");
    if (kind != NR_OK) result->frame_count = result->tone_count = 0;
    if (result->format == NR_FORMAT_DICOM || result->format == NR_FORMAT_NIFTI)
        for (uint32_t frame = 0; frame < result->frame_count; frame++)
            if (result->frames[frame].channels == 1) result->frames[frame].flags |= NR_MEASURED;
    return kind;
}
