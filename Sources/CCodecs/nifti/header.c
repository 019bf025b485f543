// The header of a NIfTI file through libnifti, checked before libnifti multiplies and before memory is taken.
#include <math.h>
#include <string.h>

#include "orientation.h"

typedef unsigned long long ull;

typedef union {
    nifti_1_header one;
    nifti_2_header two;
    uint8_t bytes[sizeof(nifti_2_header)];
} any_header;

// The fields that libnifti mends in silence or computes with unchecked, as the file has them, in native byte order.
typedef struct {
    int64_t dim[8];
    int datatype, bitpix;
    double offset, slope, intercept, spacing[3];
    uint64_t least_offset;
} raw_fields;

static bool is_size(const uint8_t *head, uint32_t size) {
    uint32_t value;
    memcpy(&value, head, 4);
    return value == size || __builtin_bswap32(value) == size;
}

bool nr_looks_like_cut_nifti(const uint8_t *head, size_t count) {
    return count >= 4 && count < sizeof(nifti_1_header) &&
           (is_size(head, sizeof(nifti_1_header)) || is_size(head, sizeof(nifti_2_header)));
}

bool nr_looks_like_analyze(const uint8_t *head, size_t count) {
    nifti_1_header header;
    if (count < sizeof header || !is_size(head, sizeof header)) return false;
    memcpy(&header, head, sizeof header);
    if (nifti_header_version((const char *)&header, sizeof header) != 0) return false;
    if (header.sizeof_hdr != (int)sizeof header) nifti_swap_as_analyze((nifti_analyze75 *)&header);
    int bytes, swap;
    nifti_datatype_sizes(header.datatype, &bytes, &swap);
    return header.dim[0] >= 1 && header.dim[0] <= 7 && bytes > 0 && header.bitpix == 8 * bytes;
}

static raw_fields raw_of_one(nifti_1_header header, bool swapped) {
    if (swapped) swap_nifti_header(&header, 1);
    raw_fields raw = {.datatype = header.datatype, .bitpix = header.bitpix, .offset = header.vox_offset, .slope = header.scl_slope,
                      .intercept = header.scl_inter, .least_offset = 352};
    for (int index = 0; index < 8; index++) raw.dim[index] = header.dim[index];
    for (int axis = 0; axis < 3; axis++) raw.spacing[axis] = header.pixdim[axis + 1];
    return raw;
}

static raw_fields raw_of_two(nifti_2_header header, bool swapped) {
    if (swapped) swap_nifti_header(&header, 2);
    raw_fields raw = {.datatype = header.datatype, .bitpix = header.bitpix, .offset = (double)header.vox_offset,
                      .slope = header.scl_slope, .intercept = header.scl_inter, .least_offset = 544};
    for (int index = 0; index < 8; index++) raw.dim[index] = header.dim[index];
    for (int axis = 0; axis < 3; axis++) raw.spacing[axis] = header.pixdim[axis + 1];
    return raw;
}

static int describe_samples(const raw_fields *raw, nr_nifti_volume *volume, nr_failure *failure) {
    volume->channels = 1;
    switch (raw->datatype) {
    case DT_UINT8: volume->sample = NR_U8; break;
    case DT_INT8: volume->sample = NR_I8; break;
    case DT_INT16: volume->sample = NR_I16; break;
    case DT_UINT16: volume->sample = NR_U16; break;
    case DT_INT32: volume->sample = NR_I32; break;
    case DT_UINT32: volume->sample = NR_U32; break;
    case DT_FLOAT32: volume->sample = NR_F32; break;
    case DT_FLOAT64: volume->sample = NR_F64; break;
    case DT_RGB24: volume->sample = NR_U8, volume->channels = 3; break;
    case DT_RGBA32: volume->sample = NR_U8, volume->channels = 4; break;
    default:
        if (raw->datatype == DT_UNKNOWN || (raw->datatype != DT_BINARY && !nifti_datatype_is_valid(raw->datatype, 1)))
            return nr_fail(failure, NR_CORRUPT, "NIfTI: expected a data type of the standard, found number %d", raw->datatype);
        return nr_fail(failure, NR_UNSUPPORTED,
                       "NIfTI: expected integers of 8, 16 or 32 bits, floating point of 32 or 64, RGB or RGBA, found %s",
                       nifti_datatype_to_string(raw->datatype));
    }
    volume->voxel = (uint32_t)(volume->channels * nr_sample_size(volume->sample));
    if (raw->bitpix != (int)(8 * volume->voxel))
        return nr_fail(failure, NR_CORRUPT, "NIfTI: expected %u bits of a voxel (%s), found %d", 8 * volume->voxel,
                       nifti_datatype_to_string(raw->datatype), raw->bitpix);
    return NR_OK;
}

static int describe_sizes(const raw_fields *raw, const nr_limits *limits, nr_nifti_volume *volume, nr_failure *failure) {
    if (raw->dim[0] < 1 || raw->dim[0] > 7)
        return nr_fail(failure, NR_CORRUPT, "NIfTI: expected 1 to 7 dimensions, found %lld", (long long)raw->dim[0]);
    uint64_t size[8] = {0, 1, 1, 1, 1, 1, 1, 1};
    for (int index = 1; index <= raw->dim[0]; index++) {
        if (raw->dim[index] < 1)
            return nr_fail(failure, NR_CORRUPT, "NIfTI: expected a size of at least 1 along dimension %d, found %lld", index,
                           (long long)raw->dim[index]);
        size[index] = (uint64_t)raw->dim[index];
    }
    for (int index = 5; index <= 7; index++)
        if (size[index] > 1)
            return nr_fail(failure, NR_UNSUPPORTED,
                           "NIfTI: expected one value in a voxel (three dimensions and time), found %llu along dimension %d",
                           (ull)size[index], index);
    // An unpacked file counts as a file: `middle` of an endless one would unpack half of it.
    uint64_t bytes = volume->voxel, end = limits->max_file_bytes;
    bool over = false;
    for (int index = 1; index <= 4; index++) {
        over = over || __builtin_mul_overflow(bytes, size[index], &bytes);
        if (index == 3) volume->bytes = bytes;
    }
    if (over || volume->offset > end || bytes > end - volume->offset)
        return nr_fail(failure, NR_OVER_LIMIT, "NIfTI: expected at most %llu bytes, found %llu x %llu x %llu x %llu voxels of %u",
                       (ull)end, (ull)size[1], (ull)size[2], (ull)size[3], (ull)size[4], volume->voxel);
    for (int axis = 0; axis < 3; axis++) volume->size[axis] = size[axis + 1];
    volume->volumes = size[4];
    return NR_OK;
}

static void describe_spacing(const raw_fields *raw, int units, nr_nifti_volume *volume) {
    // The unit most files mean where they name none, and which other readers take, is the millimetre.
    double millimetres = units == NIFTI_UNITS_METER ? 1000 : units == NIFTI_UNITS_MICRON ? 0.001 : 1;
    for (int axis = 0; axis < 3; axis++) {
        double spacing = fabs(raw->spacing[axis]) * millimetres;
        volume->spacing[axis] = isfinite(spacing) ? spacing : 0;
    }
}

static int describe_tone(const raw_fields *raw, const nifti_image *image, nr_nifti_volume *volume, nr_failure *failure) {
    nr_tone *tone = &volume->tone;
    memset(tone, 0, sizeof *tone);  // padding as well: tones are compared as bytes
    tone->slope = 1;
    if (volume->channels > 1) return NR_OK;  // the standard scales no colours
    if (isfinite(raw->slope) && raw->slope != 0) {
        if (!isfinite(raw->intercept))
            return nr_fail(failure, NR_CORRUPT, "NIfTI: expected a finite scl_inter beside scl_slope %g, found %g", raw->slope,
                           raw->intercept);
        tone->slope = image->scl_slope;
        tone->intercept = image->scl_inter;
    }
    double width = image->cal_max - image->cal_min, center = image->cal_min + width / 2;
    if (width > 0 && isfinite(width) && isfinite(center)) {
        tone->function = NR_VOI_LINEAR_EXACT;
        tone->window_count = 1;
        tone->windows[0] = (nr_window){.center = center, .width = width, .explanation = "cal_min to cal_max"};
    }
    return NR_OK;
}

static int describe(const raw_fields *raw, const nifti_image *image, nr_nifti_volume *volume, nr_failure *failure) {
    volume->swap = image->byteorder == nifti_short_order() || image->swapsize < 2 ? 0 : image->swapsize;
    describe_spacing(raw, image->xyz_units, volume);
    int kind = describe_tone(raw, image, volume, failure);
    return kind == NR_OK ? nr_nifti_orient(image, volume->axes, failure) : kind;
}

// Reads as many bytes as the version has, and says which it is.
static int read_bytes(nr_nifti_stream *stream, any_header *header, int *version, nr_failure *failure) {
    int kind = nr_nifti_stream_read(stream, header, sizeof header->one, "its header", failure);
    if (kind != NR_OK) return kind;
    *version = nifti_header_version((const char *)header, sizeof header->one);
    if (*version == 2 && (memcmp(header->two.magic, "n+2", 3) == 0 || memcmp(header->two.magic, "ni2", 3) == 0))
        return nr_nifti_stream_read(stream, header->bytes + sizeof header->one, sizeof header->two - sizeof header->one,
                                    "its header", failure);
    if (*version == 0 && is_size(header->bytes, sizeof header->one))
        return nr_fail(failure, NR_UNSUPPORTED,
                       "Analyze 7.5: the header (.hdr) of a pair, which does not say where left is; convert both files to one .nii");
    if (*version == 1) return NR_OK;
    return nr_fail(failure, NR_CORRUPT, "NIfTI: expected a header of 348 bytes with version 1 or 540 with version 2, found %d with another",
                   header->one.sizeof_hdr);
}

int nr_nifti_read_header(nr_nifti_stream *stream, const nr_limits *limits, nr_nifti_volume *volume, nr_failure *failure) {
    nifti_set_debug_level(0);
    any_header header;
    int version;
    int kind = read_bytes(stream, &header, &version, failure);
    if (kind != NR_OK) return kind;
    const char *magic = version == 1 ? header.one.magic : header.two.magic;
    if (magic[1] == 'i')
        return nr_fail(failure, NR_UNSUPPORTED,
                       "NIfTI: expected header and samples in one file (.nii), found the header (.hdr) of a pair; convert both "
                       "files to one .nii");
    if (version == 2 && memcmp(magic, "n+2\0\r\n\032\n", 8) != 0)
        return nr_fail(failure, NR_CORRUPT, "NIfTI: line ends were converted: the file went through a transfer meant for text");

    bool swapped = version == 1 ? header.one.sizeof_hdr != (int)sizeof header.one : NIFTI2_NEEDS_SWAP(header.two);
    raw_fields raw = version == 1 ? raw_of_one(header.one, swapped) : raw_of_two(header.two, swapped);
    // nifti1.h: a smaller vox_offset "is equivalent to 352".
    if (!isfinite(raw.offset) || raw.offset > 9e18)
        return nr_fail(failure, NR_CORRUPT, "NIfTI: expected the place of the first sample, found vox_offset %g", raw.offset);
    volume->offset = raw.offset < (double)raw.least_offset ? raw.least_offset : (uint64_t)raw.offset;
    kind = describe_samples(&raw, volume, failure);
    if (kind == NR_OK) kind = describe_sizes(&raw, limits, volume, failure);
    if (kind != NR_OK) return kind;

    nifti_image *image = version == 1 ? nifti_convert_n1hdr2nim(header.one, NULL) : nifti_convert_n2hdr2nim(header.two, NULL);
    if (image == NULL) return nr_fail(failure, NR_CORRUPT, "NIfTI: libnifti refuses the header");
    kind = describe(&raw, image, volume, failure);
    nifti_image_free(image);
    return kind;
}
