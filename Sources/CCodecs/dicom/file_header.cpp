// The file meta information (PS3.10 7.1), which is always explicit little endian, and what transfer syntaxes mean.
#include <cstring>

#include "data_set.h"

namespace dicom {

namespace {

struct Syntax {
    const char *uid;
    Coding coding;
};

// PS3.5 Annex A, PS3.6 Annex A. Encapsulated ones are all explicit little endian.
const Syntax syntaxes[] = {
    {"1.2.840.10008.1.2", Coding::native},
    {"1.2.840.10008.1.2.1", Coding::native},
    {"1.2.840.10008.1.2.1.99", Coding::native},
    {"1.2.840.10008.1.2.2", Coding::native},
    {"1.2.840.113619.5.2", Coding::native},  // GE's private one: implicit, pixels big endian; refused below
    {"1.2.840.10008.1.2.5", Coding::rle},
    {"1.2.840.10008.1.2.4.50", Coding::jpeg},
    {"1.2.840.10008.1.2.4.51", Coding::jpeg},
    {"1.2.840.10008.1.2.4.53", Coding::jpeg},
    {"1.2.840.10008.1.2.4.55", Coding::jpeg},
    {"1.2.840.10008.1.2.4.57", Coding::jpeg},
    {"1.2.840.10008.1.2.4.70", Coding::jpeg},
    {"1.2.840.10008.1.2.4.80", Coding::jpegLS},
    {"1.2.840.10008.1.2.4.81", Coding::jpegLS},
    {"1.2.840.10008.1.2.4.90", Coding::jpeg2000},
    {"1.2.840.10008.1.2.4.91", Coding::jpeg2000},
    {"1.2.840.10008.1.2.4.201", Coding::jpeg2000},
    {"1.2.840.10008.1.2.4.202", Coding::jpeg2000},
    {"1.2.840.10008.1.2.4.203", Coding::jpeg2000},
    {"1.2.840.10008.1.2.8.1", Coding::deflatedFrames},
};

void set_syntax(const std::string &uid, FileHeader *header) {
    header->transfer_syntax = uid;
    header->coding = Coding::unknown;
    for (const Syntax &syntax : syntaxes)
        if (uid == syntax.uid) header->coding = syntax.coding;
    if (uid == "1.2.840.113619.5.2") header->coding = Coding::unknown;
    header->is_explicit = uid != "1.2.840.10008.1.2" && uid != "1.2.840.113619.5.2";
    header->is_big_endian = uid == "1.2.840.10008.1.2.2";
    header->is_deflated = uid == "1.2.840.10008.1.2.1.99";
}

uint16_t little16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }
uint32_t little32(const uint8_t *at) { return (uint32_t)little16(at) | (uint32_t)little16(at + 2) << 16; }

bool is_capital(uint8_t letter) { return letter >= 'A' && letter <= 'Z'; }

// VRs whose length has 32 bits after two reserved bytes (PS3.5 7.1.2).
bool has_long_length(const uint8_t *vr) {
    static const char *const names[] = {"OB", "OW", "OF", "OD", "OL", "OV", "SQ", "UN", "UT", "UC", "UR", "SV", "UV"};
    for (const char *name : names)
        if (memcmp(vr, name, 2) == 0) return true;
    return false;
}

std::string text(Bytes &file, uint64_t offset, uint64_t length) {
    if (length > 64) return "";
    char value[64];
    size_t count = file.read(value, (size_t)length, offset);
    while (count > 0 && (value[count - 1] == 0 || value[count - 1] == ' ')) count--;
    return std::string(value, count);
}

// What the first element's bytes say. pydicom does the same.
void guess(Bytes &file, FileHeader *header) {
    uint8_t head[8];
    if (file.read(head, sizeof head, header->start) < sizeof head) return;
    header->is_explicit = is_capital(head[4]) && is_capital(head[5]);
    // A group such as 0008 written big endian looks like 0800.
    header->is_big_endian = header->is_explicit && head[0] == 0 && head[1] != 0;
}

}  // namespace

FileHeader read_file_header(nr_source *source) {
    FileBytes file(source);
    FileHeader header;
    uint8_t head[132];
    size_t count = file.read(head, sizeof head, 0);
    uint64_t at = 0;
    if (count == 132 && memcmp(head + 128, "DICM", 4) == 0) at = 132;
    else if (count >= 4 && memcmp(head, "DICM", 4) == 0) at = 4;

    // Group lengths are often wrong: the meta information ends with its group, unless the data set is deflated and has none.
    uint64_t announced_end = 0;
    std::string syntax;
    for (;;) {
        uint8_t element[12] = {};
        size_t got = file.read(element, sizeof element, at);
        if (got < 8 || little16(element) != 0x0002) break;
        if (announced_end && at >= announced_end && syntax == "1.2.840.10008.1.2.1.99") break;
        uint64_t length, size = 8;
        if (!is_capital(element[4]) || !is_capital(element[5])) {
            length = little32(element + 4);
        } else if (has_long_length(element + 4)) {
            if (got < 12) break;
            length = little32(element + 8);
            size = 12;
        } else {
            length = little16(element + 6);
        }
        if (length > file.available(at + size)) refuse(NR_TRUNCATED, "ends within its file meta information");
        uint16_t number = little16(element + 2);
        if (number == 0x0000 && length == 4) {
            uint8_t value[4] = {};
            file.read(value, 4, at + size);
            announced_end = at + size + 4 + little32(value);
        } else if (number == 0x0002) {
            header.media_class = text(file, at + size, length);
        } else if (number == 0x0010) {
            syntax = text(file, at + size, length);
        }
        at += size + length;
    }
    header.start = at;
    if (file.available(at) == 0) refuse(NR_TRUNCATED, "ends before its data set");
    if (syntax.empty()) {
        guess(file, &header);
        return header;
    }
    set_syntax(syntax, &header);
    // Files that say explicit and are implicit, and the other way round, exist; VRs are two capital letters.
    uint8_t first[8];
    if (!header.is_deflated && file.read(first, sizeof first, at) == sizeof first)
        header.is_explicit = is_capital(first[4]) && is_capital(first[5]);
    return header;
}

}  // namespace dicom
