import Foundation
import Imaging
import Testing

/// A folder that a test writes into, removed with the value.
final class ScratchFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "nightread-imaging-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    func write(_ bytes: some Sequence<UInt8>, to name: String = "scan") throws -> URL {
        let file = url.appending(path: name)
        try Data(bytes).write(to: file)
        return file
    }
}

/// Decodes bytes through a file of a name that says nothing about the format.
func decode(_ bytes: some Sequence<UInt8>, limits: ScanLimits = ScanLimits()) throws -> DecodedScan {
    let folder = try ScratchFolder()
    return try ScanDecoder.decode(contentsOf: try folder.write(bytes), limits: limits)
}

/// Bytes of a fixture written as base64 in the tests.
func base64(_ text: String) throws -> [UInt8] {
    Array(try #require(Data(base64Encoded: text)))
}

extension DecodedScan {
    /// A frame's samples in order, as integers or floating point numbers of the asked type.
    func samples<T: BitwiseCopyable>(_ type: T.Type, frame: Int = 0) -> [T] {
        withSamples(ofFrame: frame) { bytes in
            (0..<bytes.count / MemoryLayout<T>.size).map {
                bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: T.self)
            }
        }
    }
}

/// The kind of failure that decoding ends in, nil where it ends well.
func failureKind(_ body: () throws -> some Any) throws -> ImagingError.DecodeFailure? {
    do {
        _ = try body()
        return nil
    } catch ImagingError.undecodable(_, let kind, _) {
        return kind
    }
}
