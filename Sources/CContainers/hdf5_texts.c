// Texts of variable length, which lie in the file's global heaps. libhdf5 trusts what refers to them: an object's number that is none of the
// heap's lets it read anywhere, and free space of no size lets it stay there for ever. It is asked for the references alone.
#include "hdf5_bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// How a file refers to a text: its length (4 bytes), the heap's address (8), the object's number (4).
enum { REFERENCE = 16 };

static uint64_t number(const uint8_t *bytes, int size) {
    uint64_t value = 0;
    for (int index = size - 1; index >= 0; index--) value = value << 8 | bytes[index];
    return value;
}

// Leaves a reference as it is: what is asked for as 16 bytes of any kind comes as the file has it.
static herr_t leave(hid_t from, hid_t to, H5T_cdata_t *data, size_t count, size_t stride, size_t other, void *values, void *background,
                    hid_t settings) {
    (void)count, (void)stride, (void)other, (void)values, (void)background, (void)settings;
    if (data->command != H5T_CONV_INIT) return 0;
    data->need_bkg = H5T_BKG_NO;
    return H5Tget_size(from) == REFERENCE && H5Tget_size(to) == REFERENCE ? 0 : -1;
}

static hid_t opaque_reference(void) {
    static int is_known = 0;
    hid_t opaque = H5Tcreate(H5T_OPAQUE, REFERENCE);
    if (opaque < 0 || is_known) return opaque;
    hid_t text = H5Tcopy(H5T_C_S1);
    is_known = H5Tset_size(text, H5T_VARIABLE) >= 0 && H5Tregister(H5T_PERS_SOFT, "text reference", text, opaque, leave) >= 0;
    H5Tclose(text);
    return opaque;
}

// The object of a heap, and its size; NULL where the heap has none of that number.
static const uint8_t *object_at(const uint8_t *file, size_t count, uint64_t address, uint64_t wanted, size_t *length) {
    if (address > count || count - address < 16) return NULL;
    const uint8_t *heap = file + address;
    if (memcmp(heap, "GCOL\1", 5) != 0) return NULL;
    const uint64_t said = number(heap + 8, 8);
    const size_t size = said < count - address ? (size_t)said : (size_t)(count - address);
    size_t position = 16;
    while (position < size && size - position >= 16) {
        const uint64_t own = number(heap + position, 2), bytes = number(heap + position + 8, 8);
        // Number 0 is the free space at the end.
        if (own == 0 || bytes > size - position - 16) return NULL;
        if (own == wanted) {
            *length = (size_t)bytes;
            return heap + position + 16;
        }
        position += 16 + (((size_t)bytes + 7) & ~(size_t)7);
    }
    return NULL;
}

int nr_hdf5_variable_text(hid_t attribute, const void *file, size_t count, size_t limit, char **text) {
    *text = NULL;
    uint8_t reference[REFERENCE] = {0};
    hid_t opaque = opaque_reference();
    int is_read = opaque >= 0 && H5Aread(attribute, opaque, reference) >= 0;
    if (opaque >= 0) H5Tclose(opaque);
    if (!is_read) return 0;
    const uint64_t length = number(reference, 4);
    if (length == 0) return 1;
    size_t room = 0;
    const uint8_t *found = object_at(file, count, number(reference + 4, 8), number(reference + 12, 4), &room);
    if (found == NULL || length > room) return 0;
    if (length > limit) return 1;
    *text = calloc((size_t)length + 1, 1);
    if (*text != NULL) memcpy(*text, found, (size_t)length);
    return *text != NULL;
}
