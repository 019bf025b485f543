// What samples mean: rescaling, tables and windows, of the file or of each frame.
#ifndef NR_DICOM_TONES_H
#define NR_DICOM_TONES_H
#include "describe.h"
#include "tables.h"

namespace dicom {

class Tones {
  public:
    // Places tables into the planes. Throws where colours cannot be had without theirs; whatever else is broken is left out.
    Tones(DcmItem &attributes, const Picture &picture, nr_output *output);
    // Index of the tone of frame `number`.
    uint32_t of_frame(uint32_t number);

  private:
    void apply_groups(DcmItem &groups, nr_tone *tone);
    void apply_rescale(DcmItem &item, nr_tone *tone);
    void apply_windows(DcmItem &item, nr_tone *tone);
    void apply_voi_table(DcmItem &item, nr_tone *tone);
    void place_palettes(nr_tone *tone);
    void place(const Table &table, nr_lut *lut);
    DcmItem &attributes_;
    const Picture &picture_;
    nr_output *output_;
    DcmSequenceOfItems *frames_ = nullptr;
    nr_tone shared_{};
    Table last_voi_;      // consecutive frames often repeat it
    nr_lut last_voi_place_{};
};

}  // namespace dicom

#endif
