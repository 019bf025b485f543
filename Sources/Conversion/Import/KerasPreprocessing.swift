import EfficientNet
import Tensors

/// What Keras' own layers do to pixels, as means and standard deviations of intensities in 0…1.
enum KerasPreprocessing {
    /// - Returns: nil where the model has no such layers.
    /// - Throws: layers that together are none of these.
    static func statistics(
        _ steps: [KerasModel.Step], _ named: NamedTensors, _ source: SourceFile
    ) throws(ConversionError) -> (mean: [Double], std: [Double])? {
        guard !steps.isEmpty else { return nil }
        // pixel · scale + offset, of a pixel of 0…255.
        var scale = [1.0, 1.0, 1.0]
        var offset = [0.0, 0.0, 0.0]
        for step in steps {
            let factor: [Double]
            let shift: [Double]
            switch step {
            case .rescaling(let scale, let offset): (factor, shift) = (scale, offset)
            case .normalization(let mean, let variance): (factor, shift) = normalization(mean, variance)
            case .normalizationVariables(let layer):
                (factor, shift) = normalization(
                    try variable("\(layer)/mean", named, source), try variable("\(layer)/variance", named, source))
            }
            scale = zip(scale, factor).map { $0 * $1 }
            offset = (0..<3).map { offset[$0] * factor[$0] + shift[$0] }
        }
        guard scale.allSatisfy({ $0.isFinite && $0 > 0 }), offset.allSatisfy(\.isFinite) else {
            throw .notOurs(
                path: source.path,
                reason:
                    "the model's Rescaling and Normalization make \(scale) · pixel + \(offset): expected factors over 0"
            )
        }
        let std = scale.map { 1 / (255 * $0) }
        return (zip(offset, std).map { 0 - $0 * $1 }, std)
    }

    /// What weights without a configuration say: B0–B7 have their Normalization's numbers, V2 none at all and what its code says.
    static func steps(
        _ named: NamedTensors, _ source: SourceFile, variant: Variant
    ) throws(ConversionError) -> [KerasModel.Step] {
        // keras/src/applications/efficientnet_v2.py: the larger ones take −1…1, by a factor of 128.
        if [.v2Small, .v2Medium, .v2Large].contains(variant.family) {
            return [.rescaling(scale: [1 / 128, 1 / 128, 1 / 128], offset: [-1, -1, -1])]
        }
        guard
            let mean = named.names.keys.filter({ $0.hasPrefix("normalization") && $0.hasSuffix("/mean") }).sorted()
                .first
        else { return [] }
        let layer = String(mean.dropLast("/mean".count))
        var steps: [KerasModel.Step] = [
            .rescaling(scale: [1 / 255, 1 / 255, 1 / 255], offset: [0, 0, 0]), .normalizationVariables(layer: layer),
        ]
        // Keras' ImageNet weights hold the standard deviation where the variance belongs, and their models a Rescaling that makes up
        // for it (keras/src/applications/efficientnet.py).
        let variance = try variable("\(layer)/variance", named, source)
        if zip(variance, Preprocessing.imageNetStd).allSatisfy({ abs($0 - $1) < 1e-4 }) {
            steps.append(
                .rescaling(scale: Preprocessing.imageNetStd.map { 1 / $0.squareRoot() }, offset: [0, 0, 0]))
        }
        return steps
    }

    private static func normalization(_ mean: [Double], _ variance: [Double]) -> ([Double], [Double]) {
        let factor = variance.map { 1 / max($0.squareRoot(), 1e-7) }
        return (factor, zip(mean, factor).map { -$0 * $1 })
    }

    /// One number for all channels, or one for each.
    private static func variable(
        _ name: String, _ named: NamedTensors, _ source: SourceFile
    ) throws(ConversionError) -> [Double] {
        guard let file = named.names[name] else {
            throw .mismatch(path: source.path, problems: ["tensor \(name) is missing"], hint: "")
        }
        do throws(TensorError) {
            let values = try source.tensors.tensor(file).scalars.map(Double.init)
            if values.count == 1 { return [Double](repeating: values[0], count: 3) }
            guard values.count == 3 else {
                throw TensorError.shapeMismatch(shape: [3], found: values.count)
            }
            return values
        } catch {
            throw .model(.tensors(error))
        }
    }
}
