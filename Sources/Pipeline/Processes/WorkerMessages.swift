import CCodecs
import EfficientNet
import Foundation
import Imaging
public import Tensors

/// Messages between supervisor and worker: a fixed header, then a payload whose size is bounded by its kind. Native byte order:
/// both ends are the same program on the same machine.
enum WorkerMessage {
    /// What a message is.
    enum Kind: UInt32 {
        // supervisor → worker
        /// JSON `WorkerStart`, with the planes' descriptor. Answer: `hello`.
        case start = 1
        /// `FrameMessage`. Answer: `reading`.
        case read = 2
        /// `FrameMessage`. Answer: `picture`.
        case thumbnail = 3
        // worker → supervisor
        /// JSON `WorkerHello`.
        case hello = 16
        /// `ReadingMessage`.
        case reading = 17
        /// `PictureMessage`.
        case picture = 18
        /// JSON `WorkerRefusal`: this frame (or this model) cannot be done; the worker goes on.
        case refusal = 19

        /// The largest payload that may follow.
        var limit: Int {
            switch self {
            case .start, .hello: 1 << 16
            case .read, .thumbnail: MemoryLayout<nr_frame>.size + MemoryLayout<nr_tone>.size
            case .reading: 32 + 8 * WorkerMessage.maxLabels
            case .picture: 16 + 3 * Thumbnail.reportSide * Thumbnail.reportSide
            case .refusal: 4096
            }
        }
    }

    /// The most labels that a model may have.
    static let maxLabels = 65_536
    static let magic: UInt32 = 0x4b57_524e
    static let headerSize = 24

    /// Header and payload of one message.
    static func bytes(_ kind: Kind, token: UInt64, _ payload: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        writer.append(magic)
        writer.append(kind.rawValue)
        writer.append(token)
        writer.append(UInt32(payload.count))
        writer.append(UInt32(0))
        return writer.bytes + payload
    }

    /// A checked header.
    struct Header: Equatable {
        let kind: Kind
        let token: UInt64
        let payload: Int

        init(_ bytes: [UInt8]) throws(ProtocolError) {
            var reader = ByteReader(bytes)
            let magic = try reader.next(UInt32.self)
            let kind = try reader.next(UInt32.self)
            token = try reader.next(UInt64.self)
            let payload = try reader.next(UInt32.self)
            let reserved = try reader.next(UInt32.self)
            try reader.finish()
            guard magic == WorkerMessage.magic, reserved == 0, let kind = Kind(rawValue: kind) else {
                throw ProtocolError(reason: "not a message: kind \(kind)")
            }
            guard payload <= UInt32(kind.limit) else { throw ProtocolError(reason: "a payload of \(payload) bytes") }
            self.kind = kind
            self.payload = Int(payload)
        }
    }
}

/// What a worker is to do all night.
struct WorkerStart: Codable, Equatable {
    /// Folder of the model package, for its self-test; the model itself comes packed.
    var package: String
    var preprocessing: Preprocessing
    /// Size of the shared memory that holds the packed model.
    var sharedBytes: Int
    var limits: ScanLimits
    var planesCapacity: Int
    /// Whether the package's self-test runs before the answer.
    var selfTest: Bool
}

/// What a worker has loaded.
struct WorkerHello: Codable, Equatable {
    /// The package's, as this process found it.
    var digest: String
    var labels: Int
    /// Nil when it was not asked for, or the package has none.
    var selfTest: SelfTestResult?
}

/// What a model's self-test showed: how far this machine's numbers are from those that the package promises.
public struct SelfTestResult: Codable, Sendable, Hashable {
    /// Pictures that were tried.
    public var cases: Int
    /// Largest difference of a prepared sample.
    public var preparedError: Double
    /// Largest difference of a logit, in standard deviations of that picture's promised logits.
    public var logitsError: Double
    /// What the network computed in.
    public var precision: Precision

    /// A prepared sample may be this far from the promised one.
    public static let preparedTolerance = 1e-3
    /// A logit may be this many standard deviations from the promised one (single precision, other summation orders).
    public static let logitsTolerance = 1e-3
    /// The same in bfloat16, whose numbers have 8 bits. Coarse, for what it has to find is wrong in bfloat16 alone: the model has
    /// passed in float before. A demo model of three labels is off by 0.24.
    public static let logitsToleranceBF16 = 0.5

    /// How many standard deviations a logit may be off.
    public var logitsLimit: Double { precision == .bf16 ? Self.logitsToleranceBF16 : Self.logitsTolerance }

    /// Whether this machine reproduces the model.
    public var passed: Bool {
        cases > 0 && preparedError <= Self.preparedTolerance && logitsError <= logitsLimit
    }
}

/// A refusal, in the words of whoever refused.
struct WorkerRefusal: Codable, Equatable {
    /// `model`, `prepare` or `network`.
    var stage: String
    var reason: String
}

/// One frame in the planes: `nr_frame`, then its `nr_tone`.
struct FrameMessage: Equatable {
    var frame: FrameGeometry

    var payload: [UInt8] {
        withUnsafeBytes(of: frame.header, Array.init) + withUnsafeBytes(of: frame.tone.header, Array.init)
    }

    init(_ frame: FrameGeometry) { self.frame = frame }

    /// Checks the geometry again: a worker believes nobody either.
    init(_ payload: [UInt8], limits: ScanLimits, planesCapacity: Int) throws(ProtocolError) {
        let size = MemoryLayout<nr_frame>.size
        guard payload.count == size + MemoryLayout<nr_tone>.size else {
            throw ProtocolError(reason: "a frame's header of \(payload.count) bytes")
        }
        let (frame, tone) = payload.withUnsafeBytes { bytes in
            (bytes.loadUnaligned(as: nr_frame.self), bytes.loadUnaligned(fromByteOffset: size, as: nr_tone.self))
        }
        do throws(ImagingError) {
            self.frame = try FrameGeometry(
                validating: frame, tones: [try Tone(validating: tone, planesCapacity: planesCapacity)], limits: limits,
                planesCapacity: planesCapacity)
        } catch {
            throw ProtocolError(reason: "\(error)")
        }
    }
}

/// What a worker says of one frame.
struct ReadingMessage: Equatable {
    /// In the labels' order.
    var probabilities: [Double]
    /// From what the model was trained on, 0 or more; nil for a model that does not say.
    var distance: Double?
    var prepareMilliseconds: Double
    var networkMilliseconds: Double

    var payload: [UInt8] {
        var writer = ByteWriter()
        // No distance is NaN.
        writer.append((distance ?? .nan).bitPattern)
        writer.append(prepareMilliseconds.bitPattern)
        writer.append(networkMilliseconds.bitPattern)
        writer.append(UInt64(probabilities.count))
        probabilities.forEach { writer.append($0.bitPattern) }
        return writer.bytes
    }

    init(
        probabilities: [Double], distance: Double? = nil, prepareMilliseconds: Double, networkMilliseconds: Double
    ) {
        self.probabilities = probabilities
        self.distance = distance
        self.prepareMilliseconds = prepareMilliseconds
        self.networkMilliseconds = networkMilliseconds
    }

    /// - Parameters:
    ///   - labels: How many probabilities there must be.
    ///   - sumToOne: Whether they exclude each other.
    ///   - hasDistance: Whether there must be a distance.
    init(_ payload: [UInt8], labels: Int, sumToOne: Bool, hasDistance: Bool) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let distance = Double(bitPattern: try reader.next(UInt64.self))
        self.distance = hasDistance ? distance : nil
        prepareMilliseconds = Double(bitPattern: try reader.next(UInt64.self))
        networkMilliseconds = Double(bitPattern: try reader.next(UInt64.self))
        let count = try reader.next(UInt64.self)
        guard count == UInt64(labels) else {
            throw ProtocolError(reason: "\(count) probabilities for \(labels) labels")
        }
        probabilities = []
        probabilities.reserveCapacity(labels)
        for _ in 0..<labels { probabilities.append(Double(bitPattern: try reader.next(UInt64.self))) }
        try reader.finish()
        guard [prepareMilliseconds, networkMilliseconds].allSatisfy({ $0 >= 0 && $0 < 1e9 }) else {
            throw ProtocolError(reason: "times of \(prepareMilliseconds) and \(networkMilliseconds) ms")
        }
        guard hasDistance ? distance >= 0 : distance.isNaN else {
            throw ProtocolError(reason: "a distance of \(distance)")
        }
        guard probabilities.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
            throw ProtocolError(reason: "probabilities outside 0…1")
        }
        let sum = probabilities.reduce(0, +)
        guard !sumToOne || abs(sum - 1) < 1e-3 else { throw ProtocolError(reason: "probabilities that sum to \(sum)") }
    }
}

/// A small picture of a frame.
struct PictureMessage: Equatable {
    var thumbnail: Thumbnail

    var payload: [UInt8] {
        var writer = ByteWriter()
        for value in [thumbnail.width, thumbnail.height, thumbnail.channels, 0] { writer.append(UInt32(value)) }
        return writer.bytes + thumbnail.pixels
    }

    init(_ thumbnail: Thumbnail) { self.thumbnail = thumbnail }

    init(_ payload: [UInt8]) throws(ProtocolError) {
        var reader = ByteReader(payload)
        let width = Int(try reader.next(UInt32.self))
        let height = Int(try reader.next(UInt32.self))
        let channels = Int(try reader.next(UInt32.self))
        _ = try reader.next(UInt32.self)
        guard max(width, height) <= Thumbnail.reportSide else {
            throw ProtocolError(reason: "a thumbnail of \(width) × \(height)")
        }
        do throws(ImagingError) {
            thumbnail = try Thumbnail(width: width, height: height, channels: channels, pixels: reader.rest())
        } catch {
            throw ProtocolError(reason: "\(error)")
        }
    }
}
