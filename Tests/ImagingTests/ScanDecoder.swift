import CCodecs
import EfficientNet
import Foundation

@testable import Imaging

/// Decodes files in the tests' own process, where a debugger and sanitizers see it; the program itself has a decoder process do it.
enum ScanDecoder {
    /// Decodes the file at `url`.
    ///
    /// Throws ``ImagingError/unreadable(path:reason:)`` where it cannot be opened and
    /// ``ImagingError/undecodable(path:kind:reason:)`` where it is no scan, damaged, or over `limits`.
    static func decode(
        contentsOf url: URL, limits: ScanLimits = ScanLimits(), slicing: Slicing = Slicing(), least: LeastSize = .full
    ) throws(ImagingError) -> DecodedScan {
        // O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever.
        let descriptor = open(url.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw .unreadable(path: url.path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        return try decode(descriptor: descriptor, named: url.path, limits: limits, slicing: slicing, least: least)
    }

    /// Decodes the file behind `descriptor` from its start, whatever its offset, which does not move.
    ///
    /// `name` is for messages alone. Throws ``ImagingError/undecodable(path:kind:reason:)``.
    static func decode(
        descriptor: Int32, named name: String = "scan", limits: ScanLimits = ScanLimits(),
        slicing: Slicing = Slicing(), least: LeastSize = .full
    ) throws(ImagingError) -> DecodedScan {
        var decoderLimits = try limits.forDecoder()
        guard let planes = ScanPlanes(capacity: limits.maxPlaneBytes) else {
            throw .undecodable(
                path: name, kind: .noMemory, reason: "no room for \(limits.maxPlaneBytes) bytes of samples")
        }
        var decoderSlicing = slicing.forDecoder
        var decoderLeast = least.forDecoder
        var headers = [nr_frame](repeating: nr_frame(), count: limits.maxFrames)
        var tones = [nr_tone](repeating: nr_tone(), count: limits.maxFrames)
        var result = nr_result()
        let kind = headers.withUnsafeMutableBufferPointer { headers in
            tones.withUnsafeMutableBufferPointer { tones in
                result.frames = headers.baseAddress
                result.tones = tones.baseAddress
                return nr_decode(
                    descriptor, &decoderLimits, &decoderSlicing, &decoderLeast,
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
