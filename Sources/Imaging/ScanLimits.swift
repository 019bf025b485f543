import CCodecs
import EfficientNet

/// How large a scan may be; checked before memory is taken for it.
public struct ScanLimits: Sendable, Hashable, Codable {
    /// Pixels of one frame (width × height).
    public var maxPixels: Int
    /// Bytes of all decoded frames of a file together.
    public var maxPlaneBytes: Int
    /// Bytes of the file itself.
    public var maxFileBytes: Int
    /// Frames of one file, 1 … `frameCeiling`.
    public var maxFrames: Int

    /// The most frames that `maxFrames` may ask for: it bounds the header that a decoder sends.
    public static let frameCeiling = 4096

    /// Limits; the defaults hold every common radiograph and a CT series in one file.
    public init(
        maxPixels: Int = 100_000_000, maxPlaneBytes: Int = 1 << 30, maxFileBytes: Int = 1 << 31, maxFrames: Int = 1024
    ) {
        self.maxPixels = maxPixels
        self.maxPlaneBytes = maxPlaneBytes
        self.maxFileBytes = maxFileBytes
        self.maxFrames = maxFrames
    }

    /// Throws ``ImagingError/badLimits(_:)`` where a limit is not positive or `maxFrames` is over `frameCeiling`.
    public func validate() throws(ImagingError) {
        for (name, value) in [
            ("max_pixels", maxPixels), ("max_plane_bytes", maxPlaneBytes), ("max_file_bytes", maxFileBytes),
            ("max_frames", maxFrames),
        ] where value < 1 {
            throw .badLimits("expected \(name) of at least 1, found \(value)")
        }
        guard maxFrames <= Self.frameCeiling else {
            throw .badLimits("expected max_frames of at most \(Self.frameCeiling), found \(maxFrames)")
        }
    }

    /// The same limits for a decoder. Throws what ``validate()`` throws.
    public func forDecoder() throws(ImagingError) -> nr_limits {
        try validate()
        return nr_limits(
            max_pixels: UInt64(maxPixels), max_plane_bytes: UInt64(maxPlaneBytes), max_file_bytes: UInt64(maxFileBytes),
            max_frames: UInt32(maxFrames), reserved: 0)
    }

    private enum CodingKeys: String, CodingKey {
        case maxPixels = "max_pixels"
        case maxPlaneBytes = "max_plane_bytes"
        case maxFileBytes = "max_file_bytes"
        case maxFrames = "max_frames"
    }
}

extension Slicing {
    /// The same for a decoder.
    public var forDecoder: nr_slicing {
        let axis =
            switch axis {
            case .axial: NR_AXIAL
            case .coronal: NR_CORONAL
            case .sagittal: NR_SAGITTAL
            }
        let (rule, step) =
            switch slices {
            case .all: (NR_SLICES_ALL, 1)
            case .middle: (NR_SLICES_MIDDLE, 1)
            case .every(let step): (NR_SLICES_EVERY, max(step, 1))
            }
        return nr_slicing(axis: axis.rawValue, rule: rule.rawValue, step: UInt32(clamping: step), reserved: 0)
    }
}
