import EfficientNet
import Foundation
import Tensors

/// What follows the network in a source: dense layers, how many labels, and how their logits become probabilities.
struct SourceHead {
    var head = ModelManifest.Head.linear
    /// Outputs; nil where the source has no head.
    var labels: Int?
    var activation = ModelManifest.Activation.softmax
    var tensors: [NameScheme.Tensor] = []
    /// What the dense layers take in beside their own tensors.
    var norms: [HeadNorms] = []
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
        let inputs = try matrix(names[0]).inputs
        let outputs = try matrix(last).outputs
        labels = outputs
        head.flattens = keras.map(\.flattens) ?? (inputs != features)
        for name in names.dropLast() { head.hidden.append(try matrix(name).outputs) }
        let side = Self.side(inputs, features)
        guard head.flattens ? side != nil : inputs == features else {
            throw .notOurs(
                path: source.path,
                reason:
                    "\(names[0]): expected \(features) features, or as many for each place of a square map, found "
                    + "\(inputs): a head that is none of a package's")
        }
        guard head.hidden.count <= ModelManifest.Head.hiddenLimit else {
            throw .notOurs(
                path: source.path,
                reason: "expected at most \(ModelManifest.Head.hiddenLimit) hidden layers, found \(head.hidden.count)")
        }
        if head.flattens, let side { resolution = Self.resolution(side, variant, keras?.resolution) }
        let own = resolution ?? variant.coefficients.resolution
        let layers = Architecture(variant, padding: .symmetric)
            .layers(height: own, width: own, head: head, labels: outputs)
        let dense = layers.filter { if case .dense = $0.operation { true } else { false } }
        for (index, (layer, name)) in zip(dense, names).enumerated() {
            let settings = keras?.dense[index]
            tensors += named.scheme.dense(layer, named: name)
                .filter { settings?.hasBias ?? true || $0.parameter.shape.count > 1 }
            if let settings, let part = HeadNorms(settings, layer: layer, channels: features, named: named) {
                norms.append(part)
                remarks += (settings.before + settings.after).map {
                    "layer \($0.name) (BatchNormalization) becomes part of \(name), which changes no output"
                }
            }
        }
        if keras == nil, names.count > 1 { remarks.append("ReLU is taken between the dense layers of the head") }
    }

    /// The dense layers that are there, the first one first, where no configuration says so.
    private static func chain(_ named: NamedTensors, _ source: SourceFile, features: Int) -> [String] {
        guard named.scheme == .keras else {
            let classifier = named.scheme.classifier
            guard named.names["\(classifier).weight"] != nil else { return [] }
            // A package's own weights have timm's names and, between these, those of its hidden layers.
            let hidden = (0..<ModelManifest.Head.hiddenLimit).map(ModelManifest.Head.hiddenName)
                .prefix { named.scheme == .timm && named.names["\($0).weight"] != nil }
            return Array(hidden) + [classifier]
        }
        // Matrices of Keras are dense layers; each one's inputs are the outputs of the one before, and names count in order.
        var left = named.names.filter { name, file in
            name.hasSuffix("/kernel") && source.tensors[file]?.shape.count == 2
        }.compactMap { name, file in
            source.tensors[file].map { (name: String(name.dropLast("/kernel".count)), shape: $0.shape) }
        }.sorted { $0.name.compare($1.name, options: .numeric) == .orderedAscending }
        var chain: [String] = []
        var width: Int?
        while let next = left.firstIndex(where: { layer in
            width.map { $0 == layer.shape[0] } ?? layer.shape[0].isMultiple(of: features)
        }) {
            let layer = left.remove(at: next)
            chain.append(layer.name)
            width = layer.shape[1]
        }
        return chain + left.map(\.name)
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
