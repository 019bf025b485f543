import EfficientNet
import Tensors

/// Names of layers for weights that only number them (`.weights.h5` of Keras 2 and of the first Keras 3): each class by itself, in the
/// order of the model. The network whose every first variable then has its shape is the one.
enum KerasOrder {
    /// What the groups lie in; the second is Keras 2.12's, which counts every layer twice, and leaves every other number out.
    static let folders = ["layers", "_layer_checkpoint_dependencies"]

    /// Places where a network may be; a model has one or two, and each costs a look at every variant.
    private static let placeLimit = 16

    /// Names of layers by their groups; empty where no network fits.
    static func layers(of source: SourceFile) -> [String: String] {
        for place in places(of: source) {
            let kinds = kinds(of: source, in: place)
            for variant in Variant.allCases {
                guard let groups = groups(of: variant, kinds) else { continue }
                let fits = groups.allSatisfy { source.tensors["\($0.group)/vars/0"]?.shape == $0.shape }
                guard fits else { continue }
                var names = Dictionary(groups.map { ($0.group, $0.layer) }) { first, _ in first }
                names.merge(others(of: source)) { network, _ in network }
                return names
            }
        }
        return [:]
    }

    /// Folders with a first convolution.
    private static func places(of source: SourceFile) -> [String] {
        var places: [String] = []
        for path in source.tensors.names where places.count < placeLimit {
            for folder in folders where path.hasSuffix("\(folder)/conv2d/vars/0") {
                places.append(String(path.dropLast("conv2d/vars/0".count)))
            }
        }
        return places
    }

    /// The groups with variables right under `place`, by their kind, in the order of their numbers.
    private static func kinds(of source: SourceFile, in place: String) -> [String: [String]] {
        var numbers: [String: [Int: String]] = [:]
        for path in source.tensors.names where path.hasPrefix(place) && path.hasSuffix("/vars/0") {
            let group = path.dropLast("/vars/0".count), name = group.dropFirst(place.count)
            let digits = name.reversed().prefix { $0.isWholeNumber }.count
            let number = digits < name.count && name.dropLast(digits).hasSuffix("_") ? Int(name.suffix(digits)) : nil
            let kind = number == nil ? name : name.dropLast(digits + 1)
            numbers[String(kind), default: [:]][number ?? 0] = String(group)
        }
        return numbers.mapValues { groups in groups.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// A network's layers with variables, in order: the group that each has, its name, and its first variable's shape; nil where there are
    /// fewer groups.
    private static func groups(
        of variant: Variant, _ kinds: [String: [String]]
    ) -> [(group: String, layer: String, shape: [Int])]? {
        let side = variant.coefficients.resolution
        let layers = Architecture(variant, padding: .same).layers(height: side, width: side, head: nil, labels: 1)
        var counts: [String: Int] = [:]
        var groups: [(group: String, layer: String, shape: [Int])] = []
        for tensor in NameScheme.keras.backbone(layers) {
            let parts = tensor.source.split(separator: "/").map(String.init)
            let kind: String
            switch (parts[1], tensor.layout) {
            case ("gamma", _): kind = "batch_normalization"
            case ("kernel", .heightWidthChannels): kind = "depthwise_conv2d"
            case ("kernel", _): kind = "conv2d"
            default: continue
            }
            let count = counts[kind, default: 0]
            counts[kind] = count + 1
            guard let own = kinds[kind], own.indices.contains(count) else { return nil }
            groups.append((own[count], parts[0], tensor.shape))
        }
        return groups
    }

    /// Dense and normalisation layers, by the group's own name.
    private static func others(of source: SourceFile) -> [String: String] {
        var names: [String: String] = [:]
        for path in source.tensors.names {
            let parts = path.split(separator: "/").map(String.init)
            guard parts.count > 2, parts[parts.count - 2] == "vars" else { continue }
            let group = parts[parts.count - 3]
            guard group.hasPrefix("dense") || group.hasPrefix("normalization") else { continue }
            names[parts.dropLast(2).joined(separator: "/")] = group
        }
        return names
    }
}
