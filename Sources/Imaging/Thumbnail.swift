import CKernels
import EfficientNet

/// A small 8-bit picture of a frame, for reports.
public struct Thumbnail: Sendable, Hashable {
    /// The longest side that reports use, in pixels.
    public static let reportSide = 192

    /// Pixels of a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// 1 gray, 3 RGB.
    public let channels: Int
    /// Interleaved rows, height × width × channels.
    public let pixels: [UInt8]

    /// A picture of given pixels. Throws ``ImagingError/wrongSize(what:expected:found:)`` where their number does not fit.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) throws(ImagingError) {
        guard (1...65_536).contains(width), (1...65_536).contains(height), channels == 1 || channels == 3 else {
            throw .notEncodable(width: width, height: height)
        }
        guard pixels.count == width * height * channels else {
            throw .wrongSize(what: "bytes of a thumbnail", expected: width * height * channels, found: pixels.count)
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// The frame with its longer side at most `side` pixels (never enlarged), after the intensity rule; min-is-white is turned,
    /// alpha left out. `planes` as for ``FramePreparation/prepare(_:samples:planes:into:)``, which see for what is thrown.
    public static func make(
        _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer,
        planes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        intensity: Preprocessing.Intensity, side: Int = reportSide
    ) throws(ImagingError) -> Thumbnail {
        try geometry.check(samples)
        try intensity.check()
        guard (1...65_536).contains(side) else { throw .notEncodable(width: side, height: side) }
        let longer = Double(max(geometry.fullWidth, geometry.fullHeight))
        let shrink = min(1, Double(side) / longer)
        let width = max(1, Int((Double(geometry.fullWidth) * shrink).rounded()))
        let height = max(1, Int((Double(geometry.fullHeight) * shrink).rounded()))
        let (plane, channels) = (width * height, geometry.preparedChannels)
        let rule = IntensityRule()
        let resolved = try rule.resolve(intensity, geometry, samples: samples, planes: planes)
        var planes = [Float](repeating: 0, count: plane * channels)
        var pixels = [UInt8](repeating: 0, count: plane * channels)
        planes.withUnsafeMutableBufferPointer { planes in
            pixels.withUnsafeMutableBufferPointer { pixels in
                guard let from = planes.baseAddress, let to = pixels.baseAddress else { return }
                PictureResizer().resize(
                    resolved, geometry, samples: samples, plan: ResizePlan(width: width, height: height),
                    interpolation: .bicubic, planes: from, row: width, plane: plane)
                for channel in 0..<channels {
                    nr_to_bytes(from + channel * plane, plane, to + channel, channels)
                }
            }
        }
        withExtendedLifetime(rule) {}
        return try Thumbnail(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// The picture as a PNG file. Throws ``ImagingError/notEncodable(width:height:)`` where memory runs out.
    public func png() throws(ImagingError) -> [UInt8] {
        guard let file = PictureFormat.png.encode(pixels, width: width, height: height, channels: channels) else {
            throw .notEncodable(width: width, height: height)
        }
        return [UInt8](file)
    }
}
