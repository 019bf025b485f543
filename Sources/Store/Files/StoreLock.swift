import Foundation
import Synchronization

/// The right to write a store: an `flock` on `FILE.lock`, held from opening to closing and dropped by the kernel when a process dies.
///
/// SQLite's own locks allow several writing connections in turn; SQLite 3.7.0 to 3.51.2 can lose a WAL reset that way
/// (https://sqlite.org/wal.html#walresetbug), so that Nightread allows one.
final class StoreLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// - Throws: `StoreError.locked` naming the holder, `.readOnly` when the lock file cannot be made.
    init(for path: String, host: String) throws(StoreError) {
        let lockPath = path + ".lock"
        let file = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            throw StoreError.readOnly(path: path, detail: "\(lockPath): \(errorText())")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let isHeld = errno == EWOULDBLOCK
            let reason = errorText()
            var holder = [UInt8](repeating: 0, count: 256)
            let count = max(0, pread(file, &holder, holder.count, 0))
            close(file)
            guard isHeld else { throw StoreError.io(path: lockPath, detail: reason) }
            let text = String(decoding: holder[0..<count], as: UTF8.self).prefix { $0 != "\n" }
            throw StoreError.locked(path: path, holder: text.isEmpty ? "another process" : String(text))
        }
        let line = Array("process \(getpid()) on \(host)\n".utf8)
        guard fchmod(file, 0o600) == 0, ftruncate(file, 0) == 0, pwrite(file, line, line.count, 0) == line.count else {
            let error =
                errno == ENOSPC || errno == EDQUOT
                ? StoreError.diskFull(path: path) : StoreError.io(path: lockPath, detail: errorText())
            close(file)
            throw error
        }
        descriptor = Mutex(file)
    }

    /// Lets the next writer in. The file stays: removing it would let two writers lock two files of one name.
    func release() {
        descriptor.withLock { file in
            if let file { close(file) }
            file = nil
        }
    }

    deinit { release() }
}

/// The text of `errno`.
func errorText() -> String { String(cString: strerror(errno)) }
