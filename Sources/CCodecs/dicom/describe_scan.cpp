#include <cstring>

#include "attributes.h"
#include "describe.h"

namespace dicom {

namespace {

template <size_t Size> void put(char (&field)[Size], const std::string &value) {
    // A value that does not fit would be another's: identifiers are whole or not there.
    if (value.size() < Size && value.find('\0') == std::string::npos) memcpy(field, value.c_str(), value.size() + 1);
}

// The first value of the first attribute that has one.
std::string first_text(DcmItem &item, std::initializer_list<DcmTagKey> tags) {
    for (const DcmTagKey &tag : tags) {
        std::vector<std::string> values = texts(item, tag);
        if (!values.empty() && !values[0].empty()) return values[0];
    }
    return "";
}

// YYYYMMDD at the start of a date or a date and time; ACR-NEMA wrote YYYY.MM.DD.
std::string date_in(const std::string &text) {
    std::string digits;
    for (char letter : text) {
        if (letter == '.' && digits.size() < 8) continue;
        if (letter < '0' || letter > '9' || digits.size() == 8) break;
        digits += letter;
    }
    if (digits.size() != 8) return "";
    int month = std::stoi(digits.substr(4, 2)), day = std::stoi(digits.substr(6, 2));
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 ? digits : "";
}

// The shared functional group, or that of the first frame (PS3.3 C.7.6.16).
DcmItem *functional_group(DcmItem &attributes, const DcmTagKey &group) {
    for (const DcmTagKey &sequence : {DCM_SharedFunctionalGroupsSequence, DCM_PerFrameFunctionalGroupsSequence})
        if (DcmItem *item = sequence_item(attributes, sequence))
            if (DcmItem *found = sequence_item(*item, group)) return found;
    return nullptr;
}

bool put_spacing(DcmItem &item, const DcmTagKey &tag, nr_scan *scan) {
    std::optional<double> row = number(item, tag, 0), column = number(item, tag, 1);
    if (!row || !column || *row <= 0 || *column <= 0) return false;
    scan->row_spacing = *row;
    scan->column_spacing = *column;
    return true;
}

}  // namespace

void describe_scan(DcmItem &attributes, const FileHeader &header, nr_scan *scan) {
    put(scan->compression, header.transfer_syntax);
    put(scan->patient, text(attributes, DCM_PatientID));
    put(scan->patient_issuer, text(attributes, DCM_IssuerOfPatientID));
    put(scan->study_uid, text(attributes, DCM_StudyInstanceUID));
    put(scan->series_uid, text(attributes, DCM_SeriesInstanceUID));
    put(scan->instance_uid, text(attributes, DCM_SOPInstanceUID));
    put(scan->modality, first_text(attributes, {DCM_Modality}));
    put(scan->body_part, first_text(attributes, {DCM_BodyPartExamined}));
    put(scan->view, first_text(attributes, {DCM_ViewPosition}));

    std::string laterality = first_text(attributes, {DCM_ImageLaterality, DCM_Laterality});
    DcmItem *anatomy = functional_group(attributes, DCM_FrameAnatomySequence);
    if (laterality.empty() && anatomy) laterality = first_text(*anatomy, {DCM_FrameLaterality});
    put(scan->laterality, laterality);

    for (const DcmTagKey &tag :
         {DCM_AcquisitionDate, DCM_AcquisitionDateTime, DCM_ContentDate, DCM_SeriesDate, DCM_StudyDate}) {
        put(scan->acquisition_date, date_in(first_text(attributes, {tag})));
        if (scan->acquisition_date[0]) break;
    }

    DcmItem *measures = functional_group(attributes, DCM_PixelMeasuresSequence);
    if (!put_spacing(attributes, DCM_PixelSpacing, scan) && !(measures && put_spacing(*measures, DCM_PixelSpacing, scan)) &&
        !put_spacing(attributes, DCM_ImagerPixelSpacing, scan))
        put_spacing(attributes, DCM_NominalScannedPixelSpacing, scan);

    std::optional<int64_t> frames = integer(attributes, DCM_NumberOfFrames);
    if (frames && *frames > 0 && *frames <= UINT32_MAX) scan->frames_in_file = (uint32_t)*frames;
    else if (is_there(attributes, DCM_Rows)) scan->frames_in_file = 1;
}

void refuse_without_pixels(DcmItem &attributes, const FileHeader &header) {
    std::string modality = first_text(attributes, {DCM_Modality}), uid = first_text(attributes, {DCM_SOPClassUID});
    if (uid.empty()) uid = header.media_class;
    const char *name = uid.empty() ? nullptr : dcmFindNameOfUID(uid.c_str());
    std::string what = name ? name : in_message(uid);
    std::optional<int64_t> rows = integer(attributes, DCM_Rows), columns = integer(attributes, DCM_Columns);
    if (rows && columns && *rows > 0 && *columns > 0)
        refuse(NR_TRUNCATED, "expected the pixels of a picture of %lld x %lld, found the end (modality %s, class %s)",
               (long long)*columns, (long long)*rows, in_message(modality).c_str(), what.c_str());
    if (modality.empty() && uid.empty()) refuse(NR_NO_PICTURE, "holds no picture");
    refuse(NR_NO_PICTURE, "holds no picture (modality %s, class %s)", in_message(modality).c_str(), what.c_str());
}

}  // namespace dicom
