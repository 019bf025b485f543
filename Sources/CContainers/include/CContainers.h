// Containers that weights of other programs lie in: zip archives (libzip) and HDF5 files (libhdf5), read from bytes in memory.
//
// Everything in such a file is somebody else's word. Functions return 1 when they succeeded and 0 with a message otherwise; none of
// them prints, opens a file or follows a link out of the bytes it was given. They run in a confined process (see Conversion).
#ifndef CCONTAINERS_H
#define CCONTAINERS_H
#include <stddef.h>
#include <stdint.h>

// Why something cannot be read, for people.
typedef struct {
    char message[256];
} nr_container_failure;

// ---- zip.c ----

typedef struct nr_zip nr_zip;

enum { NR_ZIP_MAX_ENTRIES = 100000 };

// Opens an archive; `bytes` must stay until it is closed.
int nr_zip_open(const void *bytes, size_t count, nr_zip **out, nr_container_failure *failure);
void nr_zip_close(nr_zip *archive);

uint64_t nr_zip_count(const nr_zip *archive);

// An entry's name (valid until the archive is closed) and unpacked size, as the directory says.
int nr_zip_entry(const nr_zip *archive, uint64_t index, const char **name, uint64_t *size, nr_container_failure *failure);

// Unpacks an entry of exactly `count` bytes and checks its CRC; an entry that turns out longer or shorter is refused.
int nr_zip_read(const nr_zip *archive, uint64_t index, void *into, size_t count, nr_container_failure *failure);

// ---- hdf5.c ----

typedef struct nr_hdf5 nr_hdf5;

enum { NR_HDF5_MAX_OBJECTS = 50000, NR_HDF5_MAX_DEPTH = 32, NR_HDF5_MAX_RANK = 16 };

// How a dataset's elements are stored; others are refused when they are read.
enum nr_hdf5_type {
    NR_HDF5_OTHER = 0,
    NR_HDF5_F16 = 1,
    NR_HDF5_F32 = 2,
    NR_HDF5_F64 = 3,
    NR_HDF5_I32 = 4,
    NR_HDF5_I64 = 5,
    NR_HDF5_U8 = 6,
    NR_HDF5_U32 = 7,
};

typedef struct {
    const char *path;  // from the root, without a leading slash
    uint32_t type;     // nr_hdf5_type
    uint32_t rank;
    uint64_t shape[NR_HDF5_MAX_RANK];
    uint64_t stored;  // bytes that the file holds of it
} nr_hdf5_dataset;

// A group's attribute `name`: what Keras 3 calls the layer whose variables the group holds.
typedef struct {
    const char *path;
    const char *name;
} nr_hdf5_label;

// Opens a file and lists its datasets and labels; `bytes` must stay until it is closed.
int nr_hdf5_open(const void *bytes, size_t count, nr_hdf5 **out, nr_container_failure *failure);
void nr_hdf5_close(nr_hdf5 *file);

size_t nr_hdf5_dataset_count(const nr_hdf5 *file);
const nr_hdf5_dataset *nr_hdf5_dataset_at(const nr_hdf5 *file, size_t index);
size_t nr_hdf5_label_count(const nr_hdf5 *file);
const nr_hdf5_label *nr_hdf5_label_at(const nr_hdf5 *file, size_t index);

// Reads a dataset of `count` bytes in row-major order, little-endian.
int nr_hdf5_read(nr_hdf5 *file, size_t index, void *into, size_t count, nr_container_failure *failure);

// A text attribute of the root, of at most `limit` bytes; NULL when there is none. The caller frees it.
int nr_hdf5_text(const nr_hdf5 *file, const char *attribute, size_t limit, char **text, nr_container_failure *failure);

#endif
