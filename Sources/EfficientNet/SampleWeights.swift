public import Foundation
import Tensors

/// Weights of a sensible size that no file holds, for measurements of speed: the values do not matter to it, but
/// they must not grow to infinity or shrink to subnormal numbers, which do.
enum SampleWeights {
    /// One tensor per parameter.
    static func make(_ parameters: [Layer.Parameter]) throws(EfficientNetError) -> [String: Tensor] {
        var tensors: [String: Tensor] = [:]
        var state: UInt32 = 1
        for parameter in parameters {
            let isMatrix = parameter.shape.count > 1
            let fan = Float(parameter.shape.dropFirst().reduce(1, *))
            let amplitude = isMatrix ? (6 / fan).squareRoot() : 0
            let isScale = !isMatrix && !parameter.name.hasSuffix("bias") && !parameter.name.hasSuffix("mean")
            let scalars = (0..<parameter.count).map { _ in
                // A linear congruential generator (Numerical Recipes); its upper bits are even enough here.
                state = state &* 1_664_525 &+ 1_013_904_223
                return (isScale ? 1 : 0) + amplitude * (Float(state >> 8) / Float(1 << 23) - 1)
            }
            do {
                tensors[parameter.name] = try Tensor(shape: parameter.shape, scalars: scalars)
            } catch {
                throw .tensors(error)
            }
        }
        return tensors
    }
}

extension Weights {
    /// `SampleWeights`.
    package init(evenly parameters: [Layer.Parameter]) throws(EfficientNetError) {
        try self.init(SampleWeights.make(parameters), parameters: parameters)
    }
}

extension ModelPackage {
    /// Writes a package of a variant's full size, with 1000 labels and weights that a formula makes, to measure how it is opened.
    ///
    /// - Throws: as `write` does.
    public static func writeSample(_ variant: Variant, to folder: URL) throws(EfficientNetError) {
        let manifest = ModelManifest(
            name: "sample", variant: variant, padding: .same, labels: (0..<1000).map { "label \($0)" })
        try write(
            manifest: manifest, weights: SampleWeights.make(manifest.parameters), selfTest: nil, to: folder)
    }
}
