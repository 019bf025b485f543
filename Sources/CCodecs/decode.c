// Recognises a file by its first bytes and hands it to its decoder.
#include <errno.h>
#include <string.h>

#include "source.h"

static const uint8_t png_magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static uint32_t recognise(const uint8_t *head, size_t count) {
    if (count >= 8 && memcmp(head, png_magic, 8) == 0) return NR_FORMAT_PNG;
    if (count >= 4 && (memcmp(head, "II*\0", 4) == 0 || memcmp(head, "MM\0*", 4) == 0 || memcmp(head, "II+\0", 4) == 0 ||
                       memcmp(head, "MM\0+", 4) == 0))
        return NR_FORMAT_TIFF;
    if (count >= 132 && memcmp(head + 128, "DICM", 4) == 0) return NR_FORMAT_DICOM;
    if (count >= 3 && memcmp(head, "\xff\xd8\xff", 3) == 0) return NR_FORMAT_JPEG;
    if (count >= 348 && (memcmp(head + 344, "n+1\0", 4) == 0 || memcmp(head + 344, "ni1\0", 4) == 0)) return NR_FORMAT_NIFTI;
    return NR_FORMAT_UNKNOWN;
}

static const char *format_name(uint32_t format) {
    switch (format) {
    case NR_FORMAT_DICOM: return "DICOM file";
    case NR_FORMAT_JPEG: return "JPEG picture";
    case NR_FORMAT_NIFTI: return "NIfTI volume";
    default: return "file of an unknown format";
    }
}

static int unrecognised(const uint8_t *head, size_t count, nr_failure *failure) {
    if (count < 8 && memcmp(head, png_magic, count) == 0)
        return nr_fail(failure, NR_TRUNCATED, "PNG: ends within its signature, after %zu bytes", count);
    return nr_fail(failure, NR_UNRECOGNISED, "expected a PNG or TIFF picture, found a file that starts with %02x %02x %02x %02x",
                   head[0], count > 1 ? head[1] : 0, count > 2 ? head[2] : 0, count > 3 ? head[3] : 0);
}

int nr_decode(int fd, const nr_limits *limits, uint8_t *planes, size_t planes_capacity, uint32_t *format,
              nr_frame *frames, uint32_t *frame_count, nr_failure *failure) {
    memset(failure, 0, sizeof *failure);
    *format = NR_FORMAT_UNKNOWN;
    *frame_count = 0;

    nr_source source;
    int kind = nr_source_open(&source, fd, limits, failure);
    if (kind != NR_OK) return kind;

    uint8_t head[352];
    size_t count = source.size < sizeof head ? (size_t)source.size : sizeof head;
    if (nr_source_read(&source, head, count, 0) < count)
        return nr_fail(failure, nr_source_kind(&source, NR_IO), "its first %zu bytes cannot be read: %s", count,
                       source.io_error ? strerror(source.io_error) : "the file became shorter");

    uint64_t capacity = planes_capacity < limits->max_plane_bytes ? planes_capacity : limits->max_plane_bytes;
    nr_output output = {.limits = limits, .planes = planes, .capacity = capacity, .frames = frames};
    *format = recognise(head, count);
    switch (*format) {
    case NR_FORMAT_PNG: kind = nr_decode_png(&source, &output, failure); break;
    case NR_FORMAT_TIFF: kind = nr_decode_tiff(&source, &output, failure); break;
    case NR_FORMAT_UNKNOWN: return unrecognised(head, count, failure);
    default:
        return nr_fail(failure, NR_UNSUPPORTED, "expected a PNG or TIFF picture, found a %s, which is not read yet",
                       format_name(*format));
    }
    if (kind == NR_OK) *frame_count = output.count;
    return kind;
}
