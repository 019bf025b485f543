/// Names of Keras variables as `LAYER/VARIABLE`, whichever way the file nests them.
enum KerasTensors {
    /// What became of a variable's path.
    enum Name: Equatable {
        case variable(String)
        case ignored(String)
    }

    /// - Parameters:
    ///   - path: Of the dataset.
    ///   - layers: Names of layers by their groups.
    static func name(_ path: String, layers: [String: String]) -> Name {
        var parts = path.split(separator: "/").map(String.init)
        guard let last = parts.popLast(), let group = parts.last else { return .ignored("no variable of a layer") }
        if ["optimizer", "optimizer_weights"].contains(path.prefix { $0 != "/" }) {
            return .ignored("state of the optimiser")
        }
        if path.contains("seed_generator") { return .ignored("state of a random generator") }
        if group == "vars" {
            let place = parts.dropLast().joined(separator: "/")
            let layer = layers[parts.joined(separator: "/")] ?? layers[place]
            guard let layer, let index = Int(last), let kind = parts.dropLast().last,
                let variable = variable(index, of: kind)
            else {
                // A layer's weights are never left behind: what has no name is of no network.
                return KerasOrder.folders.contains(parts.first ?? "")
                    ? .variable(path) : .ignored("no variable of a layer")
            }
            return .variable("\(plain(layer))/\(variable)")
        }
        let variable = last.hasSuffix(":0") ? String(last.dropLast(2)) : last
        return .variable("\(plain(group))/\(variable == "depthwise_kernel" ? "kernel" : variable)")
    }

    /// A batch norm's variables, in the order in which it makes them.
    static let batchNorm = ["gamma", "beta", "moving_mean", "moving_variance"]

    /// What Keras 3 only numbers, in the order in which layers make their variables.
    private static func variable(_ index: Int, of group: String) -> String? {
        let names =
            if group.hasPrefix("batch_normalization") {
                batchNorm
            } else if group.hasPrefix("normalization") {
                ["mean", "variance", "count"]
            } else {
                ["kernel", "bias"]
            }
        return names.indices.contains(index) ? names[index] : nil
    }

    /// EfficientNetV2 calls its depthwise convolutions `dwconv2`.
    private static func plain(_ layer: String) -> String {
        layer.hasSuffix("_dwconv2") ? String(layer.dropLast()) : layer
    }
}
