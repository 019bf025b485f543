public import EfficientNet
import Foundation
import Imaging
import Pipeline
import Tensors

/// The network that a training begins with: its description and first weights.
public struct NetworkStart {
    /// What was made of a tensor that did not come from the package.
    public struct Fresh: Sendable, Hashable, CustomStringConvertible {
        /// The tensor.
        public var name: String
        /// Its shape here.
        public var shape: [Int]
        /// Its shape in the package; nil where there is none of the name.
        public var found: [Int]?
        /// Why it was not taken although it would fit.
        public var reason: String?

        /// For people.
        public var description: String {
            let why = reason ?? found.map { "the package's is \($0)" } ?? "the package has none"
            return "\(name) \(shape): random, \(why)"
        }
    }

    /// As it will be written but for weights, provenance and what validation says.
    public var manifest: ModelManifest
    /// First weights by name.
    var tensors: [String: Tensor]
    /// Tensors that are random although there is a package.
    public var fresh: [Fresh] = []
    /// Tensors of the package that nothing here takes.
    public var unused: [String] = []
    /// The package's digest, or a word for random weights.
    public var origin: String

    var description: NetworkDescription {
        NetworkDescription(
            architecture: Architecture(manifest.variant, padding: manifest.padding),
            batchNormEpsilon: manifest.batchNormEpsilon, head: manifest.head, labels: manifest.labels.count,
            resolution: manifest.preprocessing.resolution)
    }

    /// Opens the package, or draws weights.
    ///
    /// - Throws: `EfficientNetError` of the package, `DataError.unusable` where it is of another variant or the labels do not fit.
    init(_ file: TrainingFile, labels: [String], isMultiple: Bool) throws {
        let package = try file.start.package.map { try ModelPackage.open(URL(fileURLWithPath: $0)) }
        if let package, let variant = file.start.variant, package.manifest.variant != variant {
            throw DataError.unusable(
                path: file.path,
                problems: [
                    "model.variant: expected \(package.manifest.variant.rawValue), as the package \(package.folder.path) has it, "
                        + "found \(variant.rawValue)"
                ])
        }
        if let negative = file.data.negative, !labels.contains(negative) {
            throw DataError.unusable(
                path: file.path,
                problems: ["data.negative: expected one of \(labels.joined(separator: ", ")), found \(negative)"])
        }
        let variant = package?.manifest.variant ?? file.start.variant ?? .b0
        var preprocessing = file.preprocessing.applied(to: package?.manifest.preprocessing ?? .standard(for: variant))
        // Every pixel counts where a model learns; whether a night may decode less is the pipeline's choice.
        preprocessing.jpegScaling = false
        preprocessing.resolution = file.start.resolution ?? preprocessing.resolution
        manifest = ModelManifest(
            name: file.name, variant: variant, padding: package?.manifest.padding ?? file.start.padding,
            batchNormEpsilon: package?.manifest.batchNormEpsilon,
            head: file.start.head ?? package?.manifest.head ?? .linear,
            activation: isMultiple ? .sigmoid : .softmax, labels: labels, negativeLabel: file.data.negative,
            preprocessing: preprocessing)
        origin = package?.digest ?? "random"
        var random = SeededGenerator(seed: file.recipe.seed, stream: 0x1217)
        tensors = try InitialWeights.make(for: manifest, using: &random)
        try drawHead(using: &random)
        if let package { try take(package) }
    }

    private static func isHead(_ name: String) -> Bool { name.hasPrefix("classifier.") || name.hasPrefix("head.") }

    /// Dense layers of the head start within ±1/√inputs, as PyTorch's `Linear` does: with few labels, ±1/√outputs would begin far off.
    private mutating func drawHead(using random: inout SeededGenerator) throws {
        for parameter in manifest.parameters where Self.isHead(parameter.name) && parameter.shape.count == 2 {
            let bound = 1 / Double(parameter.shape[1]).squareRoot()
            tensors[parameter.name] = try Tensor(
                shape: parameter.shape,
                scalars: (0..<parameter.count).map { _ in Float(random.uniform(-bound...bound)) })
        }
    }

    private mutating func take(_ package: ModelPackage) throws {
        let found = try package.tensors()
        let isSameHead = package.manifest.labels == manifest.labels && package.manifest.head == manifest.head
        for parameter in manifest.parameters {
            let tensor = found[parameter.name]
            if let tensor, tensor.shape == parameter.shape, isSameHead || !Self.isHead(parameter.name) {
                tensors[parameter.name] = tensor
            } else {
                fresh.append(
                    Fresh(
                        name: parameter.name, shape: parameter.shape, found: tensor?.shape,
                        reason: tensor?.shape == parameter.shape ? "the package's is for other labels" : nil))
            }
        }
        let known = Set(manifest.parameters.map(\.name))
        unused = found.keys.filter { !known.contains($0) }.sorted()
    }
}
