// Whether a file that nothing else recognises is DICOM without its preamble (PS3.10 7.1 wants one; older files have none).
#include <cstring>

#include "../source.h"

namespace {

uint16_t number16(const uint8_t *at, bool big) { return (uint16_t)(big ? at[0] << 8 | at[1] : at[1] << 8 | at[0]); }

uint32_t number32(const uint8_t *at, bool big) {
    uint32_t first = number16(at, big), second = number16(at + 2, big);
    return big ? first << 16 | second : second << 16 | first;
}

bool is_vr(const uint8_t *at) {
    static const char known[] = "AE AS AT CS DA DS DT FD FL IS LO LT OB OD OF OL OV OW PN SH SL SQ SS ST SV TM UC UI UL UN UR US UT UV";
    for (const char *vr = known; vr < known + sizeof known - 1; vr += 3)
        if (memcmp(at, vr, 2) == 0) return true;
    return false;
}

bool has_long_length(const uint8_t *vr) {
    return vr[0] == 'O' || memcmp(vr, "SQ", 2) == 0 || (vr[0] == 'U' && vr[1] != 'I' && vr[1] != 'L' && vr[1] != 'S') ||
           memcmp(vr, "SV", 2) == 0;
}

// Walks over whole elements: they ascend, and the first belong to the file's or the identifying group.
bool is_walkable(const uint8_t *head, size_t count, bool is_explicit, bool big) {
    uint32_t last = 0, elements = 0;
    for (size_t at = 0; at + 12 <= count && elements < 4;) {
        const uint16_t group = number16(head + at, big);
        const uint32_t tag = (uint32_t)group << 16 | number16(head + at + 2, big);
        if (elements == 0 && group != 0x0002 && group != 0x0004 && group != 0x0008) return false;
        if (elements > 0 && (tag <= last || group > 0x7fe0)) return false;
        last = tag;
        uint64_t length, size = 8;
        if (is_explicit) {
            if (!is_vr(head + at + 4)) return false;
            if (has_long_length(head + at + 4)) {
                length = number32(head + at + 8, big);
                size = 12;
            } else length = number16(head + at + 6, big);
        } else length = number32(head + at + 4, big);
        elements++;
        if (length == 0xffffffff) return elements > 1;
        // Texts of these groups are short, and never of an odd length.
        if (length % 2 != 0 || length > 1 << 20) return false;
        if (length > count - at - size) return elements > 1 || is_explicit;
        at += size + length;
        // A data set may follow its meta information in another syntax.
        if (group == 0x0002 && elements > 2) return true;
    }
    return elements > 1;
}

}  // namespace

bool nr_looks_like_dicom(const uint8_t *head, size_t count) {
    if (count < 12) return false;
    if (memcmp(head, "DICM", 4) == 0) return true;
    return is_walkable(head, count, true, false) || is_walkable(head, count, true, true) || is_walkable(head, count, false, false);
}
