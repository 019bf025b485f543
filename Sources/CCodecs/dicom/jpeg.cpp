// JPEG: of 8 bits through libjpeg-turbo, which is quick, but does not know 12 bits and the lossless processes; those through
// DCMTK's three copies of the Independent JPEG Group's library.
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <jpeglib.h>

#include <jerror.h>

#include <dcmtk/dcmjpeg/djcparam.h>
#include <dcmtk/dcmjpeg/djdijg12.h>
#include <dcmtk/dcmjpeg/djdijg16.h>
#include <dcmtk/dcmjpeg/djdijg8.h>

#include "jpeg_stream.h"
#include "pixels.h"

namespace dicom {

namespace {

// More scans than this are an attack: each goes over the whole picture.
constexpr unsigned scan_limit = 100;

struct Errors {
    jpeg_error_mgr manager;  // first: libjpeg hands it back
    jmp_buf escape;
    int code;                // of libjpeg's message that ended decoding
    unsigned scans;
    bool warned;
};

void leave(j_common_ptr common) {
    auto *errors = (Errors *)common->err;
    errors->code = errors->manager.msg_code;
    longjmp(errors->escape, 1);
}

// A warning means lost pixels, but for a few.
void warn(j_common_ptr common, int level) {
    auto *errors = (Errors *)common->err;
    if (level >= 0) return;
    switch (errors->manager.msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR: return;
    default:
        errors->warned = true;
        leave(common);
    }
}

void count_scans(j_common_ptr common) {
    if (((j_decompress_ptr)common)->input_scan_number > (int)scan_limit) {
        ((Errors *)common->err)->scans = scan_limit + 1;
        leave(common);
    }
}

void say_nothing(j_common_ptr) {}

// Returns whether it went well. No object with a destructor may live here: errors leave by longjmp.
bool decompress(const uint8_t *stream, size_t size, bool convert, const Picture &picture, uint8_t *samples, Errors *errors) {
    jpeg_decompress_struct state;
    jpeg_progress_mgr progress{};
    memset(&state, 0, sizeof state);
    state.err = jpeg_std_error(&errors->manager);
    errors->manager.error_exit = leave;
    errors->manager.emit_message = warn;
    errors->manager.output_message = say_nothing;
    if (setjmp(errors->escape)) {
        jpeg_destroy_decompress(&state);
        return false;
    }
    jpeg_create_decompress(&state);
    progress.progress_monitor = count_scans;
    state.progress = &progress;
    jpeg_mem_src(&state, stream, size);
    jpeg_read_header(&state, TRUE);
    if (picture.samples == 1) {
        state.jpeg_color_space = state.out_color_space = JCS_GRAYSCALE;
    } else {
        state.jpeg_color_space = JCS_YCbCr;
        state.out_color_space = convert ? JCS_RGB : JCS_YCbCr;
    }
    jpeg_start_decompress(&state);
    // The stream was looked at before, but by another eye.
    if (state.output_width != picture.columns || state.output_height != picture.rows ||
        (uint32_t)state.output_components != picture.samples)
        ERREXIT(&state, JERR_BAD_STATE);
    const size_t row_bytes = (size_t)picture.columns * picture.samples;
    while (state.output_scanline < state.output_height) {
        JSAMPROW row = samples + state.output_scanline * row_bytes;
        jpeg_read_scanlines(&state, &row, 1);
    }
    jpeg_finish_decompress(&state);
    jpeg_destroy_decompress(&state);
    return true;
}

void decode_8_bits(const std::vector<uint8_t> &stream, const Picture &picture, bool convert, uint8_t *samples) {
    Errors errors{};
    if (decompress(stream.data(), stream.size(), convert, picture, samples, &errors)) return;
    if (errors.scans > scan_limit) refuse(NR_OVER_LIMIT, "expected at most %u scans in a JPEG stream, found more", scan_limit);
    if (errors.code == JERR_OUT_OF_MEMORY) refuse(NR_NO_MEMORY, "no memory to decode JPEG");
    if (errors.code == JWRN_JPEG_EOF || errors.code == JERR_INPUT_EOF || errors.code == JWRN_HIT_MARKER)
        refuse(NR_TRUNCATED, "a JPEG stream ends before its picture");
    char name[96];
    const char *text = errors.code > 0 && errors.code <= errors.manager.last_jpeg_message
                           ? errors.manager.jpeg_message_table[errors.code] : "unknown";
    snprintf(name, sizeof name, "%s", text);
    refuse(NR_CORRUPT, "a JPEG stream cannot be decoded: %s (libjpeg)", name);
}

// DCMTK only logs warnings; a picture with lost pixels must not pass.
template <typename Decoder> class Watched final : public Decoder {
  public:
    using Decoder::Decoder;
    void emitMessage(int level) const override {
        if (level < 0) warned = true;
    }
    mutable bool warned = false;
};

template <typename Decoder> void decode_with(const std::vector<uint8_t> &stream, uint8_t *samples, uint64_t bytes) {
    if (stream.size() > UINT32_MAX || bytes > UINT32_MAX) refuse(NR_OVER_LIMIT, "expected JPEG frames of less than 4 GiB");
    const DJCodecParameter parameter(ECC_lossyYCbCr, EDC_never, EUC_never, EPC_colorByPixel);
    Watched<Decoder> decoder(parameter, OFFalse);
    OFCondition status = decoder.init();
    if (status.good())
        status = decoder.decode(const_cast<Uint8 *>(stream.data()), (Uint32)stream.size(), samples, (Uint32)bytes, OFFalse);
    if (status == EC_MemoryExhausted) refuse(NR_NO_MEMORY, "no memory to decode JPEG");
    if (status == EJ_Suspension) refuse(NR_TRUNCATED, "a JPEG stream ends before its picture");
    if (status.bad()) refuse(NR_CORRUPT, "a JPEG stream cannot be decoded: %s", status.text());
    if (decoder.warned) refuse(NR_CORRUPT, "a JPEG stream has damaged or missing parts");
}

void decode_with_dcmtk(const std::vector<uint8_t> &stream, const JPEGStream &jpeg, const Picture &picture, const Target &target) {
    const uint64_t count = picture.pixels() * picture.samples;
    if (jpeg.precision > 8) {
        // At most the bits allocated, which are 16 then.
        if (jpeg.precision > 12) decode_with<DJDecompressIJG16Bit>(stream, target.samples, count * 2);
        else decode_with<DJDecompressIJG12Bit>(stream, target.samples, count * 2);
        return;
    }
    if (picture.allocated == 8) {
        decode_with<DJDecompressIJG8Bit>(stream, target.samples, count);
        return;
    }
    std::vector<uint8_t> bytes(count);
    decode_with<DJDecompressIJG8Bit>(stream, bytes.data(), count);
    for (uint64_t index = 0; index < count; index++) ((uint16_t *)target.samples)[index] = bytes[index];
}

}  // namespace

void decode_jpeg(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target) {
    const JPEGStream jpeg = read_jpeg_stream(stream, picture);
    switch (jpeg.frame_marker) {
    case 0xc0: case 0xc1: case 0xc2: case 0xc3: case 0xc9: case 0xca: break;
    default: refuse(NR_UNSUPPORTED, "expected a sequential, progressive or lossless JPEG stream, found SOF%d", jpeg.frame_marker & 15);
    }
    if (jpeg.precision == 8 && !jpeg.is_lossless()) {
        // Adobe's marker is the one that says how colours were transformed; with it, libjpeg turns them back as usual, without,
        // the attributes say what they are.
        const bool is_adobe = jpeg.adobe_transform >= 0 && picture.samples == 3;
        std::vector<uint8_t> bytes;
        uint8_t *samples = target.samples;
        const uint64_t count = picture.pixels() * picture.samples;
        if (picture.allocated == 16) {
            bytes.resize(count);
            samples = bytes.data();
        }
        decode_8_bits(stream, picture, is_adobe && jpeg.adobe_transform != 0, samples);
        const bool is_ybr = !is_adobe && !jpeg.has_rgb_identifiers && (picture.is_ybr() || jpeg.is_jfif);
        if (picture.samples == 3 && is_ybr) convert_ybr(samples, picture.pixels());
        if (picture.allocated == 16)
            for (uint64_t index = 0; index < count; index++) ((uint16_t *)target.samples)[index] = samples[index];
    } else {
        decode_with_dcmtk(stream, jpeg, picture, target);
        if (picture.is_ybr() && !jpeg.has_rgb_identifiers) convert_ybr(target.samples, picture.pixels());
    }
    extract_stored_bits(picture, target);
}

}  // namespace dicom
