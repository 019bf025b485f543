// What libjpeg asks of a program: bytes, words for errors, an end to what goes on for too long. Private to this target.
#ifndef NR_JPEG_READER_H
#define NR_JPEG_READER_H
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "source.h"

// More scans of a progressive picture than this are refused: each one costs a pass over all of it.
enum { jpeg_max_scans = 100 };

// Lives outside the function that setjmp returns to.
typedef struct {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr bytes;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    nr_source *source;
    nr_failure *failure;
    uint64_t offset;        // of the byte after those in the buffer
    uint32_t orientation;   // of the first EXIF block, 1 where there is none
    bool exif_seen;
    uint8_t buffer[64 * 1024];
} jpeg_reader;

// Fails with the file's offset in the message and leaves for `reader->failed`.
_Noreturn void jpeg_reader_fail(jpeg_reader *reader, enum nr_failure_kind kind, const char *words);

// Sets everything up except `failed`; jpeg_create_decompress comes after, then jpeg_reader_attach.
void jpeg_reader_begin(jpeg_reader *reader, nr_source *source, nr_failure *failure);
void jpeg_reader_attach(jpeg_reader *reader);

#endif
