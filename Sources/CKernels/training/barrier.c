// A barrier for a few threads that meet hundreds of times in a step.
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../include/nr_training.h"

struct nr_barrier {
    atomic_uint arrived, generation;
    unsigned parties;
    pthread_mutex_t mutex;
    pthread_cond_t turned;
};

nr_barrier *nr_barrier_create(unsigned parties) {
    nr_barrier *barrier = malloc(sizeof *barrier);
    if (!barrier) return NULL;
    atomic_init(&barrier->arrived, 0);
    atomic_init(&barrier->generation, 0);
    barrier->parties = parties;
    pthread_mutex_init(&barrier->mutex, NULL);
    pthread_cond_init(&barrier->turned, NULL);
    return barrier;
}

void nr_barrier_wait(nr_barrier *barrier) {
    if (barrier->parties < 2) return;
    const unsigned generation = atomic_load(&barrier->generation);
    if (atomic_fetch_add(&barrier->arrived, 1) + 1 == barrier->parties) {
        atomic_store(&barrier->arrived, 0);
        // Under the lock, so that nobody falls asleep between looking and waiting.
        pthread_mutex_lock(&barrier->mutex);
        atomic_fetch_add(&barrier->generation, 1);
        pthread_cond_broadcast(&barrier->turned);
        pthread_mutex_unlock(&barrier->mutex);
        return;
    }
    // About 20 µs: what two threads that share the work evenly are apart, and less than falling asleep costs.
    for (int i = 0; i < 4000; i++) {
        if (atomic_load_explicit(&barrier->generation, memory_order_acquire) != generation) return;
#if defined(__x86_64__)
        __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&barrier->mutex);
    while (atomic_load(&barrier->generation) == generation) pthread_cond_wait(&barrier->turned, &barrier->mutex);
    pthread_mutex_unlock(&barrier->mutex);
}

void nr_barrier_destroy(nr_barrier *barrier) {
    if (!barrier) return;
    pthread_mutex_destroy(&barrier->mutex);
    pthread_cond_destroy(&barrier->turned);
    free(barrier);
}
