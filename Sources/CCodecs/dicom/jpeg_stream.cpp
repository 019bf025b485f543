#include "jpeg_stream.h"

#include <cstring>

namespace dicom {

namespace {

uint32_t big16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }

void read_frame_header(const uint8_t *at, uint32_t length, JPEGStream *jpeg) {
    if (length < 8 || length < 8 + 3u * at[7]) refuse(NR_CORRUPT, "expected a JPEG frame header, found %u bytes", length);
    jpeg->precision = at[2];
    jpeg->height = big16(at + 3);
    jpeg->width = big16(at + 5);
    jpeg->components = at[7];
    if (jpeg->components == 3)
        jpeg->has_rgb_identifiers = (at[8] == 'R' && at[11] == 'G' && at[14] == 'B') || (at[8] == 'r' && at[11] == 'g' && at[14] == 'b');
}

bool is_frame_header(uint8_t marker) {
    return marker == 0xf7 || (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc);
}

}  // namespace

JPEGStream read_jpeg_stream(const std::vector<uint8_t> &stream, const Picture &picture) {
    JPEGStream jpeg;
    const uint8_t *bytes = stream.data();
    size_t at = 2;
    if (stream.size() < 4 || bytes[0] != 0xff || bytes[1] != 0xd8) refuse(NR_CORRUPT, "expected a JPEG stream, found none");
    for (;;) {
        while (at < stream.size() && bytes[at] != 0xff) at++;
        while (at < stream.size() && bytes[at] == 0xff) at++;
        if (at + 3 > stream.size()) refuse(NR_TRUNCATED, "a JPEG stream ends before its picture");
        const uint8_t marker = bytes[at++];
        if (marker == 0xda || marker == 0xd9) break;
        if (marker == 0 || marker == 1 || (marker >= 0xd0 && marker <= 0xd8)) continue;
        const uint32_t length = big16(bytes + at);
        if (length < 2) refuse(NR_CORRUPT, "a JPEG marker has an impossible length");
        if (length > stream.size() - at) refuse(NR_TRUNCATED, "a JPEG stream ends before its picture");
        const uint8_t *segment = bytes + at;
        if (is_frame_header(marker)) {
            if (jpeg.frame_marker) refuse(NR_CORRUPT, "expected one JPEG frame, found more");
            jpeg.frame_marker = marker;
            read_frame_header(segment, length, &jpeg);
        } else if (marker == 0xe0 && length >= 7 && memcmp(segment + 2, "JFIF", 4) == 0) {
            jpeg.is_jfif = true;
        } else if (marker == 0xee && length >= 14 && memcmp(segment + 2, "Adobe", 5) == 0) {
            jpeg.adobe_transform = segment[13];
        }
        at += length;
    }
    if (!jpeg.frame_marker) refuse(NR_CORRUPT, "a JPEG stream has no frame header");
    if (jpeg.width != picture.columns || jpeg.height != picture.rows || jpeg.components != picture.samples)
        refuse(NR_CORRUPT, "expected a JPEG stream of %u x %u x %u, found %u x %u x %u", picture.columns, picture.rows, picture.samples,
               jpeg.width, jpeg.height, jpeg.components);
    if (jpeg.precision < 2 || jpeg.precision > 16 || jpeg.precision > picture.allocated || picture.allocated > 16)
        refuse(NR_CORRUPT, "expected a JPEG stream of at most %u bits, found %u", picture.allocated, jpeg.precision);
    return jpeg;
}

}  // namespace dicom
