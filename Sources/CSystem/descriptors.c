// Descriptors passed between processes, and memory shared by them.
#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int nr_memory_file(const char *name, uint64_t bytes, int *fd_out) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return errno;
    if (ftruncate(fd, (off_t)bytes) != 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    *fd_out = fd;
    return 0;
}

int nr_reopen_read_only(int fd, int *fd_out) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int copy = open(path, O_RDONLY | O_CLOEXEC);
    if (copy < 0) return errno;
    *fd_out = copy;
    return 0;
}

int nr_release_memory(int fd, uint64_t offset, uint64_t bytes) {
    if (bytes == 0) return 0;
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0 ? 0 : errno;
}

int nr_socket_pair(int *first, int *second) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return errno;
    *first = pair[0];
    *second = pair[1];
    return 0;
}

int64_t nr_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Waits until `events` are possible on `socket`. A hang-up counts as possible: the call that follows reports it.
static int await(int socket, short events, nr_patience patience) {
    for (;;) {
        struct pollfd wanted[2] = {{.fd = socket, .events = events}, {.fd = patience.cancel, .events = POLLIN}};
        int wait = -1;
        if (patience.deadline >= 0) {
            int64_t left = patience.deadline - nr_now();
            if (left <= 0) return ETIMEDOUT;
            int64_t milliseconds = (left + 999999) / 1000000;
            wait = milliseconds > 3600000 ? 3600000 : (int)milliseconds;
        }
        int ready = poll(wanted, 2, wait);
        if (ready < 0 && errno != EINTR) return errno;
        if (ready <= 0) continue;
        if (wanted[1].revents != 0) return ECANCELED;
        if (wanted[0].revents != 0) return 0;
    }
}

int nr_send(int socket, const void *bytes, size_t count, const int *fds, int fd_count, nr_patience patience) {
    if (fd_count < 0 || fd_count > NR_MAX_PASSED) return EINVAL;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * NR_MAX_PASSED)];
    const char *rest = bytes;
    while (count > 0) {
        struct iovec part = {.iov_base = (void *)(uintptr_t)rest, .iov_len = count};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        if (fd_count > 0) {
            memset(control, 0, sizeof control);
            message.msg_control = control;
            message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)fd_count);
            struct cmsghdr *header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)fd_count);
            memcpy(CMSG_DATA(header), fds, sizeof(int) * (size_t)fd_count);
        }
        ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK) return errno;
            int error = await(socket, POLLOUT, patience);
            if (error != 0) return error;
            continue;
        }
        fd_count = 0;
        rest += sent;
        count -= (size_t)sent;
    }
    return 0;
}

// Stores the descriptors that came with `message` behind the `held` ones, as long as `wanted` are not exceeded.
// Returns how many came in all; those that do not fit are closed.
static int take_descriptors(struct msghdr *message, int *fds, int held, int wanted) {
    int came = held;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t in_it = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < in_it; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            if (came < wanted)
                fds[came] = fd;
            else
                close(fd);
            came++;
        }
    }
    return came;
}

int nr_receive(int socket, void *bytes, size_t count, int *fds, int fd_count, nr_patience patience) {
    if (fd_count < 0 || fd_count > NR_MAX_PASSED) return EINVAL;
    // Room for one more than allowed: a surplus is then seen here and closed, rather than cut off by the kernel.
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * (NR_MAX_PASSED + 1))];
    char *rest = bytes;
    int held = 0, error = 0;
    while (count > 0 && error == 0) {
        struct iovec part = {.iov_base = rest, .iov_len = count};
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got < 0) {
            if (errno == EINTR) continue;
            error = errno == EAGAIN || errno == EWOULDBLOCK ? await(socket, POLLIN, patience) : errno;
            continue;
        }
        int came = take_descriptors(&message, fds, held, fd_count);
        held = came < fd_count ? came : fd_count;
        if (came > fd_count || (message.msg_flags & MSG_CTRUNC) != 0) error = EBADMSG;
        else if (got == 0) error = ECONNRESET;
        rest += got;
        count -= (size_t)got;
    }
    if (error == 0 && held < fd_count) error = EBADMSG;
    if (error != 0)
        for (int i = 0; i < held; i++) close(fds[i]);
    return error;
}
