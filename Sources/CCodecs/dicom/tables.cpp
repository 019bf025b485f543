#include "tables.h"

#include <algorithm>
#include <cmath>

namespace dicom {

namespace {

struct Descriptor {
    uint32_t count = 0;
    int32_t first = 0;
    uint32_t bits = 16;
    bool is_there = false;
};

Descriptor read_descriptor(DcmItem &item, const DcmTagKey &tag, bool has_signed_input) {
    Descriptor descriptor;
    const Words stored = words(item, tag);
    if (stored.values.size() < 3 || stored.are_bytes) return descriptor;
    descriptor.is_there = true;
    descriptor.count = stored.values[0] ? stored.values[0] : 65536;  // 0 stands for 2^16
    descriptor.first = stored.are_signed || has_signed_input ? (int16_t)stored.values[1] : stored.values[1];
    descriptor.bits = stored.values[2];
    return descriptor;
}

// Bits that hold every entry: what the descriptor says, unless it cannot be.
uint32_t bits_of(const std::vector<uint16_t> &entries, uint32_t said) {
    const uint16_t most = *std::max_element(entries.begin(), entries.end());
    uint32_t needed = 1;
    while (needed < 16 && most >> needed) needed++;
    return said >= needed && said <= 16 ? said : std::max(needed, 8u);
}

// Two entries of 8 bits may share a word, the first in its low half.
std::vector<uint16_t> halves(const Words &stored) {
    if (stored.are_bytes) return stored.values;
    std::vector<uint16_t> bytes;
    bytes.reserve(stored.values.size() * 2);
    for (uint16_t word : stored.values) {
        bytes.push_back(word & 0xff);
        bytes.push_back(word >> 8);
    }
    return bytes;
}

// Bytes that were stored as such although they are words.
std::vector<uint16_t> whole(const Words &stored) {
    if (!stored.are_bytes) return stored.values;
    std::vector<uint16_t> words;
    for (size_t at = 0; at + 1 < stored.values.size(); at += 2)
        words.push_back((uint16_t)(stored.values[at] | stored.values[at + 1] << 8));
    return words;
}

Table finish(const Descriptor &descriptor, std::vector<uint16_t> entries) {
    Table table;
    if (entries.size() < descriptor.count) return table;
    entries.resize(descriptor.count);
    table.bits = bits_of(entries, descriptor.bits);
    table.first = descriptor.first;
    table.entries = std::move(entries);
    return table;
}

// Appends what `data` from `at` on stand for, `segments` of them at most. False where they contradict themselves.
bool expand(const std::vector<uint16_t> &data, size_t at, size_t segments, bool are_bytes, bool is_nested, uint32_t limit,
            std::vector<uint16_t> *entries) {
    for (; segments > 0 && at + 1 < data.size() && entries->size() < limit; segments--) {
        const uint16_t kind = data[at], length = data[at + 1];
        at += 2;
        if (kind == 0) {
            if (length > data.size() - at) return false;
            entries->insert(entries->end(), data.begin() + (ptrdiff_t)at, data.begin() + (ptrdiff_t)(at + length));
            at += length;
        } else if (kind == 1) {
            if (entries->empty() || at >= data.size() || length == 0) return false;
            const double from = entries->back(), to = data[at++], step = (to - from) / length;
            for (uint32_t index = 1; index <= length; index++)
                entries->push_back((uint16_t)std::nearbyint(index == length ? to : from + step * index));
        } else if (kind == 2) {
            // To segments elsewhere, which may not be of this kind themselves; the offset is one of bytes.
            const size_t size = are_bytes ? 4 : 2;
            if (is_nested || entries->empty() || size > data.size() - at) return false;
            size_t target = are_bytes ? (size_t)data[at] | (size_t)data[at + 1] << 8 | (size_t)data[at + 2] << 16 | (size_t)data[at + 3] << 24
                                      : ((size_t)data[at] | (size_t)data[at + 1] << 16) / 2;
            at += size;
            if (target >= data.size() || !expand(data, target, length, are_bytes, true, limit, entries)) return false;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace

Table read_table(DcmItem &item, const DcmTagKey &descriptor_tag, const DcmTagKey &data_tag, bool has_signed_input) {
    const Descriptor descriptor = read_descriptor(item, descriptor_tag, has_signed_input);
    const Words stored = words(item, data_tag);
    if (!descriptor.is_there || stored.values.empty()) return Table();
    // Entries of 8 bits come one or two to a word; how many there are says which.
    const size_t bytes = stored.values.size() * (stored.are_bytes ? 1 : 2);
    const bool are_packed = bytes < 2 * (size_t)descriptor.count;
    return finish(descriptor, are_packed ? halves(stored) : whole(stored));
}

Table read_segmented_table(DcmItem &item, const DcmTagKey &descriptor_tag, const DcmTagKey &data_tag, bool has_signed_input) {
    const Descriptor descriptor = read_descriptor(item, descriptor_tag, has_signed_input);
    const Words stored = words(item, data_tag);
    if (!descriptor.is_there || stored.values.empty()) return Table();
    const bool are_bytes = descriptor.bits <= 8;
    const std::vector<uint16_t> data = are_bytes ? halves(stored) : whole(stored);
    std::vector<uint16_t> entries;
    if (!expand(data, 0, data.size(), are_bytes, false, descriptor.count, &entries)) return Table();
    return finish(descriptor, std::move(entries));
}

}  // namespace dicom
