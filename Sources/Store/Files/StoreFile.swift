import CSystem
import Foundation

/// The file system's side of a store: where it lies, who may read it, and how much room it has.
enum StoreFile {
    /// The path that locks and messages use: folders resolved, so that two names of one store share one lock.
    static func resolve(_ file: URL) -> String {
        if let real = realPath(file.path) { return real }
        let folder = file.deletingLastPathComponent().path
        return (realPath(folder) ?? folder) + "/" + file.lastPathComponent
    }

    private static func realPath(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether nothing can be written beside a store, and no log waits to be read: on a read-only disk. SQLite can read a store in
    /// WAL mode there only when it is told that nobody writes (https://sqlite.org/wal.html#read_only_databases).
    static func isFrozen(_ path: String) -> Bool {
        access(URL(fileURLWithPath: path).deletingLastPathComponent().path, W_OK) != 0 && !exists(path + "-wal")
    }

    /// The address by which SQLite opens a frozen store; Debian's SQLite takes addresses for file names (SQLITE_USE_URI).
    static func frozen(_ path: String) -> String {
        let isPlain = { (byte: UInt8) in
            byte == UInt8(ascii: "/") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
                || byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5A || byte >= 0x61 && byte <= 0x7A
        }
        return "file:" + path.utf8.map { isPlain($0) ? String(UnicodeScalar($0)) : "%" + hexadecimal([$0]) }.joined()
            + "?immutable=1"
    }

    /// Refuses a folder that is missing, and file systems on which SQLite's locks and shared memory are not to be trusted.
    /// - Parameter isRemote: 1 for a network or user-space file system, 0 for a local one, else a negative errno.
    static func checkFolder(
        of path: String, isRemote: (String) -> Int32 = { nr_is_remote($0) }
    ) throws(StoreError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        switch isRemote(folder) {
        case 0: return
        case 1: throw StoreError.networkFileSystem(path: path)
        case -ENOENT: throw StoreError.missingFolder(path: folder)
        case let failure: throw StoreError.io(path: folder, detail: String(cString: strerror(-failure)))
        }
    }

    /// Makes an empty file that its owner alone can read, unless there is one. SQLite gives the -wal and -shm files its mode.
    ///
    /// Never opens an existing file: closing a descriptor drops this process' SQLite locks on it (https://sqlite.org/howtocorrupt.html, 2.2).
    static func create(_ path: String) throws(StoreError) {
        let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file >= 0 {
            close(file)
        } else if errno != EEXIST {
            throw writeError(path)
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw writeError(path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError.notAStore(path: path, found: "no regular file")
        }
        guard chmod(path, 0o600) == 0 else { throw writeError(path) }
    }

    /// Bytes that an unprivileged process may still write on the file system of `path`.
    static func freeSpace(_ path: String) throws(StoreError) -> Int64 {
        var bytes: UInt64 = 0
        let failure = nr_free_space(URL(fileURLWithPath: path).deletingLastPathComponent().path, &bytes)
        guard failure == 0 else { throw StoreError.io(path: path, detail: String(cString: strerror(failure))) }
        return Int64(clamping: bytes)
    }

    /// The typed error for `errno` after a failed write to `path`.
    static func writeError(_ path: String) -> StoreError {
        switch errno {
        case ENOSPC, EDQUOT: .diskFull(path: path)
        case EACCES, EPERM, EROFS: .readOnly(path: path, detail: errorText())
        default: .io(path: path, detail: errorText())
        }
    }
}

/// Space held beside the store and given back when the disk is full, so that the reason can still be recorded.
enum Ballast {
    /// Bytes: enough for the WAL frames of a few hundred small transactions.
    static let size: off_t = 1 << 20

    /// Reserves the space; blocks are allocated, not just promised.
    static func reserve(beside path: String) throws(StoreError) {
        let file = open(path + ".ballast", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw StoreFile.writeError(path) }
        defer { close(file) }
        // posix_fallocate returns the error instead of setting errno.
        let result = posix_fallocate(file, 0, size)
        guard result == 0 else {
            unlink(path + ".ballast")
            errno = result
            throw StoreFile.writeError(path)
        }
    }

    static func release(beside path: String) { unlink(path + ".ballast") }
}
