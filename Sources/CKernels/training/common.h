// What the training kernels of every instruction set have in common.
#include "../include/nr_kernels.h"
#include "../include/nr_training.h"

#define TRAIN_JOINED(a, b) a##_##b
#define TRAIN_JOIN(a, b) TRAIN_JOINED(a, b)
#define TRAIN_NAME(name) TRAIN_JOIN(name, TRAIN)

// Channels whose sums lie on the stack at once (the family's widest layer has 3,840), and pixels after which sums in floats go on to
// doubles: within 128 summands a float loses little.
enum { CHANNELS_AT_ONCE = 4096, FLOAT_SUMS = 128 };

static inline void clear(float *values, int count) {
    for (int c = 0; c < count; c++) values[c] = 0;
}

static inline void flush(float *held, double *sums, int count) {
    for (int c = 0; c < count; c++) {
        sums[c] += held[c];
        held[c] = 0;
    }
}
