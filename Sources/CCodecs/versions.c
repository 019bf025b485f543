#include "versions.h"

#include <png.h>
#include <tiffio.h>

const char *nr_libpng_version(void) { return png_get_libpng_ver(NULL); }

const char *nr_libtiff_version(void) { return TIFFGetVersion(); }
