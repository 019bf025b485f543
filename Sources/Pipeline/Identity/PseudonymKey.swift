import Crypto
import Foundation
import Glibc
import Store

/// The secret that pseudonyms are made with: 32 random bytes in a file for its owner alone, made once and never changed.
struct PseudonymKey: Sendable {
    private static let size = 32

    private let key: SymmetricKey

    /// The key in the file at `path`.
    ///
    /// - Parameter make: Whether a file that is missing is made.
    /// - Throws: `PipelineError.missing` where there is none, `.usage` for a file that others may read or that holds no key,
    ///   `.system` where it cannot be read or made.
    init(file path: String, make: Bool) throws(PipelineError) {
        if make, let made = try Self.made(path) {
            key = made
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT {
                throw .missing(
                    what: "the key of the pseudonyms", path: path,
                    cause: "no such file; the store was begun with it: put it back, or begin another store")
            }
            throw .system(action: "\(path): opening the key of the pseudonyms", code: errno)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw .usage("\(path): expected the key of the pseudonyms, a regular file, found something else")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw .usage(
                "\(path): expected a key that its owner alone may read (mode 0600), found mode "
                    + "0\(String(status.st_mode & 0o777, radix: 8)): chmod 600 it if nobody has read it, else begin another store"
            )
        }
        var text = [UInt8](repeating: 0, count: 2 * Self.size + 2)
        let count = read(descriptor, &text, text.count)
        guard count >= 0 else { throw .system(action: "\(path): reading the key of the pseudonyms", code: errno) }
        let digits = text[..<count].reversed().drop { $0 == UInt8(ascii: "\n") }.reversed()
        guard let bytes = Self.bytes(hexadecimal: Array(digits)), bytes.count == Self.size else {
            throw .usage("\(path): expected a key of \(2 * Self.size) hexadecimal digits, found something else")
        }
        key = SymmetricKey(data: bytes)
    }

    /// Makes a key where there is no file, complete or not at all; nil where there is one.
    private static func made(_ path: String) throws(PipelineError) -> SymmetricKey? {
        guard access(path, F_OK) != 0 else { return nil }
        let key = SymmetricKey(size: .init(bitCount: 8 * size))
        let text = hexadecimal(key.withUnsafeBytes { Array($0) }) + "\n"
        do throws(StoreError) {
            try OutputFile.write(Array(text.utf8), to: URL(fileURLWithPath: path))
        } catch {
            throw .store(error)
        }
        return key
    }

    private static func bytes(hexadecimal digits: [UInt8]) -> [UInt8]? {
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let value = UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16),
                digits[index] != UInt8(ascii: "+")
            else { return nil }
            bytes.append(value)
        }
        return bytes
    }

    /// HMAC-SHA-256 (RFC 2104) of `parts`, each with its length before it, so that no two lists are the same message.
    func code(_ parts: [[UInt8]]) -> [UInt8] {
        var code = HMAC<SHA256>(key: key)
        for part in parts {
            code.update(data: withUnsafeBytes(of: UInt64(part.count).bigEndian) { Array($0) })
            code.update(data: part)
        }
        return Array(code.finalize())
    }

    /// Tells this key from others, without saying anything of it.
    var check: String { hexadecimal(code([Array("check".utf8)]).prefix(8)) }
}
