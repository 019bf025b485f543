// JPEG through libjpeg-turbo: the accurate integer transform and smooth upsampling, as Pillow and most viewers use them.
#include <string.h>

#include "jpeg_reader.h"
#include "placement.h"

enum { most_rows = 16 };  // taken from libjpeg at once: those of one row of blocks, at two to one

// The library's memory for a picture in several scans: all coefficients, 2 bytes each, whole blocks in whole units.
static bool coefficients_fit(const struct jpeg_decompress_struct *jpeg, uint64_t capacity) {
    uint64_t bytes = 0;
    for (int i = 0; i < jpeg->num_components; i++) {
        const jpeg_component_info *part = &jpeg->comp_info[i];
        uint64_t across = (uint64_t)part->width_in_blocks + (uint64_t)part->h_samp_factor;
        uint64_t down = (uint64_t)part->height_in_blocks + (uint64_t)part->v_samp_factor;
        bytes += across * down * DCTSIZE2 * sizeof(JCOEF);
    }
    return bytes <= capacity;
}

static const char *coding_of(const struct jpeg_decompress_struct *jpeg) {
    if (jpeg->arith_code) return jpeg->progressive_mode ? "progressive, arithmetic" : "sequential, arithmetic";
    return jpeg->progressive_mode ? "progressive" : "sequential";
}

// How far the picture may be reduced: libjpeg transforms each block to half, a quarter or an eighth of its size for less than the work of all.
static unsigned reduction_to(const nr_least_size *least, uint32_t width, uint32_t height) {
    if (!least || (least->shorter == 0 && least->longer == 0)) return 1;
    uint32_t shorter = width < height ? width : height, longer = width < height ? height : width;
    unsigned by = 8;
    while (by > 1 && ((shorter + by - 1) / by < least->shorter || (longer + by - 1) / by < least->longer)) by /= 2;
    return by;
}

static int describe(jpeg_reader *reader, nr_output *output, nr_frame *frame) {
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    switch (jpeg->num_components) {
    case 1: jpeg->out_color_space = JCS_GRAYSCALE; break;
    case 3: jpeg->out_color_space = JCS_RGB; break;
    case 4: jpeg->out_color_space = JCS_CMYK; break;
    default:
        return nr_fail(reader->failure, NR_UNSUPPORTED, "JPEG: expected 1, 3 or 4 components, found %d", jpeg->num_components);
    }
    jpeg->dct_method = JDCT_ISLOW;
    jpeg->do_fancy_upsampling = TRUE;
    bool turned = nr_orientation_turns(reader->orientation);
    unsigned by = reduction_to(output->least, jpeg->image_width, jpeg->image_height);
    jpeg->scale_num = 1;
    jpeg->scale_denom = by;
    uint32_t width = (jpeg->image_width + by - 1) / by, height = (jpeg->image_height + by - 1) / by;
    uint8_t columns = (uint8_t)(width * by - jpeg->image_width), rows = (uint8_t)(height * by - jpeg->image_height);
    *frame = (nr_frame){
        .width = turned ? height : width,
        .height = turned ? width : height,
        .reduction = (uint8_t)by,
        .missing_columns = turned ? rows : columns,
        .missing_rows = turned ? columns : rows,
        .channels = jpeg->num_components == 1 ? 1 : 3,
        .sample = NR_U8,
        .bits = 8,
        .flags = NR_LOSSY,
        .orientation = reader->orientation,
    };
    output->result->scan.frames_in_file = 1;
    strcpy(output->result->scan.compression, coding_of(jpeg));
    return NR_OK;
}

// Ink to light as Pillow's convert("RGB") does, without profiles. Inks are taken as stored upside down (0 is full), which
// is what every program writes since Photoshop 2.5 did, with an Adobe marker or without.
static void convert_cmyk(const uint8_t *from, size_t count, uint8_t *to) {
    for (size_t i = 0; i < count; i++, from += 4, to += 3)
        for (int ink = 0; ink < 3; ink++) {
            uint32_t light = from[3], absorbed = ((255u - from[ink]) * light * 2 + 255) / 510;
            to[ink] = (uint8_t)(light - absorbed);
        }
}

// Rows that already are as the frame holds them, without a copy.
static void read_straight(struct jpeg_decompress_struct *jpeg, uint8_t *pixels, size_t row) {
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW rows[most_rows];
        for (uint32_t i = 0; i < most_rows; i++) rows[i] = pixels + (jpeg->output_scanline + (size_t)i) * row;
        uint32_t left = jpeg->output_height - jpeg->output_scanline;
        jpeg_read_scanlines(jpeg, rows, left < most_rows ? left : most_rows);
    }
}

static void read_turned(struct jpeg_decompress_struct *jpeg, const nr_frame *frame, uint8_t *pixels) {
    nr_placement to = nr_place(frame, pixels);
    size_t stored = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
    // The library's own memory: given back with it, wherever an error ends this.
    uint8_t *line = jpeg->mem->alloc_large((j_common_ptr)jpeg, JPOOL_IMAGE, stored + (size_t)jpeg->output_width * 3);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint32_t y = jpeg->output_scanline;
        JSAMPROW rows[1] = {line};
        jpeg_read_scanlines(jpeg, rows, 1);
        if (jpeg->num_components == 4) convert_cmyk(line, jpeg->output_width, line + stored);
        nr_put_run(&to, 0, y, jpeg->num_components == 4 ? line + stored : line, jpeg->output_width);
    }
}

static int decode(jpeg_reader *reader, nr_output *output) {
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    if (setjmp(reader->failed)) return (int)reader->failure->kind;
    jpeg_create_decompress(jpeg);
    jpeg_reader_attach(reader);
    jpeg_read_header(jpeg, TRUE);

    nr_frame frame;
    uint8_t *pixels;
    int kind = describe(reader, output, &frame);
    if (kind == NR_OK) kind = nr_output_place(output, &frame, &pixels, reader->failure);
    if (kind != NR_OK) return kind;
    if (jpeg_has_multiple_scans(jpeg) && !coefficients_fit(jpeg, output->capacity))
        return nr_fail(reader->failure, NR_OVER_LIMIT,
                       "JPEG: expected a picture in several scans whose coefficients take at most %llu bytes, found %u x %u",
                       (unsigned long long)output->capacity, jpeg->image_width, jpeg->image_height);
    jpeg_start_decompress(jpeg);
    bool turned = nr_orientation_turns(frame.orientation);
    if (jpeg->output_width != (turned ? frame.height : frame.width) || jpeg->output_height != (turned ? frame.width : frame.height))
        return nr_fail(reader->failure, NR_UNSUPPORTED, "JPEG: expected a size that libjpeg does not give");
    if (frame.orientation == 1 && jpeg->num_components != 4)
        read_straight(jpeg, pixels, (size_t)frame.width * frame.channels);
    else
        read_turned(jpeg, &frame, pixels);
    jpeg_finish_decompress(jpeg);  // an end marker that is missing is a file that is cut off
    nr_output_commit(output, &frame);
    return NR_OK;
}

int nr_decode_jpeg(nr_source *source, nr_output *output, nr_failure *failure) {
    jpeg_reader reader;
    jpeg_reader_begin(&reader, source, failure);
    int kind = decode(&reader, output);
    jpeg_destroy_decompress(&reader.jpeg);
    return kind;
}
