// What libhdf5 does not check by itself before it trusts it.
#define _GNU_SOURCE
#include "hdf5_bytes.h"

#include <stdint.h>
#include <string.h>

static uint64_t number(const uint8_t *bytes, int size) {
    uint64_t value = 0;
    for (int index = size - 1; index >= 0; index--) value = value << 8 | bytes[index];
    return value;
}

// Whether the objects of a global heap (where texts of variable length lie) follow one another to its end. Free space of no size is
// what the library would stay at for ever.
static int is_sound(const uint8_t *heap, size_t count) {
    const uint64_t said = number(heap + 8, 8);
    const size_t size = said < count ? (size_t)said : count;
    size_t position = 16;
    while (position < size && size - position >= 16) {
        const uint8_t *object = heap + position;
        const uint64_t bytes = number(object + 8, 8);
        if (number(object, 2) == 0 && bytes == 0) return 0;
        if (bytes > size - position) break;
        position += number(object, 2) == 0 ? (size_t)bytes : 16 + (((size_t)bytes + 7) & ~(size_t)7);
    }
    return 1;
}

const char *nr_hdf5_damage(const void *file, size_t count) {
    const uint8_t *bytes = file;
    if (count < 96) return "cut short";
    const int sizes = bytes[8] < 2 ? 13 : 9;
    if (bytes[sizes] != 8 || bytes[sizes + 1] != 8) return "of addresses or lengths that are not 64 bits long";
    const uint8_t *from = bytes, *end = bytes + count, *heap;
    while ((heap = memmem(from, (size_t)(end - from), "GCOL\1\0\0", 8)) != NULL) {
        if (end - heap >= 16 && !is_sound(heap, (size_t)(end - heap))) return "damaged in a heap of texts";
        from = heap + 8;
    }
    return NULL;
}
