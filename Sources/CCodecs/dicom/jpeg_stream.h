// The markers of a JPEG or JPEG-LS stream, looked at before any decoder is asked (ITU-T T.81 B, T.87 C).
#ifndef NR_DICOM_JPEG_STREAM_H
#define NR_DICOM_JPEG_STREAM_H
#include "describe.h"

namespace dicom {

struct JPEGStream {
    uint8_t frame_marker = 0;  // SOFn: 0xc0 … 0xcf, or 0xf7 of JPEG-LS
    uint32_t precision = 0, width = 0, height = 0, components = 0;
    bool has_rgb_identifiers = false, is_jfif = false;
    int adobe_transform = -1;  // none

    bool is_lossless() const { return frame_marker == 0xc3; }
    bool is_progressive() const { return frame_marker == 0xc2 || frame_marker == 0xca; }
};

// Throws where the stream has no frame header, or one of another size than the picture.
JPEGStream read_jpeg_stream(const std::vector<uint8_t> &stream, const Picture &picture);

}  // namespace dicom

#endif
