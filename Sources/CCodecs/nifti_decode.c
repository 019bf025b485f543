// NIfTI through libnifti and zlib.
#include "source.h"

int nr_decode_nifti(nr_source *source, nr_output *output, nr_failure *failure) {
    (void)source;
    (void)output;
    return nr_fail(failure, NR_UNSUPPORTED, "NIfTI: not read yet");
}

bool nr_looks_like_gzipped_nifti(nr_source *source) {
    (void)source;
    return false;
}
