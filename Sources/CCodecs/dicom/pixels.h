// From the pixel element to samples: one function per way of storing them.
#ifndef NR_DICOM_PIXELS_H
#define NR_DICOM_PIXELS_H
#include "describe.h"

namespace dicom {

// A frame's samples as the planes hold them: [rows, columns, samples], interleaved.
struct Target {
    uint8_t *samples;
    uint64_t bytes;
};

// Native pixels: frame `number`, its place computed from those before it.
class NativePixels {
  public:
    // Throws where the element is shorter than its frames.
    NativePixels(Bytes &bytes, const PixelElement &element, const FileHeader &header, const Picture &picture);
    void read(uint32_t number, const Target &target);

  private:
    void read_bits(uint32_t number, const Target &target);
    void read_exactly(void *into, uint64_t count, uint64_t offset);
    Bytes &bytes_;
    const PixelElement element_;
    const Picture picture_;
    bool is_big_endian_, are_bytes_swapped_;
    uint64_t frame_bits_;
};

// The fragments of encapsulated pixels (PS3.5 A.4), and which of them make a frame.
class EncapsulatedPixels {
  public:
    EncapsulatedPixels(DataSet &data_set, const PixelElement &element, const Picture &picture);
    // The whole compressed stream of frame `number`.
    std::vector<uint8_t> frame(uint32_t number);

  private:
    struct Fragment {
        uint64_t start;
        uint32_t length;
    };
    void find_fragments(uint64_t start);
    void split_by_offsets(const std::vector<uint64_t> &offsets, uint64_t base);
    void split_by_ends();
    Bytes &bytes_;
    uint32_t frames_;
    std::vector<Fragment> fragments_;
    std::vector<uint64_t> table_;      // the basic offset table
    uint64_t first_item_ = 0;          // where offsets count from
    std::vector<uint32_t> first_;      // of each frame, the first fragment; one more at the end
};

// Each decodes one frame's stream into samples of the picture's type and throws where it holds anything else.
void decode_rle(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target);
void decode_deflated(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target);
// Colours come out as RGB: what they are is the stream's to say before the attributes'.
void decode_jpeg(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target);
void decode_jpeg_ls(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target);
// Says in `precision` how many bits its samples have.
void decode_jpeg2000(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target, uint32_t *precision);

// Sample arithmetic, in place.
void swap_bytes(uint8_t *samples, uint64_t bytes, size_t size);
// Takes `stored` bits from bit `shift` on of each sample, with their sign.
void extract_stored_bits(const Picture &picture, const Target &target);
// Unpacks bits, the least significant of a byte first, starting at bit `start` of `packed`.
void unpack_bits(const uint8_t *packed, uint64_t start, uint64_t count, uint8_t *samples);
void interleave(const uint8_t *planes, uint64_t pixels, uint32_t samples, size_t size, uint8_t *target);
// YBR_FULL to RGB as pydicom does it.
void convert_ybr(uint8_t *samples, uint64_t pixels);

}  // namespace dicom

#endif
