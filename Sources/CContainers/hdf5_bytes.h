#ifndef NR_HDF5_BYTES_H
#define NR_HDF5_BYTES_H
// The interface of 1.10, which later versions keep under this name.
#define H5_USE_110_API 1
#include <hdf5.h>

// Opens the HDF5 file that lies in memory, read-only; negative where it is none. `bytes` must stay until it is closed.
hid_t nr_hdf5_open_bytes(const void *bytes, size_t count);

// How the file is damaged in a way that the library would not survive; NULL where it is not.
const char *nr_hdf5_damage(const void *bytes, size_t count);

#endif
