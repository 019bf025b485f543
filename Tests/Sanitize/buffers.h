// Random numbers, and buffers against a page that may not be touched: after their end, or before their beginning.
#ifndef BUFFERS_H
#define BUFFERS_H

#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, MOST = 64 };

static struct {
    char *base;
    size_t bytes;
} held[MOST];
static int count, at_end;
static unsigned long long state = 1;

static unsigned next(unsigned below) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(state >> 33) % below;
}

static float value(void) { return (float)next(2001) / 1000 - 1; }

// Memory that ends (or begins) at a forbidden page.
static void *take(size_t bytes) {
    const size_t room = (bytes + PAGE - 1) / PAGE * PAGE;
    char *base = mmap(NULL, room + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED || count == MOST) abort();
    mprotect(base, PAGE, PROT_NONE);
    mprotect(base + PAGE + room, PAGE, PROT_NONE);
    held[count].base = base;
    held[count++].bytes = room + 2 * PAGE;
    return at_end ? base + PAGE + room - bytes : base + PAGE;
}

static void give_back(void) {
    while (count > 0) {
        count--;
        munmap(held[count].base, held[count].bytes);
    }
}

static float *floats(size_t n) {
    float *p = take(n * 4);
    for (size_t i = 0; i < n; i++) p[i] = value();
    return p;
}

#endif
