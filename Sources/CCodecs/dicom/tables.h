// Lookup tables of a data set: descriptors, packing, segments (PS3.3 C.7.6.3.1.5, C.7.9.2, C.11.1.1.1).
#ifndef NR_DICOM_TABLES_H
#define NR_DICOM_TABLES_H
#include "attributes.h"

namespace dicom {

struct Table {
    std::vector<uint16_t> entries;  // empty: there is no table, or one that contradicts itself
    int32_t first = 0;              // the value that entry 0 stands for
    uint32_t bits = 16;
};

// A table whose descriptor and data stand in `item`. `has_signed_input` says what the descriptor's second value is where its
// VR leaves that open.
Table read_table(DcmItem &item, const DcmTagKey &descriptor, const DcmTagKey &data, bool has_signed_input);

// A table in segments.
Table read_segmented_table(DcmItem &item, const DcmTagKey &descriptor, const DcmTagKey &data, bool has_signed_input);

}  // namespace dicom

#endif
