// NIfTI: the slices that are asked for, along the anatomical axis that is asked for, turned as radiologists look at them.
#include <stdlib.h>
#include <string.h>

#include <nifti2_io.h>

#include "nifti.h"

typedef unsigned long long ull;

enum {
    RIGHT = 0, FRONT = 1, HEAD = 2,  // anatomical axes, towards what they ascend
    block_bytes = 1 << 20,           // of samples read at once: half a second-level cache
    wide_block_bytes = 16 << 20,     // where a frame's rows are made of voxels that lie far apart
    deflate_ratio = 1032,            // deflate makes at most 258 bytes of two bits
};

// Which frames of one volume are decoded: `count` slices from `first` on, every `step`-th.
typedef struct {
    uint64_t volume, first, count;
} share;

typedef struct {
    nr_nifti_volume volume;
    unsigned normal, row, column;   // anatomical axes: along which slices follow each other, down and across a frame
    uint64_t slices, total;         // of one volume, of all
    uint64_t step;
    uint64_t wanted;                // frames
    uint8_t *frames;                // the first frame's first byte
    uint64_t frame_bytes, row_bytes;
    uint64_t frame_stride;          // from frame to frame
} plan;

static unsigned storage_of(const plan *p, unsigned anatomical) { return p->volume.axes[anatomical].storage; }
static uint64_t size_of(const plan *p, unsigned anatomical) { return p->volume.size[storage_of(p, anatomical)]; }

static void choose_axes(plan *p, uint32_t axis) {
    p->normal = axis == NR_SAGITTAL ? RIGHT : axis == NR_CORONAL ? FRONT : HEAD;
    // A single slice is that picture, whatever the axis: cut across, it would be a row of pixels.
    unsigned flat = 0, of_size_one = 0;
    for (unsigned anatomical = RIGHT; anatomical <= HEAD; anatomical++)
        if (size_of(p, anatomical) == 1) flat = anatomical, of_size_one++;
    if (of_size_one == 1) p->normal = flat;
    p->row = p->normal == HEAD ? FRONT : HEAD;
    p->column = p->normal == RIGHT ? FRONT : RIGHT;
    p->slices = size_of(p, p->normal);
    p->total = p->slices * p->volume.volumes;  // no more than there are voxels, whose bytes were counted
}

// Frames of volume `number`; those of rule `middle` all lie in one.
static share share_of(const plan *p, const nr_slicing *slicing, uint64_t number) {
    if (slicing->rule == NR_SLICES_MIDDLE) return (share){number, p->slices / 2, 1};
    uint64_t before = number * p->slices;
    uint64_t first = (p->step - before % p->step) % p->step;
    return (share){number, first, first < p->slices ? (p->slices - first + p->step - 1) / p->step : 0};
}

// The volumes that frames are taken from: first, and one after the last.
static void volumes_of(const plan *p, const nr_slicing *slicing, uint64_t *from, uint64_t *to) {
    bool middle = slicing->rule == NR_SLICES_MIDDLE;
    *from = middle ? p->volume.volumes / 2 : 0;
    *to = middle ? *from + 1 : p->volume.volumes;
}

static int place_frame(plan *p, nr_output *output, uint32_t tone, uint64_t number, nr_failure *failure) {
    nr_frame frame = {.width = (uint32_t)size_of(p, p->column), .height = (uint32_t)size_of(p, p->row), .channels = p->volume.channels,
                      .sample = p->volume.sample, .flags = p->volume.channels == 4 ? NR_ALPHA : 0, .orientation = 1,
                      .number = (uint32_t)number, .tone = tone};
    frame.bits = 8 * (uint32_t)nr_sample_size(frame.sample);
    uint8_t *pixels;
    int kind = nr_output_place(output, &frame, &pixels, failure);
    if (kind != NR_OK) return kind;
    nr_output_commit(output, &frame);
    if (p->frames == NULL) {
        p->frames = pixels;
        p->frame_bytes = frame.bytes;
        p->row_bytes = (uint64_t)frame.width * p->volume.voxel;
    }
    p->frame_stride = output->result->frame_count == 2 ? (uint64_t)(pixels - p->frames) : p->frame_stride;
    return NR_OK;
}

// Gives every frame its place, so that limits have been compared before a sample is read.
static int place_frames(plan *p, nr_output *output, nr_failure *failure) {
    const nr_slicing *slicing = output->slicing;
    p->step = slicing->rule == NR_SLICES_EVERY && slicing->step > 1 ? slicing->step : 1;
    p->wanted = slicing->rule == NR_SLICES_MIDDLE ? 1 : (p->total + p->step - 1) / p->step;
    if (p->total > UINT32_MAX || p->wanted > output->limits->max_frames)
        return nr_fail(failure, NR_OVER_LIMIT, "NIfTI: expected at most %u frames, found %llu of %llu slices", output->limits->max_frames,
                       (ull)p->wanted, (ull)p->total);
    if (size_of(p, p->column) > UINT32_MAX || size_of(p, p->row) > UINT32_MAX)
        return nr_fail(failure, NR_OVER_LIMIT, "NIfTI: expected at most %llu pixels, found %llu x %llu", (ull)output->limits->max_pixels,
                       (ull)size_of(p, p->column), (ull)size_of(p, p->row));
    uint32_t tone = nr_output_tone(output, &p->volume.tone);
    uint64_t from, to;
    volumes_of(p, slicing, &from, &to);
    for (uint64_t number = from; number < to; number++) {
        share part = share_of(p, slicing, number);
        for (uint64_t index = 0; index < part.count; index++) {
            int kind = place_frame(p, output, tone, number * p->slices + part.first + index * p->step, failure);
            if (kind != NR_OK) return kind;
        }
    }
    return NR_OK;
}

// A file that cannot hold its volume is not read at all.
static int check_length(const plan *p, const nr_nifti_stream *stream, nr_failure *failure) {
    uint64_t end = p->volume.offset + p->volume.bytes * p->volume.volumes, size = stream->source->size;
    if (!stream->packed && size < end)
        return nr_fail(failure, NR_TRUNCATED, "NIfTI: expected %llu bytes, found %llu", (ull)end, (ull)size);
    if (stream->packed && end / deflate_ratio > size)
        return nr_fail(failure, NR_TRUNCATED, "NIfTI: expected %llu bytes, found %llu packed ones, which cannot hold them", (ull)end,
                       (ull)size);
    return NR_OK;
}

// The part of a volume that is read at once: `count` voxels along each storage axis, one run of bytes of the file.
typedef struct {
    uint64_t start[3], count[3];
} block;

// How large blocks are: whole slices, else whole rows, else part of a row, so that memory is bounded whatever the sizes are.
static void block_size(const plan *p, uint64_t count[3]) {
    const uint64_t *size = p->volume.size;
    uint64_t voxel = p->volume.voxel;
    bool apart = storage_of(p, p->column) == 2;
    uint64_t room = (apart ? wide_block_bytes : block_bytes) / voxel;
    count[0] = size[0] < room ? size[0] : room;
    count[1] = count[0] < size[0] ? 1 : room / count[0] < size[1] ? room / count[0] : size[1];
    count[2] = count[1] < size[1] || count[0] < size[0] ? 1 : room / (count[0] * count[1]);
    if (count[2] > size[2]) count[2] = size[2];
    // More than a cache line's worth of slices makes nothing faster.
    if (apart && count[2] > 64 / voxel && count[0] * count[1] * 64 > block_bytes) count[2] = 64 / voxel;
    // Slices between those that are asked for are passed over.
    if (storage_of(p, p->normal) == 2 && p->wanted < p->total) count[2] = 1;
}

// Where the voxels of `part` along the slices' axis lie that belong to frames: the first one's frame, and how many there are.
static uint64_t frames_in(const plan *p, const share *part, const block *b, uint64_t *first_frame) {
    nr_nifti_axis axis = p->volume.axes[p->normal];
    uint64_t start = b->start[axis.storage], end = start + b->count[axis.storage];
    uint64_t low = axis.descends ? p->slices - end : start, high = axis.descends ? p->slices - start : end;
    uint64_t from = low <= part->first ? 0 : (low - part->first + p->step - 1) / p->step;
    uint64_t to = high <= part->first ? 0 : (high - part->first + p->step - 1) / p->step;
    if (to > part->count) to = part->count;
    *first_frame = from;
    return from < to ? to - from : 0;
}

// Copies a block's voxels into frames, the first of the volume's at `frames`.
static void cut(const plan *p, const share *part, const block *b, const uint8_t *samples, uint8_t *frames, uint64_t first_frame,
                uint64_t frame_count) {
    ptrdiff_t voxel = p->volume.voxel;
    const ptrdiff_t step[3] = {voxel, voxel * (ptrdiff_t)b->count[0], voxel * (ptrdiff_t)(b->count[0] * b->count[1])};
    nr_nifti_box box = {.from = samples, .to = frames, .voxel = p->volume.voxel};
    for (unsigned anatomical = RIGHT; anatomical <= HEAD; anatomical++) {
        nr_nifti_axis axis = p->volume.axes[anatomical];
        unsigned s = axis.storage;
        if (anatomical == p->normal) {
            // Frames follow each other as the axis ascends.
            uint64_t slice = part->first + first_frame * p->step;
            uint64_t voxel_index = axis.descends ? p->slices - 1 - slice : slice;
            box.from += (ptrdiff_t)(voxel_index - b->start[s]) * step[s];
            box.to += first_frame * p->frame_stride;
            box.count[s] = frame_count;
            box.from_step[s] = (axis.descends ? -step[s] : step[s]) * (ptrdiff_t)p->step;
            box.to_step[s] = (ptrdiff_t)p->frame_stride;
        } else {
            // Head and front are at a frame's top, front and the patient's right at its left: against the axes.
            ptrdiff_t unit = anatomical == p->row ? (ptrdiff_t)p->row_bytes : voxel;
            uint64_t place = axis.descends ? b->start[s] : p->volume.size[s] - 1 - b->start[s];
            box.to += (ptrdiff_t)place * unit;
            box.count[s] = b->count[s];
            box.from_step[s] = step[s];
            box.to_step[s] = axis.descends ? unit : -unit;
        }
    }
    nr_nifti_copy(&box, storage_of(p, p->column));
}

static int decode_volume(const plan *p, const share *part, nr_nifti_stream *stream, uint8_t *samples, uint8_t *frames,
                         nr_failure *failure) {
    const uint64_t *size = p->volume.size;
    uint64_t most[3];
    block_size(p, most);
    block b;
    for (b.start[2] = 0; b.start[2] < size[2]; b.start[2] += most[2]) {
        for (b.start[1] = 0; b.start[1] < size[1]; b.start[1] += most[1]) {
            for (b.start[0] = 0; b.start[0] < size[0]; b.start[0] += most[0]) {
                for (int axis = 0; axis < 3; axis++) {
                    uint64_t left = size[axis] - b.start[axis];
                    b.count[axis] = left < most[axis] ? left : most[axis];
                }
                uint64_t first, count = frames_in(p, part, &b, &first);
                if (count == 0) continue;
                uint64_t voxels = b.start[0] + size[0] * (b.start[1] + size[1] * b.start[2]);
                uint64_t bytes = b.count[0] * b.count[1] * b.count[2] * p->volume.voxel;
                uint64_t at = p->volume.offset + part->volume * p->volume.bytes + voxels * p->volume.voxel;
                int kind = nr_nifti_stream_skip(stream, at, failure);
                if (kind == NR_OK) kind = nr_nifti_stream_read(stream, samples, bytes, "its samples", failure);
                if (kind != NR_OK) return kind;
                if (p->volume.swap) nifti_swap_Nbytes((int64_t)(bytes / (unsigned)p->volume.swap), p->volume.swap, samples);
                cut(p, part, &b, samples, frames, first, count);
            }
        }
    }
    return NR_OK;
}

static int decode_volumes(const plan *p, const nr_slicing *slicing, nr_nifti_stream *stream, nr_failure *failure) {
    uint64_t most[3], from, to;
    block_size(p, most);
    uint8_t *samples = malloc(most[0] * most[1] * most[2] * p->volume.voxel);
    if (samples == NULL) return nr_fail(failure, NR_NO_MEMORY, "NIfTI: no memory for a block of samples");
    volumes_of(p, slicing, &from, &to);
    uint8_t *frames = p->frames;
    int kind = NR_OK;
    for (uint64_t number = from; number < to && kind == NR_OK; number++) {
        share part = share_of(p, slicing, number);
        if (part.count == 0) continue;
        kind = decode_volume(p, &part, stream, samples, frames, failure);
        frames += part.count * p->frame_stride;
    }
    free(samples);
    uint64_t end = p->volume.offset + p->volume.bytes * p->volume.volumes;
    return kind == NR_OK && stream->position == end ? nr_nifti_stream_finish(stream, failure) : kind;
}

static int decode(nr_nifti_stream *stream, nr_output *output, nr_failure *failure) {
    plan p = {0};
    int kind = nr_nifti_read_header(stream, output->limits, &p.volume, failure);
    if (kind != NR_OK) return kind;
    choose_axes(&p, output->slicing->axis);
    nr_scan *scan = &output->result->scan;
    scan->frames_in_file = p.total > UINT32_MAX ? UINT32_MAX : (uint32_t)p.total;
    scan->row_spacing = p.volume.spacing[storage_of(&p, p.row)];
    scan->column_spacing = p.volume.spacing[storage_of(&p, p.column)];
    kind = place_frames(&p, output, failure);
    if (kind == NR_OK) kind = check_length(&p, stream, failure);
    return kind == NR_OK ? decode_volumes(&p, output->slicing, stream, failure) : kind;
}

int nr_decode_nifti(nr_source *source, nr_output *output, nr_failure *failure) {
    nr_nifti_stream stream;
    int kind = nr_nifti_stream_open(&stream, source, failure);
    if (kind != NR_OK) return kind;
    if (stream.packed) strcpy(output->result->scan.compression, "gzip");
    kind = decode(&stream, output, failure);
    nr_nifti_stream_close(&stream);
    return kind;
}
