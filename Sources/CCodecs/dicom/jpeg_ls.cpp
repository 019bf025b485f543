// JPEG-LS through DCMTK's copy of CharLS.
#include <dcmtk/dcmdata/dcpixseq.h>
#include <dcmtk/dcmdata/dcpxitem.h>
#include <dcmtk/dcmjpls/djcodecd.h>
#include <dcmtk/dcmjpls/djcparam.h>

#include "jpeg_stream.h"
#include "pixels.h"

namespace dicom {

namespace {

// DCMTK's codec takes its sizes from a data set, so that it gets a small one of its own.
void decode(const std::vector<uint8_t> &stream, const JPEGStream &jpeg, void *samples, uint64_t bytes) {
    if (stream.size() > UINT32_MAX - 8 || bytes > UINT32_MAX) refuse(NR_OVER_LIMIT, "expected JPEG-LS frames of less than 4 GiB");
    DcmDataset data_set;
    const Uint16 bits = (Uint16)jpeg.precision;
    data_set.putAndInsertUint16(DCM_SamplesPerPixel, (Uint16)jpeg.components);
    data_set.putAndInsertUint16(DCM_Rows, (Uint16)jpeg.height);
    data_set.putAndInsertUint16(DCM_Columns, (Uint16)jpeg.width);
    data_set.putAndInsertUint16(DCM_BitsAllocated, bits > 8 ? 16 : 8);
    data_set.putAndInsertUint16(DCM_BitsStored, bits);
    data_set.putAndInsertUint16(DCM_PlanarConfiguration, 0);
    data_set.putAndInsertString(DCM_PhotometricInterpretation, jpeg.components == 3 ? "RGB" : "MONOCHROME2");

    DcmPixelSequence sequence(DCM_PixelSequenceTag);
    sequence.insert(new DcmPixelItem(DCM_PixelItemTag));  // the offset table
    auto *item = new DcmPixelItem(DCM_PixelItemTag);
    sequence.insert(item);
    OFCondition status = item->putUint8Array(stream.data(), (Uint32)stream.size());

    const DJLSNearLosslessDecoder decoder;
    const DJLSCodecParameter parameter(EJLSUC_never, EJLSPC_colorByPixel);
    Uint32 fragment = 1;
    OFString colours;
    if (status.good())
        status = decoder.decodeFrame(nullptr, &sequence, &parameter, &data_set, 0, fragment, samples, (Uint32)bytes, colours);
    if (status == EC_MemoryExhausted) refuse(NR_NO_MEMORY, "no memory to decode JPEG-LS");
    if (status.bad()) refuse(NR_CORRUPT, "a JPEG-LS stream cannot be decoded: %s", status.text());
}

}  // namespace

void decode_jpeg_ls(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target) {
    const JPEGStream jpeg = read_jpeg_stream(stream, picture);
    if (jpeg.frame_marker != 0xf7) refuse(NR_CORRUPT, "expected a JPEG-LS stream, found another JPEG");
    const uint64_t count = picture.pixels() * picture.samples;
    const uint32_t size = jpeg.precision > 8 ? 2 : 1;
    if (size * 8 == picture.allocated) {
        decode(stream, jpeg, target.samples, count * size);
    } else {
        std::vector<uint8_t> bytes(count);
        decode(stream, jpeg, bytes.data(), count);
        for (uint64_t index = 0; index < count; index++) ((uint16_t *)target.samples)[index] = bytes[index];
    }
    // JPEG-LS knows no sign: the highest bit of its own precision is it.
    Picture of_stream = picture;
    of_stream.stored = jpeg.precision;
    if (picture.is_signed) extract_stored_bits(of_stream, target);
    if (picture.is_ybr()) convert_ybr(target.samples, picture.pixels());
}

}  // namespace dicom
