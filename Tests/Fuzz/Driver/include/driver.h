// libFuzzer without its main (compiler-rt, lib/fuzzer/FuzzerInterface.h), so that a Swift program can be the one that is fuzzed.
#ifndef NR_FUZZ_DRIVER_H
#define NR_FUZZ_DRIVER_H
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *count, char ***arguments, int (*test)(const uint8_t *bytes, size_t count));

#endif
