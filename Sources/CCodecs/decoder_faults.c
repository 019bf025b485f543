#define _GNU_SOURCE
#include "decoder_faults.h"

#include <CSystem.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void take_memory(void) {
    for (;;) {
        // Volatile, or the compiler leaves out memory that nobody reads.
        volatile char *more = malloc(16 << 20);
        if (more == NULL) abort();
        for (size_t page = 0; page < 16 << 20; page += 4096) more[page] = 1;
    }
}

// What a scan that has taken its decoder over would try first. Each of these goes on to decode where it is not stopped.
static void reach_out(const char *what) {
    char *const none[] = {NULL};
    if (strcmp(what, "open") == 0) open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    if (strcmp(what, "socket") == 0) socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (strcmp(what, "fork") == 0 && fork() == 0) _exit(0);
    if (strcmp(what, "exec") == 0) execve("/bin/true", none, none);
    if (strcmp(what, "kill") == 0) kill(getppid(), SIGKILL);
}

static void misbehave(const char *how) {
    if (strcmp(how, "crash") == 0) raise(SIGSEGV);
    if (strcmp(how, "exit") == 0) _exit(9);
    if (strcmp(how, "spin") == 0)
        for (volatile unsigned turn = 0;; turn++) {}
    if (strcmp(how, "hang") == 0)
        for (;;) pause();
    if (strcmp(how, "memory") == 0) take_memory();
    reach_out(how);
}

void nr_misbehave_if_asked(int scan) {
    const char *faults = getenv("NIGHTREAD_FAULTS");
    nr_stamp about;
    if (faults == NULL || nr_stamp_of(scan, &about) != 0) return;
    for (const char *fault = faults; fault != NULL; fault = strchr(fault, ',')) {
        if (*fault == ',') fault++;
        const char *colon = strchr(fault, ':');
        char how[16] = "";
        if (colon == NULL || (size_t)(colon - fault) >= sizeof how) return;
        memcpy(how, fault, (size_t)(colon - fault));
        if (strtoll(colon + 1, NULL, 10) == (long long)about.size) misbehave(how);
    }
}
