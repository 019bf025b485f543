import EfficientNet

/// A convolution with its batch norm, or one of squeeze-and-excite's two layers: what every source gives a name of its own.
struct NetworkUnit {
    /// What the unit is in its block, or outside of all.
    enum Role: Hashable {
        case stem
        /// Widens the block's input.
        case expand
        case depthwise
        case squeezeReduce
        case squeezeExpand
        /// Makes the block's output.
        case project
        /// The last convolution before the head.
        case last
    }

    /// A block's place.
    struct Block: Hashable {
        /// Stage and position in it, from 0.
        var stage: Int
        var index: Int
        /// Position among all blocks, from 0.
        var number: Int
    }

    let role: Role
    let block: Block?
    /// Position in the block, squeeze-and-excite counted once: torchvision's number.
    let position: Int
    /// The convolution, and the batch norm after it.
    let layers: [Layer]

    /// The units of a network's layers, in order. The head is not among them.
    static func units(of layers: [Layer]) -> [NetworkUnit] {
        var groups: [(block: String?, layers: [Layer])] = []
        for layer in layers where !layer.parameters.isEmpty {
            let parts = layer.name.split(separator: ".")
            let block = parts.first == "blocks" && parts.count > 3 ? parts[0..<3].joined(separator: ".") : nil
            if case .batchNorm = layer.operation, !groups.isEmpty {
                groups[groups.count - 1].layers.append(layer)
            } else if case .dense = layer.operation {
                continue
            } else {
                groups.append((block, [layer]))
            }
        }
        var units: [NetworkUnit] = []
        var numbers: [String: Int] = [:]
        for (index, group) in groups.enumerated() {
            guard let name = group.block else {
                units.append(
                    NetworkUnit(role: index == 0 ? .stem : .last, block: nil, position: 0, layers: group.layers))
                continue
            }
            let number = numbers[name] ?? numbers.count
            numbers[name] = number
            let parts = name.split(separator: ".")
            let block = Block(stage: Int(parts[1]) ?? 0, index: Int(parts[2]) ?? 0, number: number)
            let isLastOfBlock = index + 1 == groups.count || groups[index + 1].block != name
            let before = units.last.flatMap { $0.block == block ? $0 : nil }
            let role: Role
            switch group.layers[0].operation {
            case .pointwise: role = before?.role == .squeezeReduce ? .squeezeExpand : .squeezeReduce
            case .convolution(_, _, _, _, let groups) where groups > 1: role = .depthwise
            default: role = isLastOfBlock ? .project : .expand
            }
            let position = before.map { role == .squeezeExpand ? $0.position : $0.position + 1 } ?? 0
            units.append(NetworkUnit(role: role, block: block, position: position, layers: group.layers))
        }
        return units
    }
}
