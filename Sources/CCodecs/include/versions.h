// Versions of the libraries that this process is linked to.
#ifndef NR_VERSIONS_H
#define NR_VERSIONS_H

// Such as "1.6.39".
const char *nr_libpng_version(void);
// Such as "LIBTIFF, Version 4.5.0"; the first line alone counts.
const char *nr_libtiff_version(void);

#endif
