import Crypto
import Foundation
import Testing

/// Decoder test files that are too many or not ours to keep in the repository: the folder `shared` beside it.
enum Corpus {
    /// `shared/data/decoders`; absent on most machines, so that its tests are skipped there.
    static let folder = URL(filePath: #filePath).appending(path: "../../../../shared/data/decoders").standardizedFileURL

    static var isThere: Bool { FileManager.default.fileExists(atPath: folder.path) }

    /// Why a test that needs it was skipped.
    static let absence: Comment = "needs the decoder files in ../shared/data/decoders"

    /// Every file below `path`.
    static func files(_ path: String) throws -> [URL] {
        let start = folder.appending(path: path)
        let paths = try FileManager.default.subpathsOfDirectory(atPath: start.path).sorted()
        return paths.map { start.appending(path: $0) }.filter { !$0.hasDirectoryPath }.filter {
            (try? $0.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile) == true
        }
    }
}

/// Hexadecimal SHA-256.
func sha256(_ bytes: UnsafeRawBufferPointer) -> String {
    SHA256.hash(data: bytes).map { byte in String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }.joined()
}

/// Lines of a text fixture.
func fixture(_ name: String, _ type: String) throws -> [Substring] {
    let file = try #require(Bundle.module.url(forResource: name, withExtension: type, subdirectory: "Fixtures"))
    return try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
}
