// Native pixels go from the file to the planes without a copy in between, where the file's order is ours.
#include <algorithm>

#include "pixels.h"

namespace dicom {

namespace {

// Bits of a frame as it is stored.
uint64_t stored_frame_bits(const Picture &picture) {
    // Two pixels share Cb and Cr (PS3.3 C.7.6.3.1.2).
    const uint64_t samples = picture.photometric == Photometric::ybrFull422 ? 2 : picture.samples;
    uint64_t bits;
    if (__builtin_mul_overflow(picture.pixels(), samples * picture.allocated, &bits))
        refuse(NR_OVER_LIMIT, "expected a smaller picture than %u x %u", picture.columns, picture.rows);
    return bits;
}

constexpr bool host_is_big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

}  // namespace

NativePixels::NativePixels(Bytes &bytes, const PixelElement &element, const FileHeader &header, const Picture &picture)
    : bytes_(bytes), element_(element), picture_(picture), is_big_endian_(header.is_big_endian),
      // Words of a big endian file hold their first byte last (PS3.5 8.2).
      are_bytes_swapped_(header.is_big_endian && element.is_other_word && picture.allocated <= 8),
      frame_bits_(stored_frame_bits(picture)) {
    if (element.has_undefined_length)
        refuse(NR_CORRUPT, "expected pixel data of a stated length for its transfer syntax, found encapsulated ones");
    if (picture.photometric == Photometric::ybrFull422 && picture.columns % 2 != 0)
        refuse(NR_CORRUPT, "expected an even number of columns for YBR_FULL_422, found %u", picture.columns);
    if (picture.photometric == Photometric::ybrIct || picture.photometric == Photometric::ybrRct)
        refuse(NR_CORRUPT, "expected another photometric interpretation, found that of JPEG 2000 without its compression");
    uint64_t bits;
    if (__builtin_mul_overflow(frame_bits_, (uint64_t)picture.frames, &bits))
        refuse(NR_OVER_LIMIT, "expected fewer frames than %u of %u x %u", picture.frames, picture.columns, picture.rows);
    const uint64_t expected = bits / 8 + (bits % 8 != 0);
    if (element.length < expected)
        refuse(NR_TRUNCATED, "expected %llu bytes of pixels, found %llu", (unsigned long long)expected,
               (unsigned long long)element.length);
    const uint64_t left = bytes.available(element.start);
    if (bytes.is_random_access() && left < element.length)
        refuse(NR_TRUNCATED, "expected %llu bytes of pixels, found %llu before the end of the file",
               (unsigned long long)element.length, (unsigned long long)left);
}

void NativePixels::read_exactly(void *into, uint64_t count, uint64_t offset) {
    if (bytes_.read(into, (size_t)count, element_.start + offset) < count)
        refuse(NR_TRUNCATED, "expected %llu bytes of pixels, found fewer", (unsigned long long)element_.length);
}

void NativePixels::read_bits(uint32_t number, const Target &target) {
    // Frames follow each other without a gap, so that one may start within a byte (PS3.5 8.1.1).
    const uint64_t first = number * frame_bits_;
    uint8_t packed[4096];
    for (uint64_t done = 0; done < frame_bits_;) {
        // From an even byte on, because bytes may be swapped in pairs.
        const uint64_t byte = (first + done) / 16 * 2, bit = first + done - byte * 8;
        const uint64_t share = std::min<uint64_t>(frame_bits_ - done, sizeof packed * 8 - bit);
        uint64_t count = (bit + share + 7) / 8;
        if (are_bytes_swapped_) {
            count = std::min((count + 1) / 2 * 2, element_.length - byte);
            packed[count] = 0;
        }
        read_exactly(packed, count, byte);
        if (are_bytes_swapped_) swap_bytes(packed, count, 2);
        unpack_bits(packed, bit, share, target.samples + done);
        done += share;
    }
}

void NativePixels::read(uint32_t number, const Target &target) {
    if (picture_.allocated == 1) {
        read_bits(number, target);
        return;
    }
    const uint64_t bytes = frame_bits_ / 8, offset = number * bytes, pixels = picture_.pixels();
    const size_t size = picture_.allocated / 8;
    const bool is_subsampled = picture_.photometric == Photometric::ybrFull422;
    std::vector<uint8_t> memory;
    uint8_t *stored = target.samples;
    if (picture_.is_planar || is_subsampled) {
        memory.resize(bytes);
        stored = memory.data();
    }
    if (are_bytes_swapped_ && (offset % 2 != 0 || bytes % 2 != 0)) {
        // A frame of an odd number of bytes shares a word with its neighbour.
        const uint64_t start = offset / 2 * 2, end = std::min((offset + bytes + 1) / 2 * 2, element_.length);
        std::vector<uint8_t> words((end - start + 1) / 2 * 2);
        read_exactly(words.data(), end - start, start);
        swap_bytes(words.data(), words.size(), 2);
        std::copy_n(words.data() + (offset - start), bytes, stored);
    } else {
        read_exactly(stored, bytes, offset);
        if (are_bytes_swapped_) swap_bytes(stored, bytes, 2);
    }
    if (is_big_endian_ != host_is_big_endian) swap_bytes(stored, bytes, size);
    if (is_subsampled) {
        for (uint64_t pair = 0; pair < pixels / 2; pair++) {
            const uint8_t *from = stored + pair * 4;
            uint8_t *to = target.samples + pair * 6;
            to[0] = from[0];
            to[3] = from[1];
            to[1] = to[4] = from[2];
            to[2] = to[5] = from[3];
        }
    } else if (picture_.is_planar) {
        interleave(stored, pixels, picture_.samples, size, target.samples);
    }
    extract_stored_bits(picture_, target);
}

}  // namespace dicom
