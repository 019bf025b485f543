// Rights that a process gives up for good: landlock (Documentation/userspace-api/landlock.rst of the kernel) and seccomp filters
// (seccomp(2)), written out here because they need nothing but the kernel's own constants.
#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// ---- landlock ----

// linux/landlock.h of Debian 12 knows ABI 2 alone; the numbers are the same on all architectures.
enum { LANDLOCK_CREATE = 444, LANDLOCK_RESTRICT = 446, LANDLOCK_VERSION = 1 };
typedef struct {
    uint64_t files, net, scoped;
} landlock_rules;

int nr_landlock_version(void) {
    long version = syscall(LANDLOCK_CREATE, NULL, 0, LANDLOCK_VERSION);
    return version > 0 ? (int)version : 0;
}

int nr_forbid_files(void) {
    int version = nr_landlock_version();
    if (version == 0) return ENOSYS;
    // Rights that a version does not know are refused by it: 13 in the first, then refer, truncate and device ioctls.
    landlock_rules rules = {.files = (1u << 13) - 1};
    size_t size = offsetof(landlock_rules, net);
    if (version >= 2) rules.files |= 1u << 13;
    if (version >= 3) rules.files |= 1u << 14;
    if (version >= 4) rules.net = 3, size = offsetof(landlock_rules, scoped);  // bind and connect TCP
    if (version >= 5) rules.files |= 1u << 15;
    if (version >= 6) rules.scoped = 3, size = sizeof rules;  // abstract sockets of others, signals to others
    long set = syscall(LANDLOCK_CREATE, &rules, size, 0);
    if (set < 0) return errno;
    int error = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(LANDLOCK_RESTRICT, set, 0) != 0 ? errno : 0;
    close((int)set);
    return error;
}

// ---- system calls ----

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef NATIVE_ARCH

enum { ROOM = 400 };
typedef struct {
    struct sock_filter code[ROOM];
    unsigned short count;
} program;

static void add(program *filter, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false) {
    // Room is for several times what is used; a filter that were cut off would fall through to nothing and be refused.
    if (filter->count < ROOM) filter->code[filter->count++] = (struct sock_filter)BPF_JUMP(code, value, if_true, if_false);
}

static void load(program *filter, size_t offset) { add(filter, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }
static void give(program *filter, uint32_t action) { add(filter, BPF_RET | BPF_K, action, 0, 0); }

static uint32_t failing(int error) { return SECCOMP_RET_ERRNO | ((uint32_t)error & SECCOMP_RET_DATA); }

static void answer(program *filter, int call, uint32_t action) {
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1);
    give(filter, action);
}

static void allow(program *filter, const int *calls, size_t count) {
    for (size_t index = 0; index < count; index++) answer(filter, calls[index], SECCOMP_RET_ALLOW);
}

// Allows `call` where (argument & mask) == value; the upper half of an argument is not looked at: all that are checked here are
// ints to the kernel, or have nothing there. Both architectures are little-endian.
static void allow_where(program *filter, int call, unsigned argument, uint32_t mask, uint32_t value, uint32_t otherwise) {
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 5);
    load(filter, offsetof(struct seccomp_data, args) + 8 * argument);
    add(filter, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
    add(filter, BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    give(filter, SECCOMP_RET_ALLOW);
    give(filter, otherwise);
}

// What any computation needs: its memory, time, random numbers, its own signals, the descriptors it holds, an end. All calls
// without arguments to check come first: the kernel remembers that they are always allowed and asks the filter no more.
static void allow_computing(program *filter) {
    static const int calls[] = {
        SYS_read, SYS_pread64, SYS_readv, SYS_lseek, SYS_fstat, SYS_close, SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk,
        SYS_futex, SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday, SYS_getrandom,
        SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall, SYS_sched_yield,
        SYS_getpid, SYS_gettid, SYS_sysinfo, SYS_getrusage, SYS_exit, SYS_exit_group,
#ifdef SYS_pause
        SYS_pause,
#endif
#ifdef SYS_time
        SYS_time,
#endif
    };
    allow(filter, calls, sizeof calls / sizeof *calls);
}

static void allow_with_care(program *filter) {
    allow_where(filter, SYS_mmap, 2, PROT_EXEC, 0, SECCOMP_RET_KILL_PROCESS);
    allow_where(filter, SYS_mprotect, 2, PROT_EXEC, 0, SECCOMP_RET_KILL_PROCESS);
    // abort() and raise() signal the process itself, and nobody else.
    allow_where(filter, SYS_tgkill, 0, UINT32_MAX, (uint32_t)getpid(), SECCOMP_RET_KILL_PROCESS);
    // The standard library's last words before it aborts; standard error of children is /dev/null.
    allow_where(filter, SYS_write, 0, UINT32_MAX, STDERR_FILENO, failing(EBADF));
    allow_where(filter, SYS_writev, 0, UINT32_MAX, STDERR_FILENO, failing(EBADF));
    allow_where(filter, SYS_fcntl, 1, UINT32_MAX, F_GETFL, failing(EPERM));
    // Questions that libraries ask and whose refusal they survive.
    answer(filter, SYS_ioctl, failing(ENOTTY));
    answer(filter, SYS_newfstatat, failing(EACCES));
    answer(filter, SYS_prlimit64, failing(EPERM));
    answer(filter, SYS_sched_getaffinity, failing(EPERM));
    answer(filter, SYS_prctl, failing(EPERM));
}

static void allow_messages(program *filter) {
    static const int calls[] = {
        SYS_recvmsg, SYS_sendmsg, SYS_ppoll,
#ifdef SYS_poll
        SYS_poll,
#endif
    };
    allow(filter, calls, sizeof calls / sizeof *calls);
}

// A parent's children pass through its filter too: it has to let them take their own limits and filter.
static void allow_children(program *filter) {
    static const int calls[] = {SYS_wait4, SYS_getppid, SYS_set_robust_list, SYS_seccomp};
    allow(filter, calls, sizeof calls / sizeof *calls);
    // As Glibc's fork does it: no threads, no namespaces.
    allow_where(filter, SYS_clone, 0, ~(uint32_t)(0x01000000 | 0x00200000), SIGCHLD, SECCOMP_RET_KILL_PROCESS);
    allow_where(filter, SYS_prlimit64, 0, UINT32_MAX, 0, SECCOMP_RET_KILL_PROCESS);
    allow_where(filter, SYS_prctl, 0, UINT32_MAX, PR_SET_PDEATHSIG, failing(EPERM));
    // Of any process: a child's identity is not known yet. Its own filter is stricter.
    answer(filter, SYS_tgkill, SECCOMP_RET_ALLOW);
}

int nr_can_filter_calls(void) {
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int nr_filter_calls(enum nr_calls kept) {
    program filter = {.count = 0};
    load(&filter, offsetof(struct seccomp_data, arch));
    add(&filter, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0);
    give(&filter, SECCOMP_RET_KILL_PROCESS);
    load(&filter, offsetof(struct seccomp_data, nr));
#ifdef __x86_64__
    // x32: other numbers for the same calls under the same architecture.
    add(&filter, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    give(&filter, SECCOMP_RET_KILL_PROCESS);
#endif
    allow_computing(&filter);
    if (kept != NR_CALLS_COMPUTING) allow_messages(&filter);
    if (kept == NR_CALLS_FORKING) allow_children(&filter);
    allow_with_care(&filter);
    give(&filter, SECCOMP_RET_KILL_PROCESS);
    if (filter.count == ROOM) return E2BIG;
    struct sock_fprog code = {.len = filter.count, .filter = filter.code};
    // A decoder's child may not ask for it any more, and has it from its parent; without it, the next call fails.
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &code) == 0 ? 0 : errno;
}

#else

int nr_can_filter_calls(void) { return 0; }
int nr_filter_calls(enum nr_calls kept) {
    (void)kept;
    return ENOSYS;
}

#endif

int nr_confine(enum nr_calls kept) {
    int error = nr_landlock_version() > 0 ? nr_forbid_files() : 0;
    return error == 0 && nr_can_filter_calls() ? nr_filter_calls(kept) : error;
}
