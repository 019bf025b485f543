// Facts about files, file systems and terminals, and file events.
#define _GNU_SOURCE
#include "CSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

int nr_is_remote(const char *path) {
    struct statfs about;
    if (statfs(path, &about) != 0) return -errno;
    switch ((uint32_t)about.f_type) {  // numbers: linux/magic.h and the file systems' own headers
    case 0x6969:      // NFS
    case 0x517B:      // SMB
    case 0xFF534D42:  // CIFS
    case 0xFE534D42:  // SMB2
    case 0x00C36400:  // Ceph
    case 0x5346414F:  // AFS
    case 0x6B414653:  // kAFS
    case 0x01021997:  // 9P
    case 0x65735546:  // FUSE: sshfs, virtiofs and others
    case 0x0BD00BD0:  // Lustre
    case 0x47504653:  // GPFS
    case 0x73757245:  // Coda
    case 0x564C:      // NCP
    case 0x786F4256:  // VirtualBox shared folder
    case 0x7461636F:  // OCFS2
    case 0x01161970:  // GFS2
        return 1;
    default:
        return 0;
    }
}

int nr_free_space(const char *path, uint64_t *bytes_out) {
    struct statvfs about;
    if (statvfs(path, &about) != 0) return errno;
    *bytes_out = (uint64_t)about.f_bavail * about.f_frsize;
    return 0;
}

int nr_open_to_read(const char *path, int *fd_out) {
    int fd;
    do fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return errno;
    *fd_out = fd;
    return 0;
}

int nr_is_being_written(int fd) {
    // A read lease is refused while someone writes; one that is given is handed back before anybody can notice.
    if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0) return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return 0;
}

static void fill(nr_stamp *stamp, const struct stat *about) {
    stamp->device = about->st_dev;
    stamp->inode = about->st_ino;
    stamp->size = about->st_size;
    stamp->mtime_ns = (int64_t)about->st_mtim.tv_sec * 1000000000 + about->st_mtim.tv_nsec;
    stamp->ctime_ns = (int64_t)about->st_ctim.tv_sec * 1000000000 + about->st_ctim.tv_nsec;
    stamp->kind = about->st_mode & S_IFMT;
}

int nr_stamp_of(int fd, nr_stamp *stamp) {
    struct stat about;
    // Not Glibc's fstat, which up to 2.38 is a newfstatat: that one takes paths, so that a confined process may not call it.
    if (syscall(SYS_fstat, fd, &about) != 0) return errno;
    fill(stamp, &about);
    return 0;
}

int nr_stamp_at(const char *path, int follow, nr_stamp *stamp) {
    struct stat about;
    if (fstatat(AT_FDCWD, path, &about, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return errno;
    fill(stamp, &about);
    return 0;
}

int nr_watch_open(int *fd_out) {
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) return errno;
    *fd_out = fd;
    return 0;
}

int nr_watch_add(int fd, const char *folder, int *watch_out) {
    int watch = inotify_add_watch(
        fd, folder, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK);
    if (watch < 0) return errno;
    *watch_out = watch;
    return 0;
}

int nr_watch_remove(int fd, int watch) { return inotify_rm_watch(fd, watch) == 0 ? 0 : errno; }

int nr_watch_next(const uint8_t *bytes, size_t count, size_t *offset, nr_watch_event *event) {
    struct inotify_event raw;
    if (*offset > count || count - *offset < sizeof raw) return 0;
    memcpy(&raw, bytes + *offset, sizeof raw);
    if (count - *offset - sizeof raw < raw.len) return 0;
    event->watch = raw.wd;
    event->name = raw.len > 0 ? (const char *)bytes + *offset + sizeof raw : "";
    event->flags = (raw.mask & (IN_CLOSE_WRITE | IN_MOVED_TO) ? NR_WATCH_CLOSED : 0) |
                   (raw.mask & IN_CREATE ? NR_WATCH_CREATED : 0) | (raw.mask & IN_ISDIR ? NR_WATCH_FOLDER : 0) |
                   (raw.mask & IN_Q_OVERFLOW ? NR_WATCH_OVERFLOW : 0) |
                   (raw.mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF) ? NR_WATCH_GONE : 0);
    *offset += sizeof raw + raw.len;
    return 1;
}

int nr_terminal_columns(int fd) {
    struct winsize size;
    if (!isatty(fd)) return 0;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}
