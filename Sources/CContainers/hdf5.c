// HDF5 files over libhdf5, from bytes in memory. Links that are not hard ones, data kept in other files, virtual datasets and filters
// loaded from elsewhere are refused: a weights file needs none of them.
#include <stdlib.h>
#include <string.h>

#include "failure.h"
#include "hdf5_bytes.h"

struct nr_hdf5 {
    hid_t file;
    const uint8_t *bytes;
    size_t length;
    int reads_values;
    nr_hdf5_dataset *datasets;
    size_t count, room;
    nr_hdf5_label *labels;
    size_t label_count, label_room;
    size_t objects;
};

// What one walk through the groups needs.
typedef struct {
    nr_hdf5 *file;
    const char *path;
    int depth;
    nr_container_failure *failure;
} walk;

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *data);

static char *joined(const char *path, const char *name) {
    size_t length = strlen(path) + strlen(name) + 2;
    char *text = malloc(length);
    if (text != NULL) snprintf(text, length, "%s%s%s", path, *path ? "/" : "", name);
    return text;
}

// Makes room for one more element; 0 when there is none.
static int grow(void **items, size_t count, size_t *room, size_t size) {
    if (count < *room) return 1;
    size_t wanted = *room ? 2 * *room : 64;
    void *larger = realloc(*items, wanted * size);
    if (larger == NULL) return 0;
    *items = larger;
    *room = wanted;
    return 1;
}

// The text of an attribute, of fixed or variable length; NULL when it is none or longer than `limit`. Returns 0 where it is damaged.
static int text_of(const nr_hdf5 *file, hid_t object, const char *attribute, size_t limit, char **text) {
    *text = NULL;
    if (H5Aexists(object, attribute) <= 0) return 1;
    hid_t id = H5Aopen(object, attribute, H5P_DEFAULT);
    if (id < 0) return 0;
    hid_t type = H5Aget_type(id), space = H5Aget_space(id), memory = -1;
    char *result = NULL;
    int is_sound = 1;
    if (type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING && H5Sget_simple_extent_npoints(space) == 1) {
        if (H5Tis_variable_str(type) > 0) {
            is_sound = nr_hdf5_variable_text(id, file->bytes, file->length, limit, &result);
        } else {
            memory = H5Tcopy(H5T_C_S1);
            H5Tset_cset(memory, H5Tget_cset(type));
            size_t size = H5Tget_size(type);
            if (size > 0 && size <= limit && (result = calloc(size + 1, 1)) != NULL) {
                H5Tset_size(memory, size + 1);
                if (H5Aread(id, memory, result) < 0) {
                    free(result);
                    result = NULL;
                }
            }
        }
        if (memory >= 0) H5Tclose(memory);
    }
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    H5Aclose(id);
    *text = result;
    return is_sound;
}

// The type that elements are read as, and what it is called here.
static hid_t memory_type(hid_t stored, uint32_t *kind) {
    size_t size = H5Tget_size(stored);
    switch (H5Tget_class(stored)) {
        case H5T_FLOAT: {
            size_t bias = H5Tget_ebias(stored);
            if (size == 4 && bias == 127) return *kind = NR_HDF5_F32, H5Tcopy(H5T_IEEE_F32LE);
            if (size == 8 && bias == 1023) return *kind = NR_HDF5_F64, H5Tcopy(H5T_IEEE_F64LE);
            if (size == 2 && bias == 15) {
                hid_t half = H5Tcopy(stored);
                H5Tset_order(half, H5T_ORDER_LE);
                return *kind = NR_HDF5_F16, half;
            }
            break;
        }
        case H5T_INTEGER: {
            int is_signed = H5Tget_sign(stored) == H5T_SGN_2;
            if (size == 4) return *kind = is_signed ? NR_HDF5_I32 : NR_HDF5_U32, H5Tcopy(is_signed ? H5T_STD_I32LE : H5T_STD_U32LE);
            if (size == 8 && is_signed) return *kind = NR_HDF5_I64, H5Tcopy(H5T_STD_I64LE);
            if (size == 1 && !is_signed) return *kind = NR_HDF5_U8, H5Tcopy(H5T_STD_U8LE);
            break;
        }
        default: break;
    }
    *kind = NR_HDF5_OTHER;
    return -1;
}

static int add_dataset(walk *at, hid_t dataset, char *path) {
    nr_hdf5 *file = at->file;
    if (!grow((void **)&file->datasets, file->count, &file->room, sizeof *file->datasets))
        return nr_fail(at->failure, "out of memory");
    hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset), settings = H5Dget_create_plist(dataset);
    int isSound = type >= 0 && space >= 0 && settings >= 0;
    if (!isSound) nr_fail(at->failure, "dataset %s cannot be opened", path);
    if (isSound && (H5Pget_external_count(settings) != 0 || H5Pget_layout(settings) == H5D_VIRTUAL))
        isSound = nr_fail(at->failure, "dataset %s keeps its values in other files: expected them in this one", path);
    int rank = isSound ? H5Sget_simple_extent_ndims(space) : 0;
    if (isSound && (rank < 0 || rank > NR_HDF5_MAX_RANK))
        isSound = nr_fail(at->failure, "dataset %s has %d dimensions: expected at most %d", path, rank, NR_HDF5_MAX_RANK);
    if (isSound) {
        nr_hdf5_dataset *entry = &file->datasets[file->count];
        memset(entry, 0, sizeof *entry);
        hsize_t shape[NR_HDF5_MAX_RANK];
        // A null dataspace has no values at all; its class is not a simple one's.
        H5S_class_t class = H5Sget_simple_extent_type(space);
        H5Sget_simple_extent_dims(space, shape, NULL);
        entry->path = path;
        entry->rank = (uint32_t)rank;
        for (int index = 0; index < rank; index++) entry->shape[index] = shape[index];
        hid_t memory = memory_type(type, &entry->type);
        if (memory >= 0) H5Tclose(memory);
        if (class == H5S_NULL) entry->type = NR_HDF5_OTHER;
        entry->stored = H5Dget_storage_size(dataset);
        file->count++;
    }
    if (settings >= 0) H5Pclose(settings);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
    return isSound;
}

static int add_label(walk *at, hid_t group, const char *path) {
    nr_hdf5 *file = at->file;
    char *name = NULL;
    if (!text_of(file, group, "name", 1024, &name)) return nr_fail(at->failure, "%s: damaged in a heap of texts", path);
    if (name == NULL) return 1;
    char *copy = strdup(path);
    if (copy == NULL || !grow((void **)&file->labels, file->label_count, &file->label_room, sizeof *file->labels)) {
        free(name);
        free(copy);
        return nr_fail(at->failure, "out of memory");
    }
    file->labels[file->label_count++] = (nr_hdf5_label){.path = copy, .name = name};
    return 1;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *data) {
    walk *at = data;
    char *path = joined(at->path, name);
    if (path == NULL) return nr_fail(at->failure, "out of memory") - 1;
    int isSound = 1, isKept = 0;
    if (link->type != H5L_TYPE_HARD)
        isSound = nr_fail(at->failure, "%s is a link to another place or file: expected the values themselves", path);
    else if (++at->file->objects > NR_HDF5_MAX_OBJECTS)
        isSound = nr_fail(at->failure, "expected at most %d groups and datasets, found more", NR_HDF5_MAX_OBJECTS);
    else if (at->depth >= NR_HDF5_MAX_DEPTH)
        isSound = nr_fail(at->failure, "expected groups nested at most %d deep, found %s", NR_HDF5_MAX_DEPTH, path);
    hid_t object = isSound ? H5Oopen(group, name, H5P_DEFAULT) : -1;
    if (isSound && object < 0) isSound = nr_fail(at->failure, "%s cannot be opened: the file is damaged", path);
    if (isSound) {
        H5I_type_t kind = H5Iget_type(object);
        if (kind == H5I_GROUP) {
            walk below = {.file = at->file, .path = path, .depth = at->depth + 1, .failure = at->failure};
            isSound = add_label(at, object, path);
            if (isSound && H5Literate(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, &below) < 0) {
                isSound = 0;
                if (at->failure->message[0] == 0) nr_fail(at->failure, "group %s cannot be listed: the file is damaged", path);
            }
        } else if (kind == H5I_DATASET) {
            isSound = isKept = add_dataset(at, object, path);
        }
    }
    if (object >= 0) H5Oclose(object);
    if (!isKept) free(path);
    return isSound ? 0 : -1;
}

int nr_hdf5_open(const void *bytes, size_t count, nr_hdf5 **out, nr_container_failure *failure) {
    failure->message[0] = 0;
    // Its own messages would go to standard error; filters that are not built in would be loaded from files.
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0);
    if (count < 96) return nr_fail(failure, "not a whole HDF5 file: cut short");
    const uint8_t *sizes = (const uint8_t *)bytes + (((const uint8_t *)bytes)[8] < 2 ? 13 : 9);
    if (sizes[0] != 8 || sizes[1] != 8) return nr_fail(failure, "an HDF5 file whose addresses or lengths are not 64 bits long");
    nr_hdf5 *file = calloc(1, sizeof *file);
    if (file == NULL) return nr_fail(failure, "out of memory");
    file->bytes = bytes;
    file->length = count;
    hid_t id = nr_hdf5_open_bytes(bytes, count, &file->reads_values);
    if (id < 0) {
        free(file);
        return nr_fail(failure, "not a whole HDF5 file");
    }
    file->file = id;
    walk at = {.file = file, .path = "", .depth = 0, .failure = failure};
    if (H5Literate(id, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, &at) < 0) {
        if (failure->message[0] == 0) nr_fail(failure, "the root group cannot be listed: the file is damaged");
        nr_hdf5_close(file);
        return 0;
    }
    *out = file;
    return 1;
}

void nr_hdf5_close(nr_hdf5 *file) {
    if (file == NULL) return;
    for (size_t index = 0; index < file->count; index++) free((void *)(uintptr_t)file->datasets[index].path);
    for (size_t index = 0; index < file->label_count; index++) {
        free((void *)(uintptr_t)file->labels[index].path);
        free((void *)(uintptr_t)file->labels[index].name);
    }
    free(file->datasets);
    free(file->labels);
    H5Fclose(file->file);
    free(file);
}

size_t nr_hdf5_dataset_count(const nr_hdf5 *file) { return file->count; }
const nr_hdf5_dataset *nr_hdf5_dataset_at(const nr_hdf5 *file, size_t index) { return &file->datasets[index]; }
size_t nr_hdf5_label_count(const nr_hdf5 *file) { return file->label_count; }
const nr_hdf5_label *nr_hdf5_label_at(const nr_hdf5 *file, size_t index) { return &file->labels[index]; }

int nr_hdf5_read(nr_hdf5 *file, size_t index, void *into, size_t count, nr_container_failure *failure) {
    const char *path = file->datasets[index].path;
    hid_t dataset = H5Dopen2(file->file, path, H5P_DEFAULT);
    if (dataset < 0) return nr_fail(failure, "dataset %s cannot be opened", path);
    hid_t stored = H5Dget_type(dataset), space = H5Dget_space(dataset);
    uint32_t kind = NR_HDF5_OTHER;
    hid_t memory = stored >= 0 ? memory_type(stored, &kind) : -1;
    hssize_t values = space >= 0 ? H5Sget_simple_extent_npoints(space) : -1;
    int isWhole = memory >= 0 && values >= 0 && (uint64_t)values == count / H5Tget_size(memory);
    if (!isWhole) nr_fail(failure, "dataset %s is of a type or size that is not read", path);
    file->reads_values = 1;
    if (isWhole && H5Dread(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, into) < 0)
        isWhole = nr_fail(failure, "dataset %s cannot be read: it is damaged, or packed with a filter that is not known", path);
    file->reads_values = 0;
    if (memory >= 0) H5Tclose(memory);
    if (space >= 0) H5Sclose(space);
    if (stored >= 0) H5Tclose(stored);
    H5Dclose(dataset);
    return isWhole;
}

int nr_hdf5_text(const nr_hdf5 *file, const char *attribute, size_t limit, char **text, nr_container_failure *failure) {
    *text = NULL;
    hid_t root = H5Gopen2(file->file, "/", H5P_DEFAULT);
    if (root < 0) return 1;
    int is_sound = text_of(file, root, attribute, limit, text);
    H5Gclose(root);
    return is_sound || nr_fail(failure, "attribute %s: damaged in a heap of texts", attribute);
}
