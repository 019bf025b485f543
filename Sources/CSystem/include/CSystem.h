// What Glibc does not give Swift: descriptors passed between processes, sealed shared memory, spawned children that
// cannot outlive their parent, signals as a descriptor, file events, and a few facts about files and terminals.
//
// Functions return 0 or an errno value unless they say otherwise; none of them prints or exits, but `nr_die_with_parent`.
#ifndef CSYSTEM_H
#define CSYSTEM_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// ---- descriptors.c ----

// Creates anonymous shared memory of `bytes` (sparse: pages cost nothing until written) whose size can never change.
int nr_memory_file(const char *name, uint64_t bytes, int *fd_out);

// A second, read-only descriptor of the same open file (for a process that must not write to it).
int nr_reopen_read_only(int fd, int *fd_out);

// Gives the memory of `fd` from `offset` to `offset + bytes` back to the system; it reads as zeros afterwards.
int nr_release_memory(int fd, uint64_t offset, uint64_t bytes);

// A connected pair of stream sockets, close-on-exec.
int nr_socket_pair(int *first, int *second);

// Where a send or receive stops waiting.
typedef struct {
    int64_t deadline;  // CLOCK_MONOTONIC, nanoseconds; negative: none
    int cancel;        // becomes readable when waiting should end; negative: none
} nr_patience;

// Sends exactly `count` bytes, and `fd_count` (at most NR_MAX_PASSED) descriptors with the first of them.
// ETIMEDOUT, ECANCELED, EPIPE (peer gone) or the socket's error.
int nr_send(int socket, const void *bytes, size_t count, const int *fds, int fd_count, nr_patience patience);

// Receives exactly `count` bytes, and exactly `fd_count` descriptors with them (close-on-exec, stored in `fds`).
// More, fewer or truncated descriptors: EBADMSG, with every one of them closed. Peer gone: ECONNRESET.
int nr_receive(int socket, void *bytes, size_t count, int *fds, int fd_count, nr_patience patience);

enum { NR_MAX_PASSED = 4 };

// CLOCK_MONOTONIC in nanoseconds.
int64_t nr_now(void);

// ---- process.c ----

// The descriptor on which a spawned child finds its socket.
enum { NR_CHILD_SOCKET = 3 };

// Starts `path` with `arguments` and `environment` (both NULL-terminated) in a process group of its own: standard
// streams on /dev/null, `socket` as NR_CHILD_SOCKET, every other descriptor closed, signals as a fresh program has them.
int nr_spawn(const char *path, const char *const *arguments, const char *const *environment, int socket, pid_t *pid_out);

// For a spawned child: asks the kernel to kill this process when its parent (the maker of the socket's pair) dies.
// ENOTSOCK when `socket` is not a socket of a pair; does not return when the parent is already gone.
int nr_die_with_parent(int socket);

// The same for a child forked by `parent`.
int nr_die_with(pid_t parent);

// Sets one limit of this process (an RLIMIT_ constant), for good; a lower one that is already in force stays.
// A processor time whose `hard` value lies over `soft` ends in SIGXCPU, which tells it from a kill.
int nr_set_limit(int resource, uint64_t soft, uint64_t hard);

// Bytes of address space that this process has mapped now; 0 when unknown.
uint64_t nr_address_space(void);

// Blocks SIGINT, SIGTERM and SIGHUP (SIGHUP not when ignored, as under nohup) in this thread and all threads it starts
// later, ignores SIGPIPE and SIGIO, and gives the descriptor on which the signals arrive.
int nr_signal_descriptor(int *fd_out);

// The next signal waiting on such a descriptor, 0 when there is none.
int nr_next_signal(int fd);

// A descriptor that becomes and stays readable once nr_raise_flag was called on it.
int nr_flag(int *fd_out);
void nr_raise_flag(int fd);

// ---- sandbox.c ----

// The version of landlock's interface that the kernel offers; 0: none.
int nr_landlock_version(void);

// Takes the right to any file, folder, TCP port, abstract socket and signal of others from this thread and what it starts later,
// for good, as far as the kernel's landlock knows them. Open descriptors stay. ENOSYS where there is no landlock.
int nr_forbid_files(void);

// Whether nr_filter_calls works here.
int nr_can_filter_calls(void);

// System calls that a process keeps.
enum nr_calls {
    NR_CALLS_COMPUTING = 1,  // memory without execution, time, reading open descriptors, ending itself
    NR_CALLS_ANSWERING = 2,  // and messages on open sockets
    NR_CALLS_FORKING = 3,    // and children, who may give up more
};

// Takes all other system calls from this thread and what it starts later, for good: whoever makes one is ended by SIGSYS, but for
// a few questions of libraries, which are refused. ENOSYS where that is not possible.
int nr_filter_calls(enum nr_calls kept);

// Both of the above, as far as this kernel has them.
int nr_confine(enum nr_calls kept);

// ---- files.c ----

// 1 when `path` lies on a network or user-space file system (which sends no file events for other machines' writes),
// 0 when not, negative errno when it cannot be told.
int nr_is_remote(const char *path);

// Bytes that an unprivileged process can still write at `path`.
int nr_free_space(const char *path, uint64_t *bytes_out);

// Opens for reading without ever blocking or changing anything: no terminal taken, no wait for a FIFO's writer.
int nr_open_to_read(const char *path, int *fd_out);

// 1 when another process has the open file `fd` open for writing; 0 when not, or when that cannot be told (not our file,
// or a file system without leases). Needs SIGIO ignored, as nr_signal_descriptor leaves it.
int nr_is_being_written(int fd);

// A file's identity and state.
typedef struct {
    uint64_t device, inode;
    int64_t size, mtime_ns, ctime_ns;
    uint32_t kind;  // S_IFMT bits of the mode
} nr_stamp;

// Of an open file.
int nr_stamp_of(int fd, nr_stamp *stamp);
// Of a path; `follow` 0: of a link itself.
int nr_stamp_at(const char *path, int follow, nr_stamp *stamp);

// File events. Added folders report files that were closed after writing, renamed in or created, and their own end.
int nr_watch_open(int *fd_out);
int nr_watch_add(int fd, const char *folder, int *watch_out);
int nr_watch_remove(int fd, int watch);

enum nr_watch_flags {
    NR_WATCH_CLOSED = 1,    // a file was closed after writing, or renamed in
    NR_WATCH_CREATED = 2,   // an entry was created (not complete yet)
    NR_WATCH_FOLDER = 4,    // the entry is a folder
    NR_WATCH_OVERFLOW = 8,  // events were lost: look at everything again
    NR_WATCH_GONE = 16,     // the watched folder itself went away; its number is free again
};

typedef struct {
    int watch;
    uint32_t flags;
    const char *name;  // within the bytes given to nr_watch_next; empty when the event is about the folder itself
} nr_watch_event;

// Takes the event at `*offset` of `count` bytes read from such a descriptor and moves `*offset` on; 0 at the end.
int nr_watch_next(const uint8_t *bytes, size_t count, size_t *offset, nr_watch_event *event);

// Columns of the terminal behind `fd`; 0 when it is not a terminal.
int nr_terminal_columns(int fd);

#endif
