import Foundation
import Tensors

/// Writes the files of a package so that a folder of that name is either absent or whole.
enum PackageFolder {
    static func write(_ files: [(name: String, data: Data)], to folder: URL) throws {
        let path = folder.standardizedFileURL.path(percentEncoded: false)
        let final = path.hasSuffix("/") ? String(path.dropLast()) : path
        guard !FileManager.default.fileExists(atPath: final) else {
            throw EfficientNetError.cannotWrite(
                path: final, reason: "it exists already; remove it or choose another name")
        }
        let part = final + ".part"
        try? FileManager.default.removeItem(atPath: part)
        do {
            try FileManager.default.createDirectory(atPath: part, withIntermediateDirectories: true)
        } catch {
            throw EfficientNetError.cannotWrite(path: part, reason: TensorError.reason(error))
        }
        for file in files {
            try writeFlushed(file.data, to: part + "/" + file.name)
        }
        try flush(part)
        guard rename(part, final) == 0 else { throw failure(final) }
        try flush(URL(filePath: final).deletingLastPathComponent().path(percentEncoded: false))
    }

    private static func writeFlushed(_ data: Data, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw failure(path) }
        do {
            try handle.write(contentsOf: data)
            try handle.synchronize()
            try handle.close()
        } catch {
            throw EfficientNetError.cannotWrite(path: path, reason: TensorError.reason(error))
        }
    }

    /// Flushes a folder's entries: without this the rename may be lost with the power.
    private static func flush(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure(path) }
    }

    private static func failure(_ path: String) -> EfficientNetError {
        .cannotWrite(path: path, reason: String(cString: strerror(errno)))
    }
}
