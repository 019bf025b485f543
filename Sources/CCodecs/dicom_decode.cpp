// DICOM through DCMTK.
#include "source.h"

int nr_decode_dicom(nr_source *, nr_output *, nr_failure *failure) {
    return nr_fail(failure, NR_UNSUPPORTED, "DICOM: not read yet");
}

bool nr_looks_like_dicom(const uint8_t *, size_t) { return false; }

void nr_decoders_prepare(void) {}
