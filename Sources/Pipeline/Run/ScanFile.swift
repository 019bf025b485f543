import CSystem
import Crypto
import Foundation
import Store

/// An open file of the inbox: its identity and its content's digest. Never decoded here.
struct ScanFile {
    let path: String
    let descriptor: Descriptor
    /// As it was when it was opened.
    let stamp: FileStamp

    /// What stands where a file was expected.
    enum OpenFailure: Error, Equatable {
        /// Not a regular file; never opened for reading its content.
        case skipped(SkipRule)
        case failed(ScanFailure)
    }

    init(opening path: String) throws(OpenFailure) {
        self.path = path
        // Asked before it is opened: opening a device or a FIFO alone can already change something.
        var before = nr_stamp()
        let opened: nr_stamp
        do throws(SystemError) { try check(nr_stamp_at(path, 1, &before)) } catch { throw OpenFailure(error) }
        if let other = OpenFailure(notRegular: before) { throw other }
        do throws(SystemError) {
            descriptor = try Descriptor.opening(path)
            opened = try descriptor.stamp()
        } catch {
            throw OpenFailure(error)
        }
        if let other = OpenFailure(notRegular: opened) { throw other }
        stamp = FileStamp(opened)
    }

    /// Whether the file still is what it was when it was opened.
    func isUnchanged() -> Bool {
        guard let now = try? descriptor.stamp() else { return false }
        return FileStamp(now) == stamp
    }

    /// SHA-256 of the content, hexadecimal, read in pieces of 1 MiB.
    ///
    /// - Parameter goOn: Asked between pieces; false ends it.
    /// - Returns: nil when `goOn` said no, or the file has another size than when it was opened.
    func digest(goOn: () -> Bool) throws(SystemError) -> String? {
        var hash = SHA256()
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        var offset: Int64 = 0
        while true {
            guard goOn() else { return nil }
            let count = pread(descriptor.number, &piece, piece.count, off_t(offset))
            if count < 0 {
                if errno == EINTR { continue }
                throw SystemError(code: errno)
            }
            if count == 0 { break }
            hash.update(data: piece[..<count])
            offset += Int64(count)
            // A file that grows as fast as it is read would never end.
            guard offset <= stamp.size else { return nil }
        }
        return offset == stamp.size ? hexadecimal(hash.finalize()) : nil
    }
}

extension ScanFile.OpenFailure {
    fileprivate init(_ error: SystemError) {
        switch error.code {
        case EISDIR: self = .skipped(.folderNamedLikeAScan)
        case ENXIO: self = .skipped(.specialFile)
        case ENOENT, ENOTDIR, ESTALE: self.init(.vanished, error)
        case EACCES, EPERM: self.init(.unreadable, error)
        default: self.init(.io, error)
        }
    }

    private init(_ kind: FailureKind, _ error: SystemError) {
        self = .failed(ScanFailure(stage: .open, kind: kind, reason: "the file cannot be opened: \(error)"))
    }

    /// For what is there but is no regular file; nil when it is one.
    fileprivate init?(notRegular stamp: nr_stamp) {
        switch stamp.kind {
        case UInt32(S_IFREG): return nil
        case UInt32(S_IFDIR): self = .skipped(.folderNamedLikeAScan)
        default: self = .skipped(.specialFile)
        }
    }
}

extension FileStamp {
    init(_ stamp: nr_stamp) {
        self.init(
            device: stamp.device, inode: stamp.inode, size: stamp.size, mtimeNanoseconds: stamp.mtime_ns,
            ctimeNanoseconds: stamp.ctime_ns)
    }
}
