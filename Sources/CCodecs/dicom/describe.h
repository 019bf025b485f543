// What a file says of its picture, checked, and of whom it shows.
#ifndef NR_DICOM_DESCRIBE_H
#define NR_DICOM_DESCRIBE_H
#include "data_set.h"

namespace dicom {

// PS3.3 C.7.6.3.1.2; what is not named here is not read.
enum class Photometric { monochrome1, monochrome2, palette, rgb, ybrFull, ybrFull422, ybrIct, ybrRct };

// The image pixel module (PS3.3 C.7.6.3).
struct Picture {
    uint32_t rows = 0, columns = 0, samples = 1;
    uint32_t allocated = 0;  // 1, 8, 16 or 32 bits; 32 or 64 of floating point
    uint32_t stored = 0, shift = 0;  // a sample is `stored` bits from bit `shift` on
    bool is_signed = false, is_float = false, is_planar = false, is_lossy = false;
    Photometric photometric = Photometric::monochrome2;
    uint32_t frames = 1;

    uint64_t pixels() const { return (uint64_t)rows * columns; }
    uint32_t sample_type() const;  // nr_sample
    bool is_ybr() const { return photometric == Photometric::ybrFull || photometric == Photometric::ybrFull422; }
};

// Fills what the attributes say, and leaves out what they do not or what cannot be right.
void describe_scan(DcmItem &attributes, const FileHeader &header, nr_scan *scan);

// Throws where the attributes make no picture.
Picture describe_picture(DcmItem &attributes, const FileHeader &header, const PixelElement &pixels);

// For a file without pixels: says what it is instead.
[[noreturn]] void refuse_without_pixels(DcmItem &attributes, const FileHeader &header);

}  // namespace dicom

#endif
