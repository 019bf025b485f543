import CKernels
import EfficientNet

/// What the network sees of a frame, as a picture: after intensity rule, resize and crop, before normalisation.
public enum PreparedPicture {
    /// The picture in 8 bits, as large as the network's input. Gray frames stay gray.
    ///
    /// Throws what ``FramePreparation/prepare(_:samples:planes:into:)`` throws.
    public static func make(
        of scan: DecodedScan, frame index: Int, _ preprocessing: Preprocessing, named name: String
    ) throws(ImagingError) -> Thumbnail {
        var plain = preprocessing
        // Prepared values are (x − mean) / std: with these they stay the intensities in 0…1.
        plain.mean = [0, 0, 0]
        plain.std = [1, 1, 1]
        let input = try FramePreparation(plain).input(of: scan, frame: index, named: name)
        let side = preprocessing.resolution
        let channels = scan.frames[index].preparedChannels
        var pixels = [UInt8](repeating: 0, count: side * side * channels)
        input.scalars.withUnsafeBufferPointer { planes in
            pixels.withUnsafeMutableBufferPointer { pixels in
                guard let from = planes.baseAddress, let to = pixels.baseAddress else { return }
                for channel in 0..<channels {
                    nr_to_bytes(from + channel * side * side, side * side, to + channel, channels)
                }
            }
        }
        return try Thumbnail(width: side, height: side, channels: channels, pixels: pixels)
    }
}
