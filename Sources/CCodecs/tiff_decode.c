// TIFF through libtiff: the file, its pages and libtiff's complaints. Not through TIFFReadRGBAImage, which makes
// everything 8 bits deep and takes memory before anything can be checked.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tiff_page.h"

// Directories that are looked at, left-out ones (thumbnails, masks) included; a longer chain is refused.
enum { directory_ceiling = 16384 };

int tiff_fail(tiff_file *file, enum nr_failure_kind kind, const char *format, ...) {
    char words[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (file->problem[0])
        return nr_fail(file->failure, kind, "TIFF page %u: %s (libtiff: %s)", file->page, words, file->problem);
    return nr_fail(file->failure, kind, "TIFF page %u: %s", file->page, words);
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff;
    (void)module;
    tiff_file *file = user;
    if (!file->problem[0]) vsnprintf(file->problem, sizeof file->problem, format, arguments);
    return 1;
}

// libjpeg and the fax decoder fill what is missing with gray or white and only warn; a scan must not be read that way.
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments) {
    (void)tiff;
    tiff_file *file = user;
    char words[160];
    vsnprintf(words, sizeof words, format, arguments);
    bool jpeg = module && strcmp(module, "JPEGLib") == 0;
    bool lost = strstr(words, "Premature EO") != NULL ||
                (jpeg && strstr(words, "Corrupt JPEG data") != NULL && strstr(words, "extraneous bytes") == NULL);
    if (lost) {
        file->damaged = true;
        if (!file->problem[0]) memcpy(file->problem, words, sizeof words);
    }
    return 1;
}

static tmsize_t on_read(thandle_t handle, void *buffer, tmsize_t count) {
    tiff_file *file = (tiff_file *)handle;
    size_t done = count > 0 ? nr_source_read(file->source, buffer, (size_t)count, file->position) : 0;
    file->position += done;
    return (tmsize_t)done;
}

static tmsize_t on_write(thandle_t handle, void *buffer, tmsize_t count) {
    (void)handle;
    (void)buffer;
    (void)count;
    return -1;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence) {
    tiff_file *file = (tiff_file *)handle;
    if (whence == SEEK_SET) file->position = offset;
    if (whence == SEEK_CUR) file->position += offset;
    if (whence == SEEK_END) file->position = file->source->size + offset;
    return file->position;
}

static int on_close(thandle_t handle) {
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle) { return ((tiff_file *)handle)->source->size; }

// Thumbnails and transparency masks that writers put beside a picture are no frames.
static bool left_out(TIFF *tiff) {
    uint32_t kind = 0;
    uint16_t old_kind = 0, photometric = 0;
    if (TIFFGetField(tiff, TIFFTAG_SUBFILETYPE, &kind) && (kind & (FILETYPE_REDUCEDIMAGE | FILETYPE_MASK))) return true;
    if (TIFFGetField(tiff, TIFFTAG_OSUBFILETYPE, &old_kind) && old_kind == OFILETYPE_REDUCEDIMAGE) return true;
    return TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &photometric) && photometric == PHOTOMETRIC_MASK;
}

static int decode_page(tiff_file *file, nr_output *output) {
    tiff_page page;
    int kind = tiff_describe(file, &page, output);
    if (kind != NR_OK) return kind;
    page.frame.number = output->result->frame_count;
    uint8_t *pixels;
    kind = nr_output_place(output, &page.frame, &pixels, file->failure);
    if (kind != NR_OK) return kind;
    kind = tiff_read_pixels(file, &page, pixels);
    if (kind != NR_OK) return kind;
    if (file->damaged) return tiff_fail(file, NR_CORRUPT, "pixels are missing");
    nr_output_commit(output, &page.frame);
    return NR_OK;
}

static int decode_pages(tiff_file *file, nr_output *output) {
    for (;;) {
        // Complaints about tags of which nothing here depends do not matter once the directory has been read.
        file->problem[0] = 0;
        file->source->ended_early = false;
        if (!left_out(file->tiff)) {
            int kind = decode_page(file, output);
            if (kind != NR_OK) return kind;
        }
        if (TIFFLastDirectory(file->tiff)) break;
        if (++file->page >= directory_ceiling)
            return tiff_fail(file, NR_OVER_LIMIT, "expected at most %d directories", directory_ceiling);
        file->source->ended_early = false;
        if (!TIFFReadDirectory(file->tiff))
            return tiff_fail(file, nr_source_kind(file->source, NR_CORRUPT), "its directory cannot be read");
    }
    if (output->result->frame_count == 0)
        return tiff_fail(file, NR_UNSUPPORTED, "expected a picture, found only thumbnails or masks");
    return NR_OK;
}

int nr_decode_tiff(nr_source *source, nr_output *output, nr_failure *failure) {
    tiff_file file = {.source = source, .failure = failure};
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options) return nr_fail(failure, NR_NO_MEMORY, "TIFF: no memory for the decoder");
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, &file);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, &file);
    // Compressed strips may be larger than what they hold, tables of strips are far smaller.
    uint64_t single = output->limits->max_plane_bytes + output->limits->max_plane_bytes / 4 + (64u << 20);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, single < (uint64_t)INT64_MAX ? (tmsize_t)single : (tmsize_t)INT64_MAX);
    // m: no mapping (the file may shrink); c: no chopping of one large strip, which is read in one go.
    file.tiff = TIFFClientOpenExt("scan", "rmc", (thandle_t)&file, on_read, on_write, on_seek, on_close, on_size, NULL, NULL,
                                  options);
    TIFFOpenOptionsFree(options);
    if (!file.tiff) return tiff_fail(&file, nr_source_kind(source, NR_CORRUPT), "its directory cannot be read");
    int kind = decode_pages(&file, output);
    TIFFClose(file.tiff);
    free(file.deflated);
    return kind;
}
