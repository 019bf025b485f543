import Conversion
import Crypto
public import EfficientNet
import Foundation
import Imaging
import Pipeline
import Store
import Tensors

/// The network that a training begins with: its description and first weights.
public struct NetworkStart {
    /// What was made of a tensor that did not come from the source.
    public struct Fresh: Sendable, Hashable, CustomStringConvertible {
        /// The tensor.
        public var name: String
        /// Its shape here.
        public var shape: [Int]
        /// Its shape in the source; nil where there is none of the name.
        public var found: [Int]?
        /// Why it was not taken although it would fit.
        public var reason: String?

        /// For people.
        public var description: String {
            let why = reason ?? found.map { "the source's is \($0)" } ?? "the source has none"
            return "\(name) \(shape): random, \(why)"
        }
    }

    /// As it will be written but for weights, provenance and what validation says.
    public var manifest: ModelManifest
    /// First weights by name.
    var tensors: [String: Tensor]
    /// Tensors that are random although there is a source.
    public var fresh: [Fresh] = []
    /// Tensors of the source that nothing here takes.
    public var unused: [String] = []
    /// The source's digest, or a word for random weights.
    public var origin: String

    var description: NetworkDescription {
        NetworkDescription(
            architecture: Architecture(manifest.variant, padding: manifest.padding),
            batchNormEpsilon: manifest.batchNormEpsilon, head: manifest.head, labels: manifest.labels.count,
            resolution: manifest.preprocessing.resolution)
    }

    /// Opens the source, or draws weights.
    ///
    /// A source of another variant gives what fits: most blocks of a family's smaller networks have the same shapes.
    ///
    /// - Throws: `EfficientNetError` of a package, `ConversionError` or `PipelineError` of a weight file; `DataError.unusable` where the
    ///   labels do not fit.
    init(_ file: TrainingFile, labels: [String], isMultiple: Bool) throws {
        let source = try file.start.source.map { try WeightSource($0) }
        if let negative = file.data.negative, !labels.contains(negative) {
            throw DataError.unusable(
                path: file.path,
                problems: ["data.negative: expected one of \(labels.joined(separator: ", ")), found \(negative)"])
        }
        let variant = file.start.variant ?? source?.manifest.variant ?? .b0
        var standard = source?.manifest.preprocessing ?? .standard(for: variant)
        if source?.manifest.variant != variant { standard.resolution = Preprocessing.standard(for: variant).resolution }
        var preprocessing = file.preprocessing.applied(to: standard)
        // Every pixel counts where a model learns; whether a night may decode less is the pipeline's choice.
        preprocessing.jpegScaling = false
        preprocessing.resolution = file.start.resolution ?? preprocessing.resolution
        manifest = ModelManifest(
            name: file.name, variant: variant, padding: source?.manifest.padding ?? file.start.padding,
            batchNormEpsilon: source?.manifest.batchNormEpsilon,
            head: file.start.head ?? source?.manifest.head ?? .linear,
            activation: isMultiple ? .sigmoid : .softmax, labels: labels, negativeLabel: file.data.negative,
            preprocessing: preprocessing)
        origin = source?.digest ?? "random"
        var random = SeededGenerator(seed: file.recipe.seed, stream: 0x1217)
        tensors = try InitialWeights.make(for: manifest, using: &random)
        try drawHead(using: &random)
        if let source { take(source) }
    }

    /// Dense layers of the head start within ±1/√inputs, as PyTorch's `Linear` does: with few labels, ±1/√outputs would begin far off.
    private mutating func drawHead(using random: inout SeededGenerator) throws {
        for parameter in manifest.parameters where ModelManifest.Head.owns(parameter.name) && parameter.shape.count == 2
        {
            let bound = 1 / Double(parameter.shape[1]).squareRoot()
            tensors[parameter.name] = try Tensor(
                shape: parameter.shape,
                scalars: (0..<parameter.count).map { _ in Float(random.uniform(-bound...bound)) })
        }
    }

    private mutating func take(_ source: WeightSource) {
        let isSameHead = source.manifest.labels == manifest.labels && source.manifest.head == manifest.head
        for parameter in manifest.parameters {
            let tensor = source.tensors[parameter.name]
            if let tensor, tensor.shape == parameter.shape, isSameHead || !ModelManifest.Head.owns(parameter.name) {
                tensors[parameter.name] = tensor
            } else {
                fresh.append(
                    Fresh(
                        name: parameter.name, shape: parameter.shape, found: tensor?.shape,
                        reason: tensor?.shape == parameter.shape ? "the source's is for other labels" : nil))
            }
        }
        let known = Set(manifest.parameters.map(\.name))
        unused = source.tensors.keys.filter { !known.contains($0) }.sorted()
    }
}

/// Trained weights that lie somewhere: a model package, or a weight file as `nightread import` reads it.
private struct WeightSource {
    let manifest: ModelManifest
    let tensors: [String: Tensor]
    /// A package's digest; a file's SHA-256, hexadecimal.
    let digest: String

    init(_ path: String) throws {
        let url = URL(fileURLWithPath: path)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
            let package = try ModelPackage.open(url)
            (manifest, tensors, digest) = (package.manifest, try package.tensors(), package.digest)
            return
        }
        let plan = try ImportPlan(
            IsolatedSource().read(path), options: ImportOptions(),
            name: url.deletingPathExtension().lastPathComponent)
        manifest = plan.manifest
        // A head that the file does not have is none of its tensors.
        tensors = try plan.weights().filter { !plan.hasFreshHead || !ModelManifest.Head.owns($0.key) }
        digest = hexadecimal(SHA256.hash(data: try Data(contentsOf: url, options: .mappedIfSafe)))
    }
}
