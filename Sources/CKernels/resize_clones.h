// The instruction sets that the resize's loops are compiled for; the one to run is chosen when the program starts.
#ifndef NR_RESIZE_CLONES_H
#define NR_RESIZE_CLONES_H
#if defined(__x86_64__)
#define NR_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define NR_CLONES
#endif
#endif
