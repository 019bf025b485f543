import Crypto
public import Foundation
import Glibc

/// Files that are there completely or not at all, for their owner alone.
public enum OutputFile {
    /// Writes `NAME.part` (mode 0600), syncs it, renames it over `NAME` and syncs the folder.
    ///
    /// - Throws: `StoreError.outputFull`, `.outputRefused` or `.io`; the old file, if any, then still stands.
    public static func write(_ bytes: [UInt8], to file: URL) throws(StoreError) {
        let part = file.path + ".part"
        unlink(part)
        let descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw error(file) }
        do throws(StoreError) {
            try put(bytes, to: descriptor, file)
            guard fsync(descriptor) == 0 else { throw error(file) }
        } catch {
            close(descriptor)
            unlink(part)
            throw error
        }
        close(descriptor)
        guard rename(part, file.path) == 0 else {
            let failure = error(file)
            unlink(part)
            throw failure
        }
        try syncFolder(of: file)
    }

    /// Writes like `write`, with the file's folder made when it is missing.
    public static func publish(_ bytes: [UInt8], to file: URL) throws(StoreError) {
        try makeFolder(file.deletingLastPathComponent())
        try write(bytes, to: file)
    }

    /// SHA-256 in hexadecimal: how audit events name what was written.
    public static func digest(_ bytes: [UInt8]) -> String { hexadecimal(SHA256.hash(data: bytes)) }

    /// Makes a folder (mode 0700) with those above it, unless it is there.
    public static func makeFolder(_ folder: URL) throws(StoreError) {
        var status = stat()
        if stat(folder.path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFDIR else {
                throw .outputRefused(path: folder.path, detail: "expected a folder, found a file")
            }
            return
        }
        let parent = folder.deletingLastPathComponent()
        if parent.path != folder.path { try makeFolder(parent) }
        guard mkdir(folder.path, 0o700) == 0 || errno == EEXIST else { throw error(folder) }
    }

    private static func put(_ bytes: [UInt8], to descriptor: Int32, _ file: URL) throws(StoreError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw error(file) }
            done += count
        }
    }

    private static func syncFolder(of file: URL) throws(StoreError) {
        let folder = open(file.deletingLastPathComponent().path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw error(file) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw error(file) }
    }

    private static func error(_ file: URL) -> StoreError {
        switch errno {
        case ENOSPC, EDQUOT: .outputFull(path: file.path)
        case EACCES, EPERM, EROFS, EISDIR, ENOTDIR, ENOENT, ENAMETOOLONG, ELOOP:
            .outputRefused(path: file.path, detail: errorText())
        default: .io(path: file.path, detail: errorText())
        }
    }
}
