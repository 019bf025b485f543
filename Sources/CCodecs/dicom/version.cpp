// Versions of the libraries that DICOM is read with.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>
#if __has_include(<openjpeg.h>)
#include <openjpeg.h>
#else
#include <openjpeg-2.5/openjpeg.h>  // where Debian keeps it
#endif

extern "C" {
#include "../include/versions.h"
}

const char *nr_dcmtk_version(void) { return OFFIS_DCMTK_VERSION_STRING; }

const char *nr_openjpeg_version(void) { return opj_version(); }
