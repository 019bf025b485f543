// RLE Lossless (PS3.5 Annex G): one run of PackBits segments per byte of a sample, most significant bytes first.
#include <algorithm>
#include <cstring>

#include <zlib.h>

#include "pixels.h"

namespace dicom {

namespace {

uint32_t little32(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }

// Unpacks one segment into every `stride`-th byte from `to` on.
void unpack_segment(const uint8_t *from, const uint8_t *end, uint8_t *to, uint64_t count, size_t stride) {
    while (count > 0) {
        if (end - from < 2) refuse(NR_TRUNCATED, "an RLE segment ends %llu bytes early", (unsigned long long)count);
        const uint8_t code = *from++;
        if (code == 128) continue;
        uint64_t run = code < 128 ? (uint64_t)code + 1 : 257 - (uint64_t)code;
        // Encoders that pack beyond rows' ends may pack beyond the picture's.
        run = std::min(run, count);
        if (code < 128) {
            if ((uint64_t)(end - from) < run) refuse(NR_TRUNCATED, "an RLE segment ends %llu bytes early", (unsigned long long)count);
            if (stride == 1) memcpy(to, from, run);
            else
                for (uint64_t index = 0; index < run; index++) to[index * stride] = from[index];
            from += run;
        } else {
            const uint8_t value = *from++;
            if (stride == 1) memset(to, value, run);
            else
                for (uint64_t index = 0; index < run; index++) to[index * stride] = value;
        }
        to += run * stride;
        count -= run;
    }
}

}  // namespace

void decode_rle(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target) {
    constexpr size_t header = 64;
    if (stream.size() < header) refuse(NR_TRUNCATED, "expected an RLE header of 64 bytes, found %zu bytes", stream.size());
    if (picture.allocated == 1) refuse(NR_UNSUPPORTED, "expected RLE of 8, 16 or 32 bits, found 1");
    const uint32_t size = picture.allocated / 8, expected = picture.samples * size, segments = little32(stream.data());
    if (segments != expected || segments > 15)
        refuse(NR_CORRUPT, "expected %u RLE segments, found %u", expected, segments);
    for (uint32_t segment = 0; segment < segments; segment++) {
        const uint64_t start = little32(stream.data() + 4 + 4 * segment);
        const uint64_t end = segment + 1 < segments ? little32(stream.data() + 8 + 4 * segment) : stream.size();
        if (start < header || start > end) refuse(NR_CORRUPT, "RLE segment %u is out of place", segment);
        if (end > stream.size()) refuse(NR_TRUNCATED, "RLE segment %u ends beyond its frame", segment);
        const uint32_t sample = segment / size, significance = size - 1 - segment % size;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        const uint32_t byte = size - 1 - significance;
#else
        const uint32_t byte = significance;
#endif
        unpack_segment(stream.data() + start, stream.data() + end, target.samples + sample * size + byte, picture.pixels(), expected);
    }
    extract_stored_bits(picture, target);
}

// Deflated Image Frame Compression (PS3.5 A.4.12, supplement 244): native little endian frames, each deflated by itself.
void decode_deflated(const std::vector<uint8_t> &stream, const Picture &picture, const Target &target) {
    const bool is_packed = picture.allocated == 1;
    if (picture.photometric == Photometric::ybrFull422) refuse(NR_UNSUPPORTED, "deflated frames of YBR_FULL_422 are not read");
    const uint64_t bytes = is_packed ? (picture.pixels() + 7) / 8 : target.bytes;
    std::vector<uint8_t> memory;
    uint8_t *into = target.samples;
    if (is_packed || picture.is_planar) {
        memory.resize(bytes);
        into = memory.data();
    }
    if (stream.size() > UINT32_MAX || bytes > UINT32_MAX) refuse(NR_OVER_LIMIT, "expected a deflated frame of less than 4 GiB");
    z_stream state{};
    if (inflateInit2(&state, -MAX_WBITS) != Z_OK) refuse(NR_NO_MEMORY, "no memory to inflate a frame");
    state.next_in = const_cast<uint8_t *>(stream.data());
    state.avail_in = (uInt)stream.size();
    state.next_out = into;
    state.avail_out = (uInt)bytes;
    const int status = inflate(&state, Z_FINISH);
    const uint64_t made = state.total_out;
    inflateEnd(&state);
    if (status == Z_DATA_ERROR) refuse(NR_CORRUPT, "a frame is not what deflating gives");
    if (made < bytes)
        refuse(NR_TRUNCATED, "expected a frame of %llu bytes, found %llu", (unsigned long long)bytes, (unsigned long long)made);
    if (is_packed) unpack_bits(into, 0, picture.pixels(), target.samples);
    else {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        swap_bytes(into, bytes, picture.allocated / 8);
#endif
        if (picture.is_planar) interleave(into, picture.pixels(), picture.samples, picture.allocated / 8, target.samples);
        extract_stored_bits(picture, target);
    }
}

}  // namespace dicom
