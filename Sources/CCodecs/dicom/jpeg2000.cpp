// JPEG 2000 and HTJ2K through OpenJPEG.
#include <algorithm>
#include <cstring>

#if __has_include(<openjpeg.h>)
#include <openjpeg.h>
#else
#include <openjpeg-2.5/openjpeg.h>  // where Debian keeps it
#endif

#include "pixels.h"

namespace dicom {

namespace {

struct Position {
    const uint8_t *bytes;
    OPJ_SIZE_T size, at;
};

OPJ_SIZE_T on_read(void *buffer, OPJ_SIZE_T count, void *user) {
    auto *position = (Position *)user;
    if (position->at >= position->size) return (OPJ_SIZE_T)-1;
    count = std::min(count, position->size - position->at);
    memcpy(buffer, position->bytes + position->at, count);
    position->at += count;
    return count;
}

OPJ_OFF_T on_skip(OPJ_OFF_T count, void *user) {
    auto *position = (Position *)user;
    if (count < 0 || position->at >= position->size) return -1;
    const OPJ_SIZE_T share = std::min((OPJ_SIZE_T)count, position->size - position->at);
    position->at += share;
    return (OPJ_OFF_T)share;
}

OPJ_BOOL on_seek(OPJ_OFF_T offset, void *user) {
    auto *position = (Position *)user;
    if (offset < 0 || (OPJ_SIZE_T)offset > position->size) return OPJ_FALSE;
    position->at = (OPJ_SIZE_T)offset;
    return OPJ_TRUE;
}

void say_nothing(const char *, void *) {}

template <auto Close> struct Closing {
    template <typename Object> void operator()(Object *object) const { Close(object); }
};
using Stream = std::unique_ptr<opj_stream_t, Closing<opj_stream_destroy>>;
using Codec = std::unique_ptr<opj_codec_t, Closing<opj_destroy_codec>>;
using Image = std::unique_ptr<opj_image_t, Closing<opj_image_destroy>>;

void check_component(const opj_image_comp_t &component, const Picture &picture) {
    if (component.dx != 1 || component.dy != 1) refuse(NR_UNSUPPORTED, "expected JPEG 2000 without subsampling, found some");
    if (component.w != picture.columns || component.h != picture.rows)
        refuse(NR_CORRUPT, "expected a JPEG 2000 stream of %u x %u, found %u x %u", picture.columns, picture.rows, component.w,
               component.h);
    if (component.prec < 1 || component.prec > std::max(picture.allocated, 8u))
        refuse(NR_CORRUPT, "expected a JPEG 2000 stream of at most %u bits, found %u", picture.allocated, component.prec);
}

// The stream's values as the attributes call them, signed or not; where the two disagree, the attributes are right, and the bits
// mean what they say (as in pydicom).
template <typename Sample> void put(const opj_image_comp_t &component, uint64_t count, uint32_t step, Sample *to) {
    const bool is_signed = std::is_signed_v<Sample>;
    if ((component.sgnd != 0) == is_signed || component.prec >= 8 * sizeof(Sample)) {
        for (uint64_t index = 0; index < count; index++) to[index * step] = (Sample)component.data[index];
        return;
    }
    const unsigned unused = 32 - component.prec;
    for (uint64_t index = 0; index < count; index++) {
        const uint32_t raised = (uint32_t)component.data[index] << unused;
        to[index * step] = is_signed ? (Sample)((int32_t)raised >> unused) : (Sample)(raised >> unused);
    }
}

void put_samples(const opj_image_comp_t &component, const Picture &picture, uint32_t sample, const Target &target) {
    const uint64_t count = picture.pixels();
    const uint32_t step = picture.samples;
    uint8_t *to = target.samples + sample * nr_sample_size(picture.sample_type());
    switch (picture.sample_type()) {
    case NR_U8: put(component, count, step, (uint8_t *)to); break;
    case NR_I8: put(component, count, step, (int8_t *)to); break;
    case NR_U16: put(component, count, step, (uint16_t *)to); break;
    case NR_I16: put(component, count, step, (int16_t *)to); break;
    case NR_U32: put(component, count, step, (uint32_t *)to); break;
    default: put(component, count, step, (int32_t *)to); break;
    }
}

}  // namespace

void decode_jpeg2000(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target, uint32_t *precision) {
    // DICOM wants the bare stream (PS3.5 A.4.4); some files hold a JP2 file.
    static const uint8_t jp2[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};
    const bool is_file = stream.size() >= sizeof jp2 && memcmp(stream.data(), jp2, sizeof jp2) == 0;
    if (!is_file && (stream.size() < 4 || memcmp(stream.data(), "\xff\x4f\xff\x51", 4) != 0))
        refuse(NR_CORRUPT, "expected a JPEG 2000 stream, found none");

    Position position = {stream.data(), stream.size(), 0};
    Stream input(opj_stream_create(1 << 20, OPJ_TRUE));
    Codec codec(opj_create_decompress(is_file ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K));
    if (!input || !codec) refuse(NR_NO_MEMORY, "no memory to decode JPEG 2000");
    opj_stream_set_user_data(input.get(), &position, nullptr);
    opj_stream_set_user_data_length(input.get(), stream.size());
    opj_stream_set_read_function(input.get(), on_read);
    opj_stream_set_skip_function(input.get(), on_skip);
    opj_stream_set_seek_function(input.get(), on_seek);
    opj_set_info_handler(codec.get(), say_nothing, nullptr);
    opj_set_warning_handler(codec.get(), say_nothing, nullptr);
    opj_set_error_handler(codec.get(), say_nothing, nullptr);
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    if (!opj_setup_decoder(codec.get(), &parameters)) refuse(NR_NO_MEMORY, "no memory to decode JPEG 2000");

    opj_image_t *header = nullptr;
    const bool has_header = opj_read_header(input.get(), codec.get(), &header);
    Image image(header);
    if (!has_header || !image) refuse(NR_CORRUPT, "a JPEG 2000 stream has no header that can be read");
    if (image->numcomps != picture.samples)
        refuse(NR_CORRUPT, "expected a JPEG 2000 stream of %u components, found %u", picture.samples, image->numcomps);
    for (uint32_t sample = 0; sample < picture.samples; sample++) check_component(image->comps[sample], picture);

    // Strict, which is the default: a stream that ends early fails.
    if (!opj_decode(codec.get(), input.get(), image.get()) || !opj_end_decompress(codec.get(), input.get()))
        refuse(position.at >= position.size ? NR_TRUNCATED : NR_CORRUPT, "a JPEG 2000 stream is damaged or ends early");
    *precision = 0;
    for (uint32_t sample = 0; sample < picture.samples; sample++) {
        const opj_image_comp_t &component = image->comps[sample];
        check_component(component, picture);
        if (!component.data) refuse(NR_CORRUPT, "a JPEG 2000 stream lacks a component");
        put_samples(component, picture, sample, target);
        *precision = std::max<uint32_t>(*precision, component.prec);
    }
    if (picture.is_ybr()) convert_ybr(target.samples, picture.pixels());
}

}  // namespace dicom
