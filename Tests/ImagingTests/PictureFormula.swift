import EfficientNet
import Foundation
import Imaging

/// The pictures of `Fixtures/make_pillow.py`: ramps, fine texture and hard edges.
enum PictureFormula {
    static func pixel(_ x: Int, _ y: Int, _ c: Int) -> UInt8 {
        let ramp = x * 37 / 16 + y * 91 / 16
        let texture = x * y % 53 * 2
        let edges = (x / 16 + y / 16) % 2 * 128
        return UInt8((ramp + texture + c * 67 + edges) % 256)
    }

    static func bytes(width: Int, height: Int, channels: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(width * height * channels)
        for y in 0..<height {
            for x in 0..<width {
                for c in 0..<channels { bytes.append(pixel(x, y, c)) }
            }
        }
        return bytes
    }
}

/// Prepares samples of any type; the prepared planes, [3, R, R].
func prepare<Sample: BitwiseCopyable>(
    _ samples: [Sample], _ geometry: FrameGeometry, _ preprocessing: Preprocessing
) throws -> [Float] {
    let preparation = try FramePreparation(preprocessing)
    var result = [Float](repeating: .nan, count: preparation.inputCount)
    try samples.withUnsafeBytes { samples in
        try result.withUnsafeMutableBufferPointer { try preparation.prepare(geometry, samples: samples, into: $0) }
    }
    return result
}

extension Preprocessing {
    /// Intensities themselves: nothing is subtracted.
    static func plain(
        _ resolution: Int, intensity: Intensity = .fullRange, fit: Fit = .squash,
        interpolation: Interpolation = .bicubic
    ) -> Preprocessing {
        Preprocessing(
            resolution: resolution, intensity: intensity, fit: fit, cropFraction: 1, interpolation: interpolation,
            mean: [0, 0, 0], std: [1, 1, 1])
    }
}
