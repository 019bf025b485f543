#include "jpeg_reader.h"

#include <jerror.h>
#include <string.h>

_Noreturn void jpeg_reader_fail(jpeg_reader *reader, enum nr_failure_kind kind, const char *words) {
    uint64_t near = reader->offset - reader->bytes.bytes_in_buffer;
    nr_fail(reader->failure, kind, "JPEG: %s (near byte %llu of %llu)", words, (unsigned long long)near,
            (unsigned long long)reader->source->size);
    longjmp(reader->failed, 1);
}

static enum nr_failure_kind kind_of(const jpeg_reader *reader, int code) {
    switch (code) {
    case JERR_OUT_OF_MEMORY: case JERR_NO_BACKING_STORE: return NR_NO_MEMORY;
    case JERR_INPUT_EOF: case JERR_INPUT_EMPTY: return NR_TRUNCATED;
    case JERR_IMAGE_TOO_BIG: case JERR_WIDTH_OVERFLOW: return NR_OVER_LIMIT;
    case JERR_BAD_PRECISION: case JERR_SOF_UNSUPPORTED: case JERR_COMPONENT_COUNT: case JERR_NOT_COMPILED:
    case JERR_CCIR601_NOTIMPL: case JERR_CONVERSION_NOTIMPL: case JERR_FRACT_SAMPLE_NOTIMPL: case JERR_ARITH_NOTIMPL:
        return NR_UNSUPPORTED;
    default: return nr_source_kind(reader->source, NR_CORRUPT);
    }
}

// What libjpeg says only in numbers.
static const char *process_of(int marker) {
    switch (marker) {
    case 0xc3: case 0xcb: return "lossless";
    case 0xc5: case 0xc6: case 0xcd: case 0xce: return "hierarchical";
    case 0xc7: case 0xcf: return "hierarchical lossless";
    default: return "an unknown process";
    }
}

static void on_error(j_common_ptr jpeg) {
    jpeg_reader *reader = jpeg->client_data;
    int code = jpeg->err->msg_code;
    char words[JMSG_LENGTH_MAX + 64];
    if (code == JERR_BAD_PRECISION) {
        snprintf(words, sizeof words, "expected samples of 8 bits, found %d", jpeg->err->msg_parm.i[0]);
    } else if (code == JERR_SOF_UNSUPPORTED) {
        int marker = jpeg->err->msg_parm.i[0];
        snprintf(words, sizeof words, "expected baseline, extended or progressive coding, found %s (SOF 0x%02x)",
                 process_of(marker), (unsigned)marker);
    } else {
        jpeg->err->format_message(jpeg, words);
        strcat(words, " (libjpeg)");
    }
    jpeg_reader_fail(reader, kind_of(reader, code), words);
}

// libjpeg fills what is missing or wrong with gray and only warns; a scan must not be read that way. What remains are
// remarks about bytes that no pixel depends on.
static void on_message(j_common_ptr jpeg, int level) {
    if (level >= 0) return;
    switch (jpeg->err->msg_code) {
    case JWRN_HIT_MARKER: case JWRN_HUFF_BAD_CODE: case JWRN_ARITH_BAD_CODE: case JWRN_MUST_RESYNC: case JWRN_JPEG_EOF:
    case JWRN_BOGUS_PROGRESSION:
        on_error(jpeg);
        break;
    default: jpeg->err->num_warnings++;
    }
}

static void on_start(j_decompress_ptr jpeg) { (void)jpeg; }

static boolean on_fill(j_decompress_ptr jpeg) {
    jpeg_reader *reader = jpeg->client_data;
    size_t wanted = sizeof reader->buffer;
    if (reader->offset < reader->source->size && reader->source->size - reader->offset < wanted)
        wanted = (size_t)(reader->source->size - reader->offset);
    size_t count = nr_source_read(reader->source, reader->buffer, wanted, reader->offset);
    reader->bytes.bytes_in_buffer = 0;
    if (reader->source->io_error) jpeg_reader_fail(reader, NR_IO, strerror(reader->source->io_error));
    if (count == 0) jpeg_reader_fail(reader, NR_TRUNCATED, "the file ends before its picture does");
    reader->offset += count;
    reader->bytes.next_input_byte = reader->buffer;
    reader->bytes.bytes_in_buffer = count;
    return TRUE;
}

static void on_skip(j_decompress_ptr jpeg, long count) {
    jpeg_reader *reader = jpeg->client_data;
    if (count <= 0) return;
    if ((size_t)count <= reader->bytes.bytes_in_buffer) {
        reader->bytes.next_input_byte += count;
        reader->bytes.bytes_in_buffer -= (size_t)count;
        return;
    }
    reader->offset += (size_t)count - reader->bytes.bytes_in_buffer;  // past the end, the next read says so
    reader->bytes.bytes_in_buffer = 0;
}

static void on_end(j_decompress_ptr jpeg) { (void)jpeg; }

static void on_progress(j_common_ptr jpeg) {
    jpeg_reader *reader = jpeg->client_data;
    if (reader->jpeg.input_scan_number > jpeg_max_scans) {
        char words[64];
        snprintf(words, sizeof words, "expected at most %d scans, found more", jpeg_max_scans);
        jpeg_reader_fail(reader, NR_OVER_LIMIT, words);
    }
}

static int next_byte(jpeg_reader *reader) {
    if (reader->bytes.bytes_in_buffer == 0) on_fill(&reader->jpeg);
    reader->bytes.bytes_in_buffer--;
    return *reader->bytes.next_input_byte++;
}

static uint32_t number(const uint8_t *at, int size, bool big) {
    uint32_t value = 0;
    for (int i = 0; i < size; i++) value |= (uint32_t)at[i] << 8 * (big ? size - 1 - i : i);
    return value;
}

// EXIF 2.32, 4.6.4: tag 274 of the first directory of the TIFF structure that follows "Exif\0\0". 1 where it says nothing usable.
static uint32_t exif_orientation(const uint8_t *exif, size_t count) {
    if (count < 8 || !((exif[0] == 'I' && exif[1] == 'I') || (exif[0] == 'M' && exif[1] == 'M'))) return 1;
    bool big = exif[0] == 'M';
    uint32_t directory = number(exif + 4, 4, big);
    if (number(exif + 2, 2, big) != 42 || directory > count - 2) return 1;
    uint32_t entries = number(exif + directory, 2, big);
    size_t at = (size_t)directory + 2;
    for (uint32_t i = 0; i < entries && count - at >= 12; i++, at += 12) {
        if (number(exif + at, 2, big) != 274) continue;
        bool short_one = number(exif + at + 2, 2, big) == 3 && number(exif + at + 4, 4, big) == 1;
        uint32_t value = short_one ? number(exif + at + 8, 2, big) : 0;
        return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

// Only as much of the first EXIF block is kept as its first directory can need; others are passed by.
static boolean on_app1(j_decompress_ptr jpeg) {
    jpeg_reader *reader = jpeg->client_data;
    long length = next_byte(reader) << 8;
    length = (length | next_byte(reader)) - 2;
    uint8_t block[6 + 4096];
    size_t count = 0;
    while (!reader->exif_seen && length > 0 && count < sizeof block) {
        block[count++] = (uint8_t)next_byte(reader);
        length--;
        if (count == 6 && memcmp(block, "Exif\0\0", 6) != 0) break;
    }
    if (count > 6) {
        reader->exif_seen = true;
        reader->orientation = exif_orientation(block + 6, count - 6);
    }
    on_skip(jpeg, length);
    return TRUE;
}

void jpeg_reader_begin(jpeg_reader *reader, nr_source *source, nr_failure *failure) {
    memset(&reader->jpeg, 0, sizeof reader->jpeg);
    reader->source = source;
    reader->failure = failure;
    reader->offset = 0;
    reader->orientation = 1;
    reader->exif_seen = false;
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = on_error;
    reader->errors.emit_message = on_message;
    reader->jpeg.client_data = reader;
    reader->bytes = (struct jpeg_source_mgr){
        .init_source = on_start,
        .fill_input_buffer = on_fill,
        .skip_input_data = on_skip,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = on_end,
    };
    reader->progress = (struct jpeg_progress_mgr){.progress_monitor = on_progress};
}

void jpeg_reader_attach(jpeg_reader *reader) {
    reader->jpeg.src = &reader->bytes;
    reader->jpeg.progress = &reader->progress;
    jpeg_set_marker_processor(&reader->jpeg, JPEG_APP0 + 1, on_app1);
}
