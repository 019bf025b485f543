import EfficientNet
import Tensors

/// What follows the network in a source: dense layers, how many labels, and how their logits become probabilities.
struct SourceHead {
    var head = ModelManifest.Head.linear
    /// Outputs; nil where the source has no head.
    var labels: Int?
    var activation = ModelManifest.Activation.softmax
    var tensors: [NameScheme.Tensor] = []
    /// Side of the input that a flattened map fixes; nil elsewhere.
    var resolution: Int?
    var remarks: [String] = []

    /// - Throws: a head that is none of a package's.
    init(
        _ named: NamedTensors, source: SourceFile, variant: Variant, keras: KerasModel?
    ) throws(ConversionError) {
        let features = Architecture(variant, padding: .symmetric).features
        let names: [String]
        if let keras {
            names = keras.dense.map(\.name)
            activation = keras.dense.last?.activation == "sigmoid" ? .sigmoid : .softmax
            switch keras.dense.last?.activation {
            case nil, "softmax", "sigmoid": break
            case "linear": remarks.append("the last layer puts out logits: softmax is taken, one label per scan")
            case let other?:
                throw .notOurs(
                    path: source.path,
                    reason: "layer \(names.last ?? ""): expected softmax or sigmoid at the end, found \(other)")
            }
        } else {
            names = Self.chain(named, source, features: features)
        }
        guard let last = names.last else { return }
        guard names.count <= 2 else {
            throw .notOurs(
                path: source.path,
                reason: "expected a head of one or two dense layers, found \(names.joined(separator: ", "))")
        }
        func matrix(_ name: String) throws(ConversionError) -> (inputs: Int, outputs: Int) {
            let full = named.scheme == .keras ? "\(name)/kernel" : "\(name).weight"
            guard let file = named.names[full], let found = source.tensors[file] else {
                throw .mismatch(path: source.path, problems: ["tensor \(full) is missing"], hint: "")
            }
            guard found.shape.count == 2, found.shape.allSatisfy({ $0 > 0 }) else {
                throw .mismatch(
                    path: source.path, problems: ["tensor \(file): expected a matrix, found shape \(found.shape)"],
                    hint: "")
            }
            return named.scheme == .keras ? (found.shape[0], found.shape[1]) : (found.shape[1], found.shape[0])
        }
        let first = try matrix(names[0])
        let outputs = try matrix(last).outputs
        labels = outputs
        let flattens = keras.map(\.flattens) ?? (first.inputs != features)
        if names.count == 1 {
            guard !flattens, first.inputs == features else {
                throw .notOurs(
                    path: source.path,
                    reason:
                        "\(last): expected \(features) averaged features before a single dense layer, found \(first.inputs): "
                        + "a head that is none of linear, mlp and flatten-mlp")
            }
        } else {
            let side = Self.side(first.inputs, features)
            guard flattens ? side != nil : first.inputs == features else {
                throw .notOurs(
                    path: source.path,
                    reason:
                        "\(names[0]): expected \(features) features, or as many for each place of a square map, found "
                        + "\(first.inputs): a head that is none of linear, mlp and flatten-mlp")
            }
            head = flattens ? .flattenMLP(hidden: first.outputs) : .mlp(hidden: first.outputs)
            if flattens, let side { resolution = Self.resolution(side, variant, keras?.resolution) }
        }
        let own = resolution ?? variant.coefficients.resolution
        let layers = Architecture(variant, padding: .symmetric)
            .layers(height: own, width: own, head: head, labels: outputs)
        let dense = layers.filter { if case .dense = $0.operation { true } else { false } }
        for (layer, name) in zip(dense, names) { tensors += named.scheme.dense(layer, named: name) }
        if keras == nil, names.count == 2 { remarks.append("ReLU is taken between the two dense layers of the head") }
    }

    /// The dense layers that are there, the first one first, where no configuration says so.
    private static func chain(_ named: NamedTensors, _ source: SourceFile, features: Int) -> [String] {
        guard named.scheme == .keras else {
            let classifier = named.scheme.classifier
            guard named.names["\(classifier).weight"] != nil else { return [] }
            return named.scheme == .timm && named.names["head.weight"] != nil ? ["head", classifier] : [classifier]
        }
        // Matrices of Keras are dense layers; each one's inputs are the outputs of the one before.
        let matrices = named.names.filter { name, file in
            name.hasSuffix("/kernel") && source.tensors[file]?.shape.count == 2
        }
        let layers = matrices.compactMap { name, file in
            source.tensors[file].map { (name: String(name.dropLast("/kernel".count)), shape: $0.shape) }
        }.sorted { $0.name < $1.name }
        guard layers.count == 2 else { return layers.map(\.name) }
        let isInOrder = layers[0].shape[1] == layers[1].shape[0] && layers[0].shape[0] % features == 0
        return (isInOrder ? layers : layers.reversed()).map(\.name)
    }

    /// Side of the map whose every place has `features`; nil where there is none.
    private static func side(_ inputs: Int, _ features: Int) -> Int? {
        guard inputs % features == 0 else { return nil }
        return (1...128).first { $0 * $0 == inputs / features }
    }

    /// The resolution that has a last map of `side`: the model's, the variant's own, or the largest.
    private static func resolution(_ side: Int, _ variant: Variant, _ said: Int?) -> Int {
        let candidates = [said, variant.coefficients.resolution].compactMap { $0 }
        return candidates.first { Architecture.lastMap(side: $0) == side } ?? side * 32
    }
}
