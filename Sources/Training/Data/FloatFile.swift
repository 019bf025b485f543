import Foundation

/// Floats that are kept on disk for the length of a training: a file without a name, which is gone with the process, whatever ends it.
/// The system holds as much of it in memory as there is room for.
final class FloatFile {
    private let descriptor: Int32
    private let folder: String
    /// Floats in it.
    private(set) var count = 0

    /// - Parameter folder: On the disk that gets it.
    /// - Throws: `DataError.cache`.
    init(in folder: String) throws(DataError) {
        self.folder = folder
        var name = Array((folder + "/.nightread-training-XXXXXX").utf8CString)
        descriptor = mkstemp(&name)
        guard descriptor >= 0 else {
            throw .cache(path: folder, bytes: 0, reason: String(cString: strerror(errno)))
        }
        unlink(name)
        // Decoder processes get nothing of it.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    deinit { close(descriptor) }

    /// Writes behind all others.
    ///
    /// - Returns: Where they begin.
    /// - Throws: `DataError.cache`.
    func append(_ values: UnsafeBufferPointer<Float>) throws(DataError) -> Int {
        let start = count, bytes = UnsafeRawBufferPointer(values)
        let isWhole = Self.move(bytes.count) { done in
            pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(start * 4 + done))
        }
        guard isWhole else {
            throw .cache(path: folder, bytes: start * 4 + bytes.count, reason: String(cString: strerror(errno)))
        }
        count += values.count
        return start
    }

    /// Fills `values` with those from `start` on. Any thread may ask.
    ///
    /// - Returns: Whether they could be read.
    func read(_ start: Int, into values: UnsafeMutableBufferPointer<Float>) -> Bool {
        let bytes = UnsafeMutableRawBufferPointer(values)
        return Self.move(bytes.count) { done in
            pread(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, off_t(start * 4 + done))
        }
    }

    /// Asks `some`, which says how many bytes it moved of those behind the ones that are done, until all are.
    private static func move(_ bytes: Int, _ some: (Int) -> Int) -> Bool {
        var done = 0
        while done < bytes {
            let count = some(done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}
