// One decoder under libFuzzer: an input is a file, decoded from memory as the decoder process does it, with small limits. Compiled
// once per format (-DFORMAT=NR_FORMAT_PNG …); what is another format is no input for the corpus.
#define _GNU_SOURCE
#include <codec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_FRAMES = 16 };

static const nr_limits limits = {
    .max_pixels = 1 << 18, .max_plane_bytes = 4 << 20, .max_file_bytes = 1 << 20, .max_frames = MAX_FRAMES};

// Exactly as large as the limit, so that AddressSanitizer sees whoever writes past it.
static uint8_t *planes;
static int file;

int LLVMFuzzerInitialize(int *count, char ***arguments) {
    (void)count;
    (void)arguments;
    nr_decoders_prepare();
    planes = malloc(limits.max_plane_bytes);
    file = memfd_create("scan", 0);
    return planes == NULL || file < 0;
}

static void require(int holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "what a decoder promises does not hold: %s\n", what);
    abort();
}

static uint64_t sum(const uint8_t *bytes, uint64_t count) {
    uint64_t sum = 0;
    for (uint64_t index = 0; index < count; index++) sum += bytes[index];
    return sum;
}

static void check_table(const nr_lut *table) {
    if (table->count == 0) return;
    require(table->count <= 65536 && table->bits >= 1 && table->bits <= 16 && table->offset % 64 == 0, "table");
    require(table->offset <= limits.max_plane_bytes && table->count * 2 <= limits.max_plane_bytes - table->offset, "place");
}

// What the supervisor will check again: a decoder that fails here would have been called untrustworthy there.
static void check(const nr_result *result) {
    require(result->frame_count >= 1 && result->frame_count <= MAX_FRAMES, "number of frames");
    require(result->tone_count >= 1 && result->tone_count <= result->frame_count, "number of tones");
    for (uint32_t index = 0; index < result->frame_count; index++) {
        const nr_frame *frame = &result->frames[index];
        static const uint8_t sizes[9] = {0, 1, 2, 4, 1, 2, 4, 4, 8};
        require(frame->sample >= 1 && frame->sample <= 8, "sample type");
        require(frame->channels >= 1 && frame->channels <= 4, "channels");
        require((uint64_t)frame->width * frame->height <= limits.max_pixels, "pixels");
        require(frame->bytes == (uint64_t)frame->width * frame->height * frame->channels * sizes[frame->sample], "bytes");
        require(frame->bits >= 1 && frame->bits <= 8u * sizes[frame->sample], "bits");
        require(frame->offset % 64 == 0 && frame->offset <= limits.max_plane_bytes &&
                    frame->bytes <= limits.max_plane_bytes - frame->offset, "place of samples");
        require(frame->orientation >= 1 && frame->orientation <= 8 && frame->tone < result->tone_count, "orientation, tone");
        require(index == 0 || frame->number > result->frames[index - 1].number, "ascending numbers");
        require(((frame->flags & NR_ALPHA) != 0) == (frame->channels % 2 == 0), "alpha");
        volatile uint64_t seen = sum(planes + frame->offset, frame->bytes);
        (void)seen;
    }
    for (uint32_t index = 0; index < result->tone_count; index++) {
        const nr_tone *tone = &result->tones[index];
        require(tone->slope == tone->slope && tone->slope != 0 && tone->window_count <= NR_MAX_WINDOWS, "tone");
        for (uint32_t window = 0; window < tone->window_count; window++)
            require(tone->windows[window].width > 0 && memchr(tone->windows[window].explanation, 0, 64) != NULL, "window");
        check_table(&tone->modality);
        check_table(&tone->voi);
        for (int colour = 0; colour < 3; colour++) check_table(&tone->palette[colour]);
    }
    require(memchr(result->scan.compression, 0, sizeof result->scan.compression) != NULL, "terminated text");
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    if (ftruncate(file, 0) != 0 || pwrite(file, bytes, count, 0) != (ssize_t)count) abort();
    nr_frame frames[MAX_FRAMES];
    static nr_tone tones[MAX_FRAMES];
    nr_result result = {.frames = frames, .tones = tones};
    // The slicing is the input's as well, from its last byte, which few formats give a meaning.
    uint8_t last = count > 0 ? bytes[count - 1] : 0;
    nr_slicing slicing = {.axis = last % 3, .rule = last / 3 % 3, .step = 1 + last / 9 % 4};
    nr_least_size least = {.shorter = last % 4 * 8, .longer = last % 5 * 8};
    int kind = nr_decode(file, &limits, &slicing, &least, planes, limits.max_plane_bytes, &result);
    if (kind == NR_OK)
        check(&result);
    else
        require(result.failure.kind == (uint32_t)kind && result.failure.message[0] != 0 &&
                    memchr(result.failure.message, 0, sizeof result.failure.message) != NULL, "a failure that says why");
    return result.format == FORMAT ? 0 : -1;
}
