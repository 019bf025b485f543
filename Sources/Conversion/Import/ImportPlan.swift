public import EfficientNet
public import Foundation
import Imaging
import Tensors

/// What a source of weights becomes: the manifest, every tensor's use, and what was taken from the source or from the user.
///
///     let plan = try ImportPlan(source, options: ImportOptions(), name: "chest")
///     print(plan)
///     try plan.write(to: folder)
public struct ImportPlan: Sendable {
    /// What becomes of one tensor of the source.
    public struct Account: Sendable, Hashable {
        /// What happens to it.
        public enum Fate: Sendable, Hashable {
            /// It becomes the package's tensor of this name.
            case used(String)
            /// It is left, for a reason.
            case ignored(String)
        }

        /// The source's name.
        public let name: String
        /// The source's shape.
        public let shape: [Int]
        /// What happens to it.
        public let fate: Fate
    }

    /// The package's manifest, without the weights' digest.
    public let manifest: ModelManifest
    /// Every tensor of the source, in the order of their names.
    public let accounts: [Account]
    /// How the package's weights are stored: as the source's, where all of those are halves.
    public let precision: SafetensorsWriter.Precision
    /// Whether the classifier is made anew, because the source has none.
    public let hasFreshHead: Bool
    let remarks: [String]
    let scheme: NameScheme
    let convention: SourceConvention
    let options: ImportOptions
    let source: SourceFile
    private let tensors: [NameScheme.Tensor]
    private let names: [String: String]
    private let norms: [HeadNorms]

    /// Recognises what the source is.
    ///
    /// - Throws: `ConversionError` when it is no EfficientNet, another one than asked for, or has tensors, layers or a head that nothing
    ///   here knows; nothing is written by then.
    public init(_ source: SourceFile, options: ImportOptions, name: String) throws(ConversionError) {
        var keras: KerasModel?
        var layers = source.notes.layers
        do throws(ContainerError) {
            if let config = source.notes.config {
                let configuration = try KerasConfiguration(json: config)
                layers.merge(configuration.groups) { file, _ in file }
                keras = try KerasModel(configuration)
            }
        } catch {
            throw .notOurs(path: source.path, reason: error.reason)
        }
        if layers.isEmpty, source.notes.format == .hdf5 { layers = KerasOrder.layers(of: source) }
        let named = try NamedTensors(source, layers: layers)
        let found = try Recognition(named, source: source, asked: options.variant)
        let variant = found.variant
        let head = try SourceHead(named, source: source, variant: variant, keras: keras)
        var convention = SourceConvention(named.scheme, variant: variant, path: source.path)
        var remarks = head.remarks + (keras?.remarks ?? [])
        convention.epsilon = keras?.epsilon ?? convention.epsilon
        if named.scheme == .keras {
            let steps =
                if let keras { keras.steps } else { try KerasPreprocessing.steps(named, source, variant: variant) }
            if let statistics = try KerasPreprocessing.statistics(steps, named, source) {
                (convention.preprocessing.mean, convention.preprocessing.std) = statistics
                convention.preprocessingReason =
                    keras == nil
                    ? "keras.applications', with the weights' own normalisation" : "the model's own layers"
            } else if keras != nil {
                (convention.preprocessing.mean, convention.preprocessing.std) = (
                    [0, 0, 0], [Double](repeating: 1 / 255, count: 3)
                )
                remarks.append("the model has no preprocessing of its own: it takes pixels of 0…255 as they are")
            }
            convention.preprocessing.resolution =
                head.resolution ?? keras?.resolution ?? convention.preprocessing.resolution
        } else if let resolution = head.resolution {
            convention.preprocessing.resolution = resolution
        }
        if let padding = options.padding {
            (convention.padding, convention.epsilon) = (padding, padding.batchNormEpsilon)
            convention.reason = "--convention"
        }
        convention.epsilon = options.epsilon ?? convention.epsilon
        for setting in options.preprocessing { setting.apply(to: &convention.preprocessing, variant: variant) }
        if let needed = head.resolution,
            Architecture.lastMap(side: needed) != Architecture.lastMap(side: convention.preprocessing.resolution)
        {
            throw .option(
                "--preprocessing resolution=\(convention.preprocessing.resolution): the head flattens the map of an input of "
                    + "\(needed) pixels and fits no other")
        }
        hasFreshHead = head.labels == nil
        let labels = try Self.labels(options.labels, head.labels, path: source.path)
        manifest = ModelManifest(
            name: name, variant: variant, padding: convention.padding, batchNormEpsilon: convention.epsilon,
            head: head.head, activation: head.activation, labels: labels, preprocessing: convention.preprocessing,
            provenance: ModelManifest.Provenance(
                trainedBy:
                    "imported from \(URL(fileURLWithPath: source.path).lastPathComponent) (\(source.notes.format))"))
        tensors = found.backbone + head.tensors
        names = named.names
        norms = head.norms
        (scheme, self.convention, self.options, self.remarks, self.source) = (
            named.scheme, convention, options, remarks, source
        )
        accounts = try Self.accounts(named, tensors: tensors, norms: norms, source: source)
        let types = Set(
            tensors.compactMap { tensor in named.names[tensor.source].flatMap { source.tensors[$0]?.type } })
        precision =
            !norms.isEmpty ? .float32 : types == [.float16] ? .float16 : types == [.bfloat16] ? .bfloat16 : .float32
        do throws(EfficientNetError) {
            try manifest.check(path: source.path)
        } catch {
            throw .model(error)
        }
        try checkValues()
    }

    private static func labels(_ asked: [String]?, _ outputs: Int?, path: String) throws(ConversionError) -> [String] {
        guard let outputs else {
            guard let asked else {
                throw .notOurs(
                    path: path,
                    reason:
                        "the weights have no head: say what they are to be trained for, --labels a,b,c, and the package gets "
                        + "a classifier that knows nothing yet")
            }
            return asked
        }
        guard let asked else { return (0..<outputs).map { "class \($0)" } }
        guard asked.count == outputs else {
            throw .option(
                "--labels: expected \(outputs) labels, one for each output of the model, found \(asked.count)")
        }
        return asked
    }

    /// Every tensor's fate; what is neither used nor known to be of no use is an error.
    private static func accounts(
        _ named: NamedTensors, tensors: [NameScheme.Tensor], norms: [HeadNorms], source: SourceFile
    ) throws(ConversionError) -> [Account] {
        func shape(_ name: String) -> [Int] { source.tensors[name]?.shape ?? [] }
        var accounts = named.ignored.map { Account(name: $0.name, shape: shape($0.name), fate: .ignored($0.reason)) }
        var uses: [String: String] = [:]
        var problems: [String] = []
        for tensor in tensors {
            guard let name = named.names[tensor.source] else {
                problems.append("tensor \(tensor.source) is missing")
                continue
            }
            if shape(name) != tensor.shape {
                problems.append("tensor \(name): expected shape \(tensor.shape), found \(shape(name))")
            }
            uses[name] = tensor.parameter.name
        }
        for tensor in norms.flatMap(\.variables) {
            guard let name = named.names[tensor.source], shape(name) == [tensor.count] else {
                problems.append(
                    "tensor \(tensor.source): expected shape [\(tensor.count)], found "
                        + (named.names[tensor.source].map { "\(shape($0))" } ?? "none"))
                continue
            }
            uses[name] = tensor.use
        }
        for (short, name) in named.names {
            if let use = uses[name] {
                accounts.append(Account(name: name, shape: shape(name), fate: .used(use)))
            } else if named.scheme == .keras, short.hasPrefix("normalization") {
                accounts.append(
                    Account(name: name, shape: shape(name), fate: .ignored("it becomes the package's preprocessing")))
            } else {
                problems.append("tensor \(name) of shape \(shape(name)) belongs to no layer of a package")
            }
        }
        guard problems.isEmpty else {
            throw .mismatch(
                path: source.path, problems: problems.sorted(),
                hint: named.scheme == .keras && source.notes.config == nil
                    ? "weights alone do not say how a head's layers follow each other: save the whole model"
                    : "a head is average pooling or flattening, and dense layers with ReLU between them")
        }
        return accounts.sorted { $0.name < $1.name }
    }

    private func checkValues() throws(ConversionError) {
        let all =
            tensors.map { (name: $0.source, isVariance: $0.parameter.name.hasSuffix(".running_var")) }
            + norms.flatMap(\.variables).map { (name: $0.source, isVariance: $0.isVariance) }
        for tensor in all {
            guard let name = names[tensor.name] else { continue }
            let bad: (index: Int, value: Float)?
            do throws(TensorError) {
                bad = try source.tensors.firstBad(name, isNegativeBad: tensor.isVariance)
            } catch {
                throw .model(.tensors(error))
            }
            guard let bad else { continue }
            throw .mismatch(
                path: source.path,
                problems: [
                    "tensor \(name): expected finite weights and variances over 0, found \(bad.value) at index \(bad.index)"
                ], hint: "")
        }
    }

    /// The package's tensors.
    public func weights() throws(ConversionError) -> [String: Tensor] {
        var weights: [String: Tensor] = [:]
        do {
            for tensor in tensors {
                guard let name = names[tensor.source] else { continue }
                let values = try source.tensors.tensor(name).scalars
                weights[tensor.parameter.name] = try Tensor(
                    shape: tensor.parameter.shape, scalars: tensor.layout.ours(values, shape: tensor.shape))
            }
            for part in norms {
                try part.fold(into: &weights) { name in
                    try names[name].map { try source.tensors.tensor($0).scalars } ?? []
                }
            }
            if hasFreshHead {
                var random = SeededGenerator(seed: 0)
                let fresh = try InitialWeights.make(for: manifest, using: &random)
                for (name, tensor) in fresh where weights[name] == nil { weights[name] = tensor }
            }
        } catch let error as EfficientNetError {
            throw .model(error)
        } catch let error as TensorError {
            throw .model(.tensors(error))
        } catch {
            throw .unreadable(path: source.path, reason: "\(error)")
        }
        return weights
    }

    /// Writes the package, with a self-test of what its weights compute here.
    ///
    /// - Throws: also when `folder` exists or cannot be made; nothing is left then.
    public func write(to folder: URL) throws(ConversionError) {
        let weights = try weights()
        do throws(EfficientNetError) {
            let network = try Network(
                NetworkDescription(
                    architecture: Architecture(manifest.variant, padding: manifest.padding),
                    batchNormEpsilon: manifest.batchNormEpsilon, head: manifest.head, labels: manifest.labels.count,
                    resolution: manifest.preprocessing.resolution),
                weights: Weights(weights, parameters: manifest.parameters, path: source.path))
            let test = try SelfTest.made(for: manifest, network: network)
            try ModelPackage.write(
                manifest: manifest, weights: weights, selfTest: test, to: folder, precision: precision)
        } catch {
            throw .model(error)
        }
    }
}
