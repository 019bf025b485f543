import CCodecs
import EfficientNet
import Foundation

/// A file format, recognised by content. The raw values are those of `nr_format` in `codec.h`.
public enum ScanFormat: UInt32, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    case png = 1
    case tiff = 2
    case dicom = 3
    case jpeg = 4
    case nifti = 5

    /// The format's own name.
    public var description: String {
        switch self {
        case .png: "PNG"
        case .tiff: "TIFF"
        case .dicom: "DICOM"
        case .jpeg: "JPEG"
        case .nifti: "NIfTI"
        }
    }
}

/// A scan decoded in this process: for single files of one's own, tests and tools.
///
/// Scans of others go through a decoder process, which this type knows nothing of.
public struct DecodedScan: Sendable {
    /// The file's format.
    public let format: ScanFormat
    /// What the file says of itself.
    public let description: ScanDescription
    /// At least one.
    public let frames: [FrameGeometry]
    /// All frames' samples, at the frames' offsets.
    public let planes: ScanPlanes

    /// Calls `body` with the samples of the frame of number `index` (from 0), `frames[index].bytes` long.
    public func withSamples<Result, Failure: Error>(
        ofFrame index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let frame = frames[index]
        return try body(UnsafeRawBufferPointer(rebasing: planes.bytes[frame.offset..<frame.offset + frame.bytes]))
    }
}

/// The memory that a decoder fills: taken from the system page by page as it is written, so that it can be as large as
/// the limits without costing more than the scan does.
///
/// `@unchecked Sendable`: written only by the decoder before it is handed out, and read-only from then on.
public final class ScanPlanes: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer

    /// All samples.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    /// Reserves `capacity` bytes of zeroes, or nil where the address space has no room.
    init?(capacity: Int) {
        guard
            let start = mmap(
                nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
            start != MAP_FAILED
        else { return nil }
        memory = UnsafeMutableRawBufferPointer(start: start, count: capacity)
    }

    deinit {
        munmap(memory.baseAddress, memory.count)
    }
}

/// Decodes files in this process.
public enum ScanDecoder {
    /// Decodes the file at `url`.
    ///
    /// Throws ``ImagingError/unreadable(path:reason:)`` where it cannot be opened and
    /// ``ImagingError/undecodable(path:kind:reason:)`` where it is no scan, damaged, or over `limits`.
    public static func decode(
        contentsOf url: URL, limits: ScanLimits = ScanLimits(), slicing: Slicing = Slicing()
    ) throws(ImagingError) -> DecodedScan {
        // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw .unreadable(path: url.path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        return try decode(descriptor: descriptor, named: url.path, limits: limits, slicing: slicing)
    }

    /// Decodes the file behind `descriptor` from its start, whatever its offset, which does not move.
    ///
    /// `name` is for messages alone. Throws ``ImagingError/undecodable(path:kind:reason:)``.
    public static func decode(
        descriptor: Int32, named name: String = "scan", limits: ScanLimits = ScanLimits(),
        slicing: Slicing = Slicing()
    ) throws(ImagingError) -> DecodedScan {
        var decoderLimits = try limits.forDecoder()
        guard let planes = ScanPlanes(capacity: limits.maxPlaneBytes) else {
            throw .undecodable(
                path: name, kind: .noMemory, reason: "no room for \(limits.maxPlaneBytes) bytes of samples")
        }
        var decoderSlicing = slicing.forDecoder
        var headers = [nr_frame](repeating: nr_frame(), count: limits.maxFrames)
        var tones = [nr_tone](repeating: nr_tone(), count: limits.maxFrames)
        var result = nr_result()
        let kind = headers.withUnsafeMutableBufferPointer { headers in
            tones.withUnsafeMutableBufferPointer { tones in
                result.frames = headers.baseAddress
                result.tones = tones.baseAddress
                return nr_decode(
                    descriptor, &decoderLimits, &decoderSlicing,
                    planes.memory.baseAddress?.assumingMemoryBound(to: UInt8.self), planes.memory.count, &result)
            }
        }
        guard kind == 0 else {
            throw .undecodable(
                path: name, kind: ImagingError.DecodeFailure(rawValue: UInt32(kind)) ?? .corrupt,
                reason: result.failure.text)
        }
        guard let format = ScanFormat(rawValue: result.format) else {
            throw .badGeometry("expected a known format, found \(result.format)")
        }
        return DecodedScan(
            format: format, description: ScanDescription(result.scan),
            frames: try FrameGeometry.validate(
                headers.prefix(Int(result.frame_count)), tones: tones.prefix(Int(result.tone_count)), limits: limits,
                planesCapacity: planes.memory.count),
            planes: planes)
    }
}

extension nr_failure {
    /// The message, whatever bytes a decoder put there: never read past its end, never anything but UTF-8.
    public var text: String {
        withUnsafeBytes(of: message) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
