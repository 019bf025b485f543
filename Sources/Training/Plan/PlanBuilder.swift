import CKernels
import EfficientNet

/// Reads a network's layers and joins them to the trainer's steps: a convolution with its batch norm and activation, a
/// squeeze-and-excite, the head's vectors.
struct PlanBuilder {
    private enum Value {
        case source(Source, MapShape)
        case vector(Int)
    }

    private var plan: TrainingPlan
    private let layers: [Layer]
    private var index = 0
    private var value: Value
    private var block: Substring?
    private var blockInput: Value
    private let blockNames: [Substring]

    init(_ plan: TrainingPlan, layers: [Layer], given: Int?) {
        self.plan = plan
        self.layers = layers
        if let given {
            value = .vector(given)
            self.plan.featuresCount = given
        } else {
            value = .source(.image, plan.image ?? MapShape(height: 0, width: 0, channels: 0))
        }
        blockInput = value
        var names: [Substring] = []
        for name in layers.compactMap({ Self.block(of: $0.name) }) where names.last != name { names.append(name) }
        blockNames = names
    }

    mutating func build() throws(TrainingError) -> TrainingPlan {
        while index < layers.count { try next() }
        place()
        return plan
    }

    /// `blocks.I.J` of a layer within a block.
    private static func block(of name: String) -> Substring? {
        guard name.hasPrefix("blocks.") else { return nil }
        let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        return parts.count > 3 ? name[parts[0].startIndex..<parts[2].endIndex] : nil
    }

    private func hasResidual(_ block: Substring?) -> Bool {
        layers.contains { $0.operation == .residual && Self.block(of: $0.name) == block }
    }

    private func layer(_ offset: Int) -> Layer? {
        index + offset < layers.count ? layers[index + offset] : nil
    }

    private func parameter(_ name: String) throws(TrainingError) -> Int {
        guard let index = plan.layout.index(of: name) else { throw .unknownLayers(name: name) }
        return index
    }

    private mutating func next() throws(TrainingError) {
        let layer = layers[index]
        let block = Self.block(of: layer.name)
        if block != self.block {
            self.block = block
            blockInput = value
        }
        switch (layer.operation, value) {
        case (.input, _): index += 1
        case (.convolution, .source(let source, let shape)): try convolution(layer, source, shape)
        case (.globalAverage, .source(.unit(let unit, nil), let shape)):
            if case .pointwise = self.layer(1)?.operation {
                try squeezeExcite(unit, shape)
            } else {
                features(.average(unit), count: shape.channels)
            }
        case (.flatten, .source(.unit(let unit, nil), let shape)): features(.flatten(unit), count: shape.count)
        case (.dropout, .vector(let count)):
            plan.head.append(.dropout(count: count))
            index += 1
        case (.dense(let inputs, let outputs), .vector):
            let isRectified = self.layer(1)?.operation == .relu
            let dense = DensePlan(
                name: layer.name, inputs: inputs, outputs: outputs, weight: try parameter("\(layer.name).weight"))
            plan.head.append(.dense(dense, isRectified: isRectified))
            value = .vector(outputs)
            index += isRectified ? 2 : 1
        default: throw .unknownLayers(name: layer.name)
        }
    }

    private mutating func features(_ features: TrainingPlan.Features, count: Int) {
        plan.features = features
        plan.featuresCount = count
        value = .vector(count)
        index += 1
        switch features {
        case .average(let unit): plan.units[unit].consumer = .average
        case .flatten(let unit): plan.units[unit].consumer = .flatten
        case .given: break
        }
    }

    private static func number(_ operation: Layer.Operation?) -> Int32? {
        switch operation {
        case .swish: Int32(NR_SWISH.rawValue)
        case .relu6: Int32(NR_RELU6.rawValue)
        case .relu: Int32(NR_RELU.rawValue)
        default: nil
        }
    }

    private mutating func convolution(_ layer: Layer, _ source: Source, _ shape: MapShape) throws(TrainingError) {
        guard case .convolution(let inputs, let outputs, let kernel, let stride, let groups) = layer.operation,
            let norm = self.layer(1), case .batchNorm = norm.operation, layer.output.count == 3
        else { throw .unknownLayers(name: layer.name) }
        let isDepthwise = groups > 1
        guard groups == 1 || groups == inputs && inputs == outputs && (kernel == 3 || kernel == 5),
            kernel > 1 || stride == 1
        else { throw .unknownLayers(name: layer.name) }
        var length = 2
        let activation = Self.number(self.layer(length)?.operation)
        if activation != nil { length += 1 }
        let isAdded = self.layer(length)?.operation == .residual
        if isAdded { length += 1 }
        let padding = plan.padding
        var unit = ConvolutionUnit(
            name: layer.name, kind: isDepthwise ? .depthwise : kernel == 1 ? .pointwise : .full, input: source,
            inputShape: shape,
            output: MapShape(height: layer.output[0], width: layer.output[1], channels: layer.output[2]),
            kernel: kernel,
            stride: stride, top: padding.zeros(size: shape.height, kernel: kernel, stride: stride).before,
            left: padding.zeros(size: shape.width, kernel: kernel, stride: stride).before,
            activation: activation ?? Int32(NR_LINEAR.rawValue), weight: try parameter("\(layer.name).weight"),
            norm: try parameter("\(norm.name).weight"))
        if isAdded {
            guard case .source(.map(let map), _) = blockInput else { throw .unknownLayers(name: layer.name) }
            unit.residual = map
            unit.dropShare =
                Double(blockNames.firstIndex { $0 == block } ?? 0) / Double(max(1, blockNames.count))
        }
        let following = self.layer(length).map { Self.block(of: $0.name) } ?? nil
        // A map is written where it is read more than once, and where making it anew would cost as much as reading it.
        if isAdded || activation == nil || (following != block && hasResidual(following)) {
            unit.map = plan.maps.count
            unit.consumer = .map
            plan.maps.append((unit.output, 0))
        }
        value = .source(unit.map.map(Source.map) ?? .unit(plan.units.count, gate: nil), unit.output)
        plan.body.append(.convolution(plan.units.count))
        plan.units.append(unit)
        index += length
    }

    private mutating func squeezeExcite(_ unit: Int, _ shape: MapShape) throws(TrainingError) {
        guard let reduce = layer(1), case .pointwise(_, let squeezed) = reduce.operation,
            let activation = Self.number(layer(2)?.operation), let excite = layer(3), layer(4)?.operation == .sigmoid,
            layer(5)?.operation == .scale
        else { throw .unknownLayers(name: layers[index].name) }
        plan.units[unit].consumer = .gate(plan.gates.count)
        value = .source(.unit(unit, gate: plan.gates.count), shape)
        plan.body.append(.squeezeExcite(plan.gates.count))
        plan.gates.append(
            SqueezeExcite(
                unit: unit, channels: shape.channels, activation: activation,
                reduce: DensePlan(
                    name: reduce.name, inputs: shape.channels, outputs: squeezed,
                    weight: try parameter("\(reduce.name).weight")),
                excite: DensePlan(
                    name: excite.name, inputs: squeezed, outputs: shape.channels,
                    weight: try parameter("\(excite.name).weight"))))
        index += 6
    }

    /// Says where each unit's gradient lies: never where the one of whoever hands it over does.
    private mutating func place() {
        for index in plan.units.indices.reversed() {
            let unit = plan.units[index]
            switch unit.consumer {
            case .map where unit.activation == Int32(NR_LINEAR.rawValue): plan.units[index].gradient = .map
            case .map, .average, .flatten: plan.units[index].gradient = .slot(0)
            case .convolution, .gate:
                let reader = plan.units.first { other in
                    if case .unit(index, _) = other.input { true } else { false }
                }
                plan.units[index].gradient = reader?.gradient == .slot(0) ? .slot(1) : .slot(0)
            }
        }
    }
}
