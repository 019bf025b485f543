// Values of attributes, whatever VR and number of values a file gives them.
#ifndef NR_DICOM_ATTRIBUTES_H
#define NR_DICOM_ATTRIBUTES_H
#include <optional>

#include "data_set.h"

namespace dicom {

// Value `index` of an attribute as a whole number; none where it is missing, longer than makes sense, or no such number.
std::optional<int64_t> integer(DcmItem &item, const DcmTagKey &tag, unsigned long index = 0);

// The same as a number; none where it is not finite.
std::optional<double> number(DcmItem &item, const DcmTagKey &tag, unsigned long index = 0);

// All values of a text attribute as they are stored, without padding at either end; empty where there are none.
std::string text(DcmItem &item, const DcmTagKey &tag);

// The values of a text attribute one by one, each without padding.
std::vector<std::string> texts(DcmItem &item, const DcmTagKey &tag);

bool is_there(DcmItem &item, const DcmTagKey &tag);

// Item `index` of a sequence, null where there is none.
DcmItem *sequence_item(DcmItem &item, const DcmTagKey &tag, unsigned long index = 0);

// Whole numbers of 8 or 16 bits, such as tables; at most 65,536 of them. `are_bytes` says that the value is one of bytes.
struct Words {
    std::vector<uint16_t> values;
    bool are_bytes = false;
    bool are_signed = false;
};
Words words(DcmItem &item, const DcmTagKey &tag);

// A decimal string (DS) or an integer string (IS).
std::optional<double> parse_number(const std::string &text);

}  // namespace dicom

#endif
