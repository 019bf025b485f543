import CCodecs
import Foundation

/// A file format that Nightread writes pictures of its own in.
public enum PictureFormat: String, Sendable, CaseIterable {
    case png, tiff

    /// Encodes samples `[height, width, channels]`, gray (1 channel) or RGB (3), 8 or 16 bits; `nil` where their number
    /// does not fit the shape, the shape is none of these, or memory ran out.
    public func encode<Sample: FixedWidthInteger & UnsignedInteger>(
        _ samples: [Sample], width: Int, height: Int, channels: Int = 1
    ) -> Data? {
        guard width > 0, height > 0, channels > 0, width <= 1 << 20, height <= 1 << 20, channels <= 3,
            samples.count == width * height * channels
        else { return nil }
        let encoder = self == .png ? nr_encode_png : nr_encode_tiff
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = samples.withUnsafeBytes { buffer in
            encoder(
                buffer.baseAddress, UInt32(width), UInt32(height), UInt32(channels), UInt32(Sample.bitWidth), &bytes,
                &count)
        }
        guard status == 0, let bytes else { return nil }
        return Data(bytesNoCopy: bytes, count: count, deallocator: .free)
    }
}
