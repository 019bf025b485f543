#include "tones.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace dicom {

namespace {

// Explanations as UTF-8: what their character set is matters to few files, and to nobody's reading.
std::string utf8(const std::string &text, const std::string &character_set) {
    if (character_set == "ISO_IR 192") return text;
    std::string converted;
    for (unsigned char letter : text) {
        if (letter < 0x80) converted += (char)letter;
        else if (character_set == "ISO_IR 100") {
            converted += (char)(0xc0 | letter >> 6);
            converted += (char)(0x80 | (letter & 0x3f));
        } else converted += '?';
    }
    return converted;
}

void put_explanation(const std::string &text, nr_window *window) {
    size_t count = std::min(text.size(), sizeof window->explanation - 1);
    // Never half a character.
    while (count > 0 && count < text.size() && ((unsigned char)text[count] & 0xc0) == 0x80) count--;
    memcpy(window->explanation, text.data(), count);
}

}  // namespace

Tones::Tones(DcmItem &attributes, const Picture &picture, nr_output *output)
    : attributes_(attributes), picture_(picture), output_(output) {
    shared_.slope = 1;
    apply_rescale(attributes, &shared_);
    if (DcmItem *sequence = sequence_item(attributes, DCM_ModalityLUTSequence))
        place(read_table(*sequence, DCM_LUTDescriptor, DCM_LUTData, picture.is_signed), &shared_.modality);
    apply_windows(attributes, &shared_);
    apply_voi_table(attributes, &shared_);
    if (picture.photometric == Photometric::palette) place_palettes(&shared_);

    // Enhanced files say it in functional groups, for all frames or for each (PS3.3 C.7.6.16.2).
    if (DcmItem *groups = sequence_item(attributes, DCM_SharedFunctionalGroupsSequence)) apply_groups(*groups, &shared_);
    DcmElement *frames = nullptr;
    if (attributes.findAndGetElement(DCM_PerFrameFunctionalGroupsSequence, frames).good() && frames && frames->ident() == EVR_SQ)
        frames_ = static_cast<DcmSequenceOfItems *>(frames);
}

uint32_t Tones::of_frame(uint32_t number) {
    nr_tone tone = shared_;
    if (frames_ && number < frames_->card())
        if (DcmItem *groups = frames_->getItem(number)) apply_groups(*groups, &tone);
    return nr_output_tone(output_, &tone);
}

void Tones::apply_groups(DcmItem &groups, nr_tone *tone) {
    if (DcmItem *values = sequence_item(groups, DCM_PixelValueTransformationSequence)) apply_rescale(*values, tone);
    if (DcmItem *voi = sequence_item(groups, DCM_FrameVOILUTSequence)) {
        apply_windows(*voi, tone);
        apply_voi_table(*voi, tone);
    }
}

void Tones::apply_rescale(DcmItem &item, nr_tone *tone) {
    std::optional<double> slope = number(item, DCM_RescaleSlope), intercept = number(item, DCM_RescaleIntercept);
    if (!slope && !intercept) return;
    if (slope && *slope == 0) return;
    tone->slope = slope.value_or(1);
    tone->intercept = intercept.value_or(0);
}

void Tones::apply_windows(DcmItem &item, nr_tone *tone) {
    nr_tone found{};
    const std::string character_set = text(attributes_, DCM_SpecificCharacterSet);
    const std::vector<std::string> explanations = texts(item, DCM_WindowCenterWidthExplanation);
    for (unsigned long index = 0; found.window_count < NR_MAX_WINDOWS && index < 64; index++) {
        std::optional<double> center = number(item, DCM_WindowCenter, index), width = number(item, DCM_WindowWidth, index);
        if (!center || !width || *width <= 0) continue;
        nr_window &window = found.windows[found.window_count++];
        window.center = *center;
        window.width = *width;
        if (index < explanations.size()) put_explanation(utf8(explanations[index], character_set), &window);
    }
    if (found.window_count == 0) return;
    memcpy(tone->windows, found.windows, sizeof found.windows);
    tone->window_count = found.window_count;
    const std::string function = text(item, DCM_VOILUTFunction);
    tone->function = function == "SIGMOID" ? NR_VOI_SIGMOID : function == "LINEAR_EXACT" ? NR_VOI_LINEAR_EXACT : NR_VOI_LINEAR;
}

void Tones::apply_voi_table(DcmItem &item, nr_tone *tone) {
    DcmItem *sequence = sequence_item(item, DCM_VOILUTSequence);
    if (!sequence) return;
    // The table's input are modality values: without sign where a table gives them, with one where they may be negative (PS3.3
    // C.11.2.1.1).
    const double least = picture_.is_signed ? -std::ldexp(1.0, (int)picture_.stored - 1) : 0;
    const double most = std::ldexp(1.0, (int)picture_.stored - (picture_.is_signed ? 1 : 0)) - 1;
    const bool is_signed =
        tone->modality.count == 0 && std::min(least * tone->slope, most * tone->slope) + tone->intercept < 0;
    Table table = read_table(*sequence, DCM_LUTDescriptor, DCM_LUTData, is_signed);
    if (table.entries.empty()) return;
    if (table.entries != last_voi_.entries || table.first != last_voi_.first || table.bits != last_voi_.bits) {
        last_voi_place_ = nr_lut{};
        place(table, &last_voi_place_);
        last_voi_ = std::move(table);
    }
    tone->voi = last_voi_place_;
}

void Tones::place_palettes(nr_tone *tone) {
    const DcmTagKey descriptors[3] = {DCM_RedPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableDescriptor,
                                      DCM_BluePaletteColorLookupTableDescriptor};
    const DcmTagKey plain[3] = {DCM_RedPaletteColorLookupTableData, DCM_GreenPaletteColorLookupTableData,
                                DCM_BluePaletteColorLookupTableData};
    const DcmTagKey segmented[3] = {DCM_SegmentedRedPaletteColorLookupTableData, DCM_SegmentedGreenPaletteColorLookupTableData,
                                    DCM_SegmentedBluePaletteColorLookupTableData};
    Table tables[3];
    uint16_t most = 0;
    for (size_t colour = 0; colour < 3; colour++) {
        Table &table = tables[colour];
        table = is_there(attributes_, plain[colour])
                    ? read_table(attributes_, descriptors[colour], plain[colour], picture_.is_signed)
                    : read_segmented_table(attributes_, descriptors[colour], segmented[colour], picture_.is_signed);
        if (table.entries.empty()) refuse(NR_CORRUPT, "expected three colour palettes, found fewer, or ones that are too short");
        most = std::max(most, *std::max_element(table.entries.begin(), table.entries.end()));
    }
    for (size_t colour = 0; colour < 3; colour++) {
        // Palettes of 16 bits that hold values of 8 are common; as they are, they would be black.
        tables[colour].bits = most < 256 ? 8 : 16;
        place(tables[colour], &tone->palette[colour]);
    }
}

void Tones::place(const Table &table, nr_lut *lut) {
    if (table.entries.empty()) return;
    nr_failure failure{};
    lut->first = table.first;
    lut->bits = table.bits;
    check(nr_output_table(output_, lut, table.entries.data(), (uint32_t)table.entries.size(), &failure), failure);
}

}  // namespace dicom
