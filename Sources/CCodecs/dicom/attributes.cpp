#include "attributes.h"

#include <charconv>
#include <cmath>

namespace dicom {

namespace {

// Longer than any text that is asked for: identifiers have 64 characters.
constexpr Uint32 text_limit = 16 * 1024;
// The longest table: 65,536 entries of 16 bits.
constexpr Uint32 table_limit = 2 * 65536 + 2;

// Null where it is not there, empty, or longer than `limit`: long values are not even loaded.
DcmElement *element(DcmItem &item, const DcmTagKey &tag, Uint32 limit) {
    DcmElement *found = nullptr;
    if (item.findAndGetElement(tag, found).bad() || found == nullptr) return nullptr;
    if (found->isLeaf() != OFTrue) return nullptr;
    const Uint32 length = found->getLengthField();
    return length == 0 || length > limit ? nullptr : found;
}

std::string trimmed(const std::string &text) {
    const char *padding = " \t\r\n\0";
    const std::string set(padding, 5);
    size_t first = text.find_first_not_of(set), last = text.find_last_not_of(set);
    return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

std::string stored_text(DcmElement &element) {
    char *value = nullptr;
    Uint32 length = 0;
    if (element.getString(value, length).good()) return value ? std::string(value, length) : "";
    Uint8 *bytes = nullptr;
    if (element.getVR() == EVR_UN && element.getUint8Array(bytes).good() && bytes)
        return std::string((const char *)bytes, element.getLengthField());
    return "";
}

std::string value_of(const std::string &all, unsigned long index) {
    size_t start = 0;
    for (; index > 0; index--) {
        size_t separator = all.find('\\', start);
        if (separator == std::string::npos) return "";
        start = separator + 1;
    }
    size_t end = all.find('\\', start);
    return trimmed(all.substr(start, end == std::string::npos ? end : end - start));
}

}  // namespace

std::optional<double> parse_number(const std::string &text) {
    std::string value = trimmed(text);
    const char *first = value.data(), *last = first + value.size();
    if (first != last && *first == '+') first++;
    double parsed = 0;
    auto result = std::from_chars(first, last, parsed);
    if (result.ec != std::errc() || result.ptr != last || !std::isfinite(parsed)) return std::nullopt;
    return parsed;
}

std::optional<double> number(DcmItem &item, const DcmTagKey &tag, unsigned long index) {
    DcmElement *found = element(item, tag, text_limit);
    if (!found) return std::nullopt;
    Uint16 u16;
    Sint16 s16;
    Uint32 u32;
    Sint32 s32;
    Float32 f32;
    Float64 f64;
    std::optional<double> value;
    switch (found->getVR()) {
    case EVR_US: if (found->getUint16(u16, index).good()) value = u16; break;
    case EVR_SS: if (found->getSint16(s16, index).good()) value = s16; break;
    case EVR_UL: if (found->getUint32(u32, index).good()) value = u32; break;
    case EVR_SL: if (found->getSint32(s32, index).good()) value = s32; break;
    case EVR_FL: if (found->getFloat32(f32, index).good()) value = (double)f32; break;
    case EVR_FD: if (found->getFloat64(f64, index).good()) value = f64; break;
    default: value = parse_number(value_of(stored_text(*found), index)); break;
    }
    if (value && !std::isfinite(*value)) value.reset();
    return value;
}

std::optional<int64_t> integer(DcmItem &item, const DcmTagKey &tag, unsigned long index) {
    std::optional<double> value = number(item, tag, index);
    if (!value || *value != std::floor(*value) || std::fabs(*value) > 9e15) return std::nullopt;
    return (int64_t)*value;
}

std::string text(DcmItem &item, const DcmTagKey &tag) {
    DcmElement *found = element(item, tag, text_limit);
    return found ? trimmed(stored_text(*found)) : "";
}

std::vector<std::string> texts(DcmItem &item, const DcmTagKey &tag) {
    std::vector<std::string> values;
    std::string all = text(item, tag);
    if (all.empty()) return values;
    for (size_t start = 0;;) {
        size_t end = all.find('\\', start);
        values.push_back(trimmed(all.substr(start, end == std::string::npos ? end : end - start)));
        if (end == std::string::npos) return values;
        start = end + 1;
    }
}

bool is_there(DcmItem &item, const DcmTagKey &tag) { return item.tagExists(tag) == OFTrue; }

DcmItem *sequence_item(DcmItem &item, const DcmTagKey &tag, unsigned long index) {
    DcmElement *found = nullptr;
    if (item.findAndGetElement(tag, found).bad() || found == nullptr || found->ident() != EVR_SQ) return nullptr;
    auto *sequence = static_cast<DcmSequenceOfItems *>(found);
    return index < sequence->card() ? sequence->getItem(index) : nullptr;
}

Words words(DcmItem &item, const DcmTagKey &tag) {
    Words all;
    DcmElement *found = element(item, tag, table_limit);
    if (!found) return all;
    const size_t bytes = found->getLengthField();
    Uint8 *u8 = nullptr;
    Uint16 *u16 = nullptr;
    Sint16 *s16 = nullptr;
    switch (found->getVR()) {
    case EVR_SS:
        all.are_signed = true;
        if (found->getSint16Array(s16).good() && s16)
            for (size_t index = 0; index < bytes / 2; index++) all.values.push_back((uint16_t)s16[index]);
        break;
    case EVR_OB:
    case EVR_UN:
        all.are_bytes = true;
        if (found->getUint8Array(u8).good() && u8) all.values.assign(u8, u8 + bytes);
        break;
    default:
        if (found->getUint16Array(u16).good() && u16) all.values.assign(u16, u16 + bytes / 2);
        break;
    }
    return all;
}

}  // namespace dicom
