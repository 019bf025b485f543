import EfficientNet
import Tensors

/// Names of layers for weights that only number them (`.weights.h5` of Keras 2 and of the first Keras 3): each class by itself, in the
/// order of the model. The network whose every first variable then has its shape is the one.
enum KerasOrder {
    /// Names of layers by their groups; empty where no network fits.
    static func layers(of source: SourceFile) -> [String: String] {
        let first = "layers/conv2d/vars/0"
        for path in source.tensors.names where path.hasSuffix(first) {
            let place = String(path.dropLast(first.count))
            for variant in Variant.allCases {
                let groups = groups(of: variant, in: place)
                let fits = groups.allSatisfy { source.tensors["\($0.group)/vars/0"]?.shape == $0.shape }
                guard fits else { continue }
                var names = Dictionary(groups.map { ($0.group, $0.layer) }) { first, _ in first }
                names.merge(others(of: source)) { network, _ in network }
                return names
            }
        }
        return [:]
    }

    /// A network's layers with variables, in order: the group that each has, its name, and its first variable's shape.
    private static func groups(
        of variant: Variant, in place: String
    ) -> [(group: String, layer: String, shape: [Int])] {
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
            groups.append(("\(place)layers/\(kind)\(count == 0 ? "" : "_\(count)")", parts[0], tensor.shape))
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
