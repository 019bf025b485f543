#include "attributes.h"
#include "describe.h"

namespace dicom {

namespace {

uint32_t required(DcmItem &attributes, const DcmTagKey &tag, const char *name, int64_t least, int64_t most) {
    std::optional<int64_t> value = integer(attributes, tag);
    if (!value) refuse(NR_CORRUPT, "expected %s, found none", name);
    if (*value < least || *value > most)
        refuse(NR_CORRUPT, "expected %s of %lld to %lld, found %lld", name, (long long)least, (long long)most,
               (long long)*value);
    return (uint32_t)*value;
}

Photometric photometric_interpretation(DcmItem &attributes) {
    std::vector<std::string> values = texts(attributes, DCM_PhotometricInterpretation);
    std::string name = values.empty() ? "" : values[0];
    if (name == "MONOCHROME1") return Photometric::monochrome1;
    if (name == "MONOCHROME2") return Photometric::monochrome2;
    if (name == "PALETTE COLOR") return Photometric::palette;
    if (name == "RGB") return Photometric::rgb;
    if (name == "YBR_FULL") return Photometric::ybrFull;
    if (name == "YBR_FULL_422") return Photometric::ybrFull422;
    if (name == "YBR_ICT") return Photometric::ybrIct;
    if (name == "YBR_RCT") return Photometric::ybrRct;
    refuse(name.empty() ? NR_CORRUPT : NR_UNSUPPORTED,
           "expected a photometric interpretation of MONOCHROME1, MONOCHROME2, PALETTE COLOR, RGB or YBR, found %s",
           in_message(name).c_str());
}

void describe_integers(DcmItem &attributes, const FileHeader &header, Picture *picture) {
    picture->allocated = required(attributes, DCM_BitsAllocated, "BitsAllocated", 1, 64);
    if (picture->allocated != 1 && picture->allocated != 8 && picture->allocated != 16 && picture->allocated != 32)
        refuse(NR_UNSUPPORTED, "expected 1, 8, 16 or 32 bits allocated, found %u", picture->allocated);
    // Both are required, and both are missing or absurd in some files; all bits are the best guess then.
    const int64_t allocated = picture->allocated;
    int64_t stored = integer(attributes, DCM_BitsStored).value_or(allocated);
    if (stored < 1 || stored > allocated) stored = allocated;
    int64_t high = integer(attributes, DCM_HighBit).value_or(stored - 1);
    if (high < stored - 1 || high >= allocated) high = stored - 1;
    picture->stored = (uint32_t)stored;
    // The bits around an encoded sample are the encoder's affair.
    const bool is_native = header.coding == Coding::native || header.coding == Coding::rle;
    picture->shift = is_native ? (uint32_t)(high - (stored - 1)) : 0;
    std::optional<int64_t> representation = integer(attributes, DCM_PixelRepresentation);
    if (representation && *representation != 0 && *representation != 1)
        refuse(NR_CORRUPT, "expected a PixelRepresentation of 0 or 1, found %lld", (long long)*representation);
    picture->is_signed = representation.value_or(0) == 1 && picture->allocated > 1;
}

void check_colours(const Picture &picture) {
    const bool gray = picture.photometric == Photometric::monochrome1 || picture.photometric == Photometric::monochrome2 ||
                      picture.photometric == Photometric::palette;
    if (picture.samples != (gray ? 1u : 3u))
        refuse(NR_CORRUPT, "expected %u samples per pixel for its photometric interpretation, found %u", gray ? 1 : 3,
               picture.samples);
    if (!gray && (picture.allocated == 1 || picture.is_float))
        refuse(NR_UNSUPPORTED, "expected colours of 8, 16 or 32 bits, found %u", picture.allocated);
    // The conversion is defined by PS3.3 C.7.6.3.1.2 for 8 bits.
    if (picture.is_ybr() && (picture.allocated != 8 || picture.is_signed))
        refuse(NR_UNSUPPORTED, "expected YBR_FULL of 8 unsigned bits, found %u bits%s", picture.allocated,
               picture.is_signed ? ", signed" : "");
    if (picture.photometric == Photometric::palette && (picture.is_float || picture.allocated > 16))
        refuse(NR_UNSUPPORTED, "expected palette indices of at most 16 bits, found %u", picture.allocated);
}

}  // namespace

uint32_t Picture::sample_type() const {
    if (is_float) return allocated == 64 ? NR_F64 : NR_F32;
    switch (allocated) {
    case 16: return is_signed ? NR_I16 : NR_U16;
    case 32: return is_signed ? NR_I32 : NR_U32;
    default: return is_signed ? NR_I8 : NR_U8;
    }
}

Picture describe_picture(DcmItem &attributes, const FileHeader &header, const PixelElement &pixels) {
    Picture picture;
    picture.rows = required(attributes, DCM_Rows, "Rows", 1, UINT32_MAX);
    picture.columns = required(attributes, DCM_Columns, "Columns", 1, UINT32_MAX);
    picture.samples = required(attributes, DCM_SamplesPerPixel, "SamplesPerPixel", 1, 4);
    picture.photometric = photometric_interpretation(attributes);
    if (pixels.tag == DCM_PixelData) {
        describe_integers(attributes, header, &picture);
    } else {
        picture.is_float = true;
        picture.allocated = picture.stored = pixels.tag == DCM_FloatPixelData ? 32 : 64;
    }
    check_colours(picture);
    picture.is_planar = picture.samples > 1 && integer(attributes, DCM_PlanarConfiguration).value_or(0) == 1;
    // An empty number of frames is as good as none; one that is no number says that something is wrong.
    if (integer(attributes, DCM_NumberOfFrames) || !text(attributes, DCM_NumberOfFrames).empty()) {
        picture.frames = required(attributes, DCM_NumberOfFrames, "NumberOfFrames", 0, INT32_MAX);
        if (picture.frames == 0) picture.frames = 1;
    }
    const std::string &syntax = header.transfer_syntax;
    for (const char *lossy : {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53",
                              "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.91",
                              "1.2.840.10008.1.2.4.203"})
        picture.is_lossy = picture.is_lossy || syntax == lossy;
    picture.is_lossy = picture.is_lossy || text(attributes, DCM_LossyImageCompression) == "01";
    return picture;
}

}  // namespace dicom
