/// Why a scan could not be decoded or prepared. The description is the message shown to users.
public enum ImagingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What kind of failure a decoder met; the numbers are those of `nr_failure_kind` in `codec.h`.
    public enum DecodeFailure: UInt32, Sendable, Hashable, CaseIterable {
        /// The file holds no bytes.
        case empty = 1
        /// None of the formats that are read.
        case unrecognised = 2
        /// Ends before its data does.
        case truncated = 3
        /// Contradicts itself or its standard.
        case corrupt = 4
        /// Well-formed, but a variant that is not read.
        case unsupported = 5
        /// Larger than the limits allow.
        case overLimit = 6
        /// Memory could not be had.
        case noMemory = 7
        /// The file could not be read.
        case io = 8
        /// Well-formed, but holds no picture: a report, a plan, a directory.
        case noPicture = 9
    }

    /// The file could not be opened.
    case unreadable(path: String, reason: String)
    /// The decoder refused the file.
    case undecodable(path: String, kind: DecodeFailure, reason: String)
    /// A frame header contradicts itself or the limits; in-process it cannot happen, over a socket it is an attack or a bug.
    case badGeometry(String)
    /// Limits that cannot be kept.
    case badLimits(String)
    /// A preprocessing that cannot be carried out.
    case badPreprocessing(String)
    /// The samples or the result do not have the size that the geometry or the resolution asks for.
    case wrongSize(what: String, expected: Int, found: Int)
    /// A floating point frame without a single finite sample.
    case noFiniteSample
    /// A scan has fewer frames than asked for. Frames count from 0.
    case noSuchFrame(path: String, asked: Int, frames: Int)
    /// A picture could not be encoded as PNG.
    case notEncodable(width: Int, height: Int)

    /// The message shown to users.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): cannot be opened: \(reason)"
        case .undecodable(let path, let kind, let reason): "\(path): \(kind.words): \(reason)"
        case .badGeometry(let reason): "a decoded frame's header is refused: \(reason)"
        case .badLimits(let reason): "limits: \(reason)"
        case .badPreprocessing(let reason): "preprocessing: \(reason)"
        case .wrongSize(let what, let expected, let found): "\(what): expected \(expected), found \(found)"
        case .noFiniteSample: "the frame has no finite sample (all are NaN or infinite)"
        case .noSuchFrame(let path, let asked, let frames):
            "\(path): expected a frame from 0 to \(frames - 1), found --frame \(asked)"
        case .notEncodable(let width, let height):
            "expected a picture of 1 to 65536 pixels a side to encode as PNG, found \(width) × \(height)"
        }
    }
}

extension ImagingError.DecodeFailure {
    /// A few words for a message.
    public var words: String {
        switch self {
        case .empty: "empty file"
        case .unrecognised: "not a scan"
        case .truncated: "truncated"
        case .corrupt: "corrupt"
        case .unsupported: "not supported"
        case .overLimit: "over the limits"
        case .noMemory: "out of memory"
        case .io: "cannot be read"
        case .noPicture: "no picture"
        }
    }
}
