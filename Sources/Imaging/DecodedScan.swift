import CCodecs
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

/// A decoded scan whose samples lie in this process' memory.
public struct DecodedScan: Sendable {
    /// The file's format.
    public let format: ScanFormat
    /// What the file says of itself.
    public let description: ScanDescription
    /// At least one.
    public let frames: [FrameGeometry]
    /// All frames' samples, at the frames' offsets.
    public let planes: ScanPlanes

    /// What a decoder answered, once it has been checked against the planes.
    public init(
        format: ScanFormat, description: ScanDescription, frames: [FrameGeometry], planes: ScanPlanes
    ) {
        self.format = format
        self.description = description
        self.frames = frames
        self.planes = planes
    }

    /// Calls `body` with the samples of the frame of number `index` (from 0), `frames[index].bytes` long.
    public func withSamples<Result, Failure: Error>(
        ofFrame index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let frame = frames[index]
        return try body(UnsafeRawBufferPointer(rebasing: planes.bytes[frame.offset..<frame.offset + frame.bytes]))
    }
}

/// The memory that a decoder has filled: taken from the system page by page as it is written, so that it can be as large as the limits
/// without costing more than the scan does.
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

    /// Maps the shared memory of `descriptor`, which a decoder process has filled, to be read alone; nil where that cannot be.
    public init?(mapping descriptor: Int32, capacity: Int) {
        guard let start = mmap(nil, capacity, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
            return nil
        }
        memory = UnsafeMutableRawBufferPointer(start: start, count: capacity)
    }

    deinit {
        munmap(memory.baseAddress, memory.count)
    }
}

extension nr_failure {
    /// The message, whatever bytes a decoder put there: never read past its end, never anything but UTF-8.
    public var text: String {
        withUnsafeBytes(of: message) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
