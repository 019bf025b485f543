#include "source.h"

int nr_decode_tiff(nr_source *source, nr_output *output, nr_failure *failure) {
    (void)source;
    (void)output;
    return nr_fail(failure, NR_UNSUPPORTED, "TIFF: not read yet");
}
