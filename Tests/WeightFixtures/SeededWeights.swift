public import EfficientNet
import Foundation
public import Tensors

/// Deterministic weights and images: every value is a formula of the tensor's name, its index and a seed.
///
///     value(name, i) = u(splitmix64(fnv1a64(name) + seed · 0x9E3779B97F4A7C15 + i)), u in [-1, 1)
///
/// The reference implementation's outputs for the same formula are in the oracle and in Fixtures.
public enum SeededWeights {
    /// Gain of the weights' range; keeps the logits finite and dependent on the image.
    public static func gain(_ variant: Variant) -> Double {
        switch variant {
        case .b4: 5.75
        case .b5: 5.5
        case .b6: 5.25
        case .b7, .v2b0: 5.0
        case .v2b1: 4.75
        case .v2b2: 4.5
        case .v2b3: 4.25
        case .v2s: 3.75
        case .v2m: 3.45
        case .v2l: 3.3
        default: 6.0
        }
    }

    /// `count` numbers in -1..<1.
    public static func uniform(_ name: String, seed: UInt64, count: Int) -> [Double] {
        let base = name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        let start = base &+ seed &* 0x9E37_79B9_7F4A_7C15
        return (0..<count).map { index in
            var x = start &+ UInt64(index) &+ 0x9E37_79B9_7F4A_7C15
            x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
            x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
            x ^= x >> 31
            return Double(x >> 40) / Double(1 << 23) - 1
        }
    }

    /// One tensor per parameter.
    public static func tensors(
        _ parameters: [Layer.Parameter], variant: Variant, seed: UInt64
    ) throws -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for parameter in parameters {
            let values = uniform(parameter.name, seed: seed, count: parameter.count)
            let scalars: [Float]
            if parameter.shape.count > 1 {
                let factor = (gain(variant) / Double(parameter.shape.dropFirst().reduce(1, *))).squareRoot()
                scalars = values.map { Float($0 * factor) }
            } else if parameter.name.hasSuffix("running_var") {
                scalars = values.map { Float(1 + 0.4 * $0) }
            } else if parameter.name.hasSuffix(".weight") {
                scalars = values.map { Float(1 + 0.2 * $0) }
            } else {
                scalars = values.map { Float(0.1 * $0) }
            }
            result[parameter.name] = try Tensor(shape: parameter.shape, scalars: scalars)
        }
        return result
    }

    /// [1, 3, height, width]: smooth waves and noise in 0…1, normalised with ImageNet's mean and standard deviation.
    public static func image(seed: UInt64, height: Int, width: Int) throws -> Tensor {
        let noise = uniform("image", seed: seed, count: 3 * height * width)
        var scalars: [Float] = []
        scalars.reserveCapacity(noise.count)
        for c in 0..<3 {
            let (mean, std) = (Float(Preprocessing.imageNetMean[c]), Float(Preprocessing.imageNetStd[c]))
            for y in 0..<height {
                let vertical = cos(Double(y) / (11 + Double(c)))
                for x in 0..<width {
                    let wave = 0.5 + 0.3 * sin(Double(x) / (7 + Double(c)) + Double(seed)) * vertical
                    let value = wave + 0.15 * noise[(c * height + y) * width + x]
                    scalars.append((Float(min(max(value, 0), 1)) - mean) / std)
                }
            }
        }
        return try Tensor(shape: [1, 3, height, width], scalars: scalars)
    }
}
