// JPEG through libjpeg-turbo.
#include "source.h"

int nr_decode_jpeg(nr_source *source, nr_output *output, nr_failure *failure) {
    (void)source;
    (void)output;
    return nr_fail(failure, NR_UNSUPPORTED, "JPEG: not read yet");
}
