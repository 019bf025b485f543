// Versions of the libraries that this process is linked to.
#ifndef NR_VERSIONS_H
#define NR_VERSIONS_H

// Such as "1.6.39".
const char *nr_libpng_version(void);
// Such as "LIBTIFF, Version 4.5.0"; the first line alone counts.
const char *nr_libtiff_version(void);
// Such as "3.6.7": the version that this program was built with.
const char *nr_dcmtk_version(void);
// Such as "2.5.0".
const char *nr_openjpeg_version(void);

#endif
