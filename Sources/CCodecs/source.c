#include "source.h"

#include <CSystem.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int nr_fail_list(nr_failure *failure, enum nr_failure_kind kind, const char *format, va_list arguments) {
    failure->kind = kind;
    vsnprintf(failure->message, sizeof failure->message, format, arguments);
    return (int)kind;
}

int nr_fail(nr_failure *failure, enum nr_failure_kind kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    nr_fail_list(failure, kind, format, arguments);
    va_end(arguments);
    return (int)kind;
}

enum nr_failure_kind nr_source_kind(const nr_source *source, enum nr_failure_kind otherwise) {
    if (source->io_error) return NR_IO;
    return source->ended_early ? NR_TRUNCATED : otherwise;
}

int nr_source_open(nr_source *source, int fd, const nr_limits *limits, nr_failure *failure) {
    nr_stamp stamp;
    int error = nr_stamp_of(fd, &stamp);
    if (error != 0) return nr_fail(failure, NR_IO, "cannot be examined: %s", strerror(error));
    // A FIFO or a device would block or never end.
    if (!S_ISREG(stamp.kind))
        return nr_fail(failure, NR_IO, "expected a regular file, found a %s",
                       S_ISDIR(stamp.kind) ? "folder" : "special file");
    if (stamp.size <= 0) return nr_fail(failure, NR_EMPTY, "expected a picture, found no bytes at all");
    *source = (nr_source){.fd = fd, .size = (uint64_t)stamp.size};
    if (source->size > limits->max_file_bytes)
        return nr_fail(failure, NR_OVER_LIMIT, "expected at most %llu bytes, found a file of %llu",
                       (unsigned long long)limits->max_file_bytes, (unsigned long long)source->size);
    return NR_OK;
}

size_t nr_source_read(nr_source *source, void *buffer, size_t count, uint64_t offset) {
    size_t done = 0;
    if (offset < source->size) {
        size_t wanted = count;
        if (wanted > source->size - offset) wanted = (size_t)(source->size - offset);
        while (done < wanted) {
            ssize_t got = pread(source->fd, (uint8_t *)buffer + done, wanted - done, (off_t)(offset + done));
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) source->io_error = errno;
            if (got <= 0) break;
            done += (size_t)got;
        }
    }
    if (done < count) source->ended_early = true;
    return done;
}

size_t nr_sample_size(uint32_t sample) {
    switch (sample) {
    case NR_U8: case NR_I8: return 1;
    case NR_U16: case NR_I16: return 2;
    case NR_U32: case NR_I32: case NR_F32: return 4;
    case NR_F64: return 8;
    default: return 0;
    }
}

bool nr_output_wants(const nr_output *output, uint64_t number, uint64_t count) {
    switch (output->slicing->rule) {
    case NR_SLICES_MIDDLE: return number == count / 2;
    case NR_SLICES_EVERY: return number % (output->slicing->step ? output->slicing->step : 1) == 0;
    default: return true;
    }
}

uint32_t nr_output_tone(nr_output *output, const nr_tone *tone) {
    nr_result *result = output->result;
    for (uint32_t index = result->tone_count; index > 0; index--)
        if (memcmp(&result->tones[index - 1], tone, sizeof *tone) == 0) return index - 1;
    // One per frame at most, and the last one then stands: a caller that adds more has lost count.
    if (result->tone_count == output->limits->max_frames) return result->tone_count - 1;
    result->tones[result->tone_count] = *tone;
    return result->tone_count++;
}

// Whole large pages, or the last ones would be small.
static size_t in_large_pages(size_t bytes) {
    enum { large = 2 << 20 };
    return bytes < large ? bytes : (bytes + large - 1) / large * large;
}

void *nr_scratch_take(size_t bytes) {
    bytes = in_large_pages(bytes);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    madvise(memory, bytes, MADV_HUGEPAGE);  // refused where the kernel has none: it then comes in small pages
    return memory;
}

void nr_scratch_give(void *memory, size_t bytes) {
    if (memory) munmap(memory, in_large_pages(bytes));
}

// The next place for `bytes` bytes, or false.
static bool reserve(nr_output *output, uint64_t bytes, uint64_t *offset) {
    uint64_t start = (output->used + 63) & ~(uint64_t)63;
    if (start > output->capacity || bytes > output->capacity - start) return false;
    *offset = start;
    return true;
}

int nr_output_table(nr_output *output, nr_lut *lut, const uint16_t *entries, uint32_t count, nr_failure *failure) {
    uint64_t bytes = (uint64_t)count * sizeof *entries;
    if (count == 0 || count > 65536)
        return nr_fail(failure, NR_CORRUPT, "expected a lookup table of 1 to 65536 entries, found %u", count);
    if (!reserve(output, bytes, &lut->offset))
        return nr_fail(failure, NR_OVER_LIMIT, "expected at most %llu bytes of samples, found more",
                       (unsigned long long)output->capacity);
    memcpy(output->planes + lut->offset, entries, bytes);
    lut->count = count;
    output->used = lut->offset + bytes;
    return NR_OK;
}

// Planes that an earlier scan has used are there already, but a new process meets each of their pages as a fault of its own. Looking at one of
// them lets the kernel map its neighbours too (fault-around: 64 KiB), a fifth of the time for all. Of pages that are not there yet, one in
// sixteen is made, and no more of these than a lane keeps anyway.
static void meet_pages(const uint8_t *start, uint64_t bytes) {
    enum { around = 64 << 10, most = 64 << 20 };
    const volatile uint8_t *at = start;
    for (uint64_t offset = 0; offset < bytes && offset < most; offset += around) (void)at[offset];
}

int nr_output_place(nr_output *output, nr_frame *frame, uint8_t **pixels, nr_failure *failure) {
    const nr_limits *limits = output->limits;
    if (output->result->frame_count >= limits->max_frames)
        return nr_fail(failure, NR_OVER_LIMIT, "expected at most %u frames, found more", limits->max_frames);
    if (frame->width == 0 || frame->height == 0)
        return nr_fail(failure, NR_CORRUPT, "expected a picture with pixels, found %u x %u", frame->width, frame->height);
    // 2^32 · 2^32 pixels do not fit 64 bits together with channels and sample size: compare before multiplying on.
    uint64_t pixel_count = (uint64_t)frame->width * frame->height;
    if (frame->reduction == 0) frame->reduction = 1;
    // Pixels of the file are what the limit is about, so that it is the same for every setting.
    uint64_t width = (uint64_t)frame->width * frame->reduction - frame->missing_columns;
    uint64_t height = (uint64_t)frame->height * frame->reduction - frame->missing_rows;
    if (width > UINT32_MAX || height > UINT32_MAX || width * height > limits->max_pixels)
        return nr_fail(failure, NR_OVER_LIMIT, "expected at most %llu pixels, found %llu x %llu", (unsigned long long)limits->max_pixels,
                       (unsigned long long)width, (unsigned long long)height);
    uint64_t pixel_bytes = (uint64_t)frame->channels * nr_sample_size(frame->sample);
    if (pixel_bytes == 0 || pixel_bytes > 64)
        return nr_fail(failure, NR_UNSUPPORTED, "expected 1 to 4 channels, found %u", frame->channels);
    // At most max_pixels times 64, but a limit may be anything.
    if (pixel_count > UINT64_MAX / pixel_bytes || !reserve(output, pixel_count * pixel_bytes, &frame->offset))
        return nr_fail(failure, NR_OVER_LIMIT, "expected at most %llu bytes of samples, found more (frame %u is %u x %u x %u, %u bits)",
                       (unsigned long long)output->capacity, frame->number, frame->width, frame->height, frame->channels,
                       frame->bits);
    if (output->result->tone_count == 0) nr_output_tone(output, &(nr_tone){.slope = 1});
    frame->bytes = pixel_count * pixel_bytes;
    frame->reserved = 0;
    *pixels = output->planes + frame->offset;
    meet_pages(*pixels, frame->bytes);
    return NR_OK;
}

void nr_output_commit(nr_output *output, const nr_frame *frame) {
    output->result->frames[output->result->frame_count++] = *frame;
    output->used = frame->offset + frame->bytes;
}
