#include <algorithm>
#include <cstring>

#include "pixels.h"

namespace dicom {

namespace {

// Fragments of one file: far more than frames that are read of any.
constexpr size_t fragment_limit = 1 << 20;

uint32_t little32(const uint8_t *at) { return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24; }

}  // namespace

EncapsulatedPixels::EncapsulatedPixels(DataSet &data_set, const PixelElement &element, const Picture &picture)
    : bytes_(data_set.bytes()), frames_(picture.frames) {
    if (!element.has_undefined_length)
        refuse(NR_CORRUPT, "expected encapsulated pixel data for its transfer syntax, found some of a stated length");
    find_fragments(element.start);
    if (fragments_.size() < frames_)
        refuse(NR_TRUNCATED, "expected pixels of %u frames, found %zu fragments", frames_, fragments_.size());
    if (frames_ == 1) first_ = {0, (uint32_t)fragments_.size()};
    if (first_.empty() && fragments_.size() == frames_)
        for (uint32_t index = 0; index <= frames_; index++) first_.push_back(index);
    if (first_.empty()) split_by_offsets(data_set.extended_offsets(), first_item_);
    if (first_.empty()) split_by_offsets(table_, first_item_);
    if (first_.empty()) split_by_ends();
}

void EncapsulatedPixels::find_fragments(uint64_t start) {
    bool is_table = true;
    for (uint64_t at = start;;) {
        uint8_t header[8];
        if (bytes_.available(at) < sizeof header || bytes_.read(header, sizeof header, at) < sizeof header)
            refuse(NR_TRUNCATED, "ends within its pixels, after %zu fragments", fragments_.size());
        const uint32_t tag = little32(header), length = little32(header + 4);
        if (tag == 0xe0ddfffe) return;  // the sequence's end
        if (tag != 0xe000fffe) refuse(NR_CORRUPT, "expected a fragment of pixels, found another element");
        at += sizeof header;
        if (length == 0xffffffff) refuse(NR_CORRUPT, "expected a fragment of pixels of a stated length");
        if (length > bytes_.available(at))
            refuse(NR_TRUNCATED, "expected a fragment of %u bytes, found %llu before the end of the file", length,
                   (unsigned long long)bytes_.available(at));
        if (is_table) {
            std::vector<uint8_t> stored(std::min<size_t>(length / 4 * 4, fragment_limit * 4));
            bytes_.read(stored.data(), stored.size(), at);
            for (size_t entry = 0; entry < stored.size(); entry += 4) table_.push_back(little32(stored.data() + entry));
            first_item_ = at + length;
        } else {
            if (fragments_.size() == fragment_limit)
                refuse(NR_OVER_LIMIT, "expected at most %zu fragments, found more", fragment_limit);
            fragments_.push_back({at, length});
        }
        is_table = false;
        at += length;
    }
}

void EncapsulatedPixels::split_by_offsets(const std::vector<uint64_t> &offsets, uint64_t base) {
    if (offsets.size() != frames_) return;
    std::vector<uint32_t> first;
    size_t fragment = 0;
    for (uint64_t offset : offsets) {
        while (fragment < fragments_.size() && fragments_[fragment].start - 8 - base < offset) fragment++;
        // A table that does not point at fragments in ascending order is wrong.
        if (fragment == fragments_.size() || fragments_[fragment].start - 8 - base != offset) return;
        if (!first.empty() && first.back() >= fragment) return;
        first.push_back((uint32_t)fragment);
    }
    if (first[0] != 0) return;
    first.push_back((uint32_t)fragments_.size());
    first_ = first;
}

void EncapsulatedPixels::split_by_ends() {
    // JPEG, JPEG-LS and JPEG 2000 streams all end with FFD9, padded to an even length.
    first_ = {0};
    for (size_t index = 0; index < fragments_.size(); index++) {
        uint8_t end[4] = {};
        const size_t count = std::min<size_t>(fragments_[index].length, sizeof end);
        bytes_.read(end, count, fragments_[index].start + fragments_[index].length - count);
        for (size_t at = 0; at + 1 < count; at++)
            if (end[at] == 0xff && end[at + 1] == 0xd9 && first_.back() <= index) first_.push_back((uint32_t)index + 1);
    }
    if (first_.back() < fragments_.size()) first_.push_back((uint32_t)fragments_.size());
    if (first_.size() != (size_t)frames_ + 1)
        refuse(NR_CORRUPT, "expected %u frames in %zu fragments, found no way to tell which fragments make a frame", frames_,
               fragments_.size());
}

std::vector<uint8_t> EncapsulatedPixels::frame(uint32_t number) {
    uint64_t length = 0;
    for (uint32_t index = first_[number]; index < first_[number + 1]; index++) length += fragments_[index].length;
    std::vector<uint8_t> stream(length);
    uint8_t *at = stream.data();
    for (uint32_t index = first_[number]; index < first_[number + 1]; index++) {
        bytes_.read(at, fragments_[index].length, fragments_[index].start);
        at += fragments_[index].length;
    }
    return stream;
}

}  // namespace dicom
