#ifndef NR_HDF5_BYTES_H
#define NR_HDF5_BYTES_H
// The interface of 1.10, which later versions keep under this name.
#define H5_USE_110_API 1
#include <hdf5.h>

// Opens the HDF5 file that lies in memory, read-only; negative where it is none. `bytes` must stay until it is closed.
//
// The library reads values while `*reads_values` is not 0, and never a heap of texts, whose references it does not check.
hid_t nr_hdf5_open_bytes(const void *bytes, size_t count, const int *reads_values);

// The text, of variable length, of an attribute of the file of these bytes; NULL where it is empty or longer than `limit`.
// Returns 0 where it refers to no text of the file.
int nr_hdf5_variable_text(hid_t attribute, const void *bytes, size_t count, size_t limit, char **text);

#endif
