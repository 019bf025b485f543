/// One layer of the network: what it computes, from which weights, and the shape that comes out.
public struct Layer: Sendable, Hashable {
    /// What a layer computes.
    public enum Operation: Sendable, Hashable {
        /// The image.
        case input
        /// A convolution without bias; `groups` equals the channels for a depthwise one.
        case convolution(input: Int, output: Int, kernel: Int, stride: Int, groups: Int)
        /// A 1×1 convolution with bias (squeeze-and-excite).
        case pointwise(input: Int, output: Int)
        /// Batch normalisation over the channels.
        case batchNorm(channels: Int)
        /// x · sigmoid(x).
        case swish
        /// min(max(x, 0), 6).
        case relu6
        /// max(x, 0).
        case relu
        /// 1 / (1 + exp(−x)).
        case sigmoid
        /// Average over the map.
        case globalAverage
        /// Every value of the map in [H, W, C] order.
        case flatten
        /// The block's map times its squeeze-and-excite scale.
        case scale
        /// The block's input added to its output.
        case residual
        /// Dropout (training only).
        case dropout
        /// A matrix with bias.
        case dense(input: Int, output: Int)
    }

    /// One tensor of a layer.
    public struct Parameter: Sendable, Hashable {
        /// The name in a weight file (timm's).
        public let name: String
        /// Extent of every dimension, outermost first.
        public let shape: [Int]
        /// False for batch norm's running statistics.
        public let isTrainable: Bool

        /// Number of values.
        public var count: Int { shape.reduce(1, *) }
    }

    /// The layer's name; the prefix of its tensors' names where it has any.
    public let name: String
    /// What it computes.
    public let operation: Operation
    /// Shape that comes out for one image: [H, W, C], or [C] once the map is averaged or flattened.
    public let output: [Int]

    /// The tensors the layer needs, in the order weight files list them.
    public var parameters: [Parameter] {
        func parameter(_ suffix: String, _ shape: [Int], trainable: Bool = true) -> Parameter {
            Parameter(name: "\(name).\(suffix)", shape: shape, isTrainable: trainable)
        }
        return switch operation {
        case .convolution(let input, let output, let kernel, _, let groups):
            [parameter("weight", [output, input / groups, kernel, kernel])]
        case .pointwise(let input, let output):
            [parameter("weight", [output, input, 1, 1]), parameter("bias", [output])]
        case .dense(let input, let output):
            [parameter("weight", [output, input]), parameter("bias", [output])]
        case .batchNorm(let channels):
            [
                parameter("weight", [channels]), parameter("bias", [channels]),
                parameter("running_mean", [channels], trainable: false),
                parameter("running_var", [channels], trainable: false),
            ]
        case .input, .swish, .relu6, .relu, .sigmoid, .globalAverage, .flatten, .scale, .residual, .dropout: []
        }
    }
}

extension Layer {
    /// Multiplications, each with an addition, that the layer takes for one image; batch norm, which inference folds away, and
    /// activations count none.
    public var products: Int {
        switch operation {
        case .convolution(let input, _, let kernel, _, let groups):
            output.reduce(1, *) * (input / groups) * kernel * kernel
        case .pointwise(let input, let output), .dense(let input, let output): input * output
        default: 0
        }
    }
}

extension Architecture {
    /// Every layer in order, for an input of `height` × `width` pixels; without `head` the list ends with the last activation.
    public func layers(height: Int, width: Int, head: ModelManifest.Head?, labels: Int) -> [Layer] {
        var builder = LayerBuilder(size: (height, width), activation: activation)
        builder.add("input", .input, channels: 3)
        builder.convolution("conv_stem", input: 3, output: stem, kernel: 3, stride: 2)
        builder.normalised("bn1", channels: stem, activation: "act1")
        for block in blocks { builder.add(block) }
        builder.convolution("conv_head", input: blocks.last?.output ?? stem, output: features, kernel: 1, stride: 1)
        builder.normalised("bn2", channels: features, activation: "act2")
        if let head { builder.add(head, features: features, labels: labels) }
        return builder.layers
    }

    /// Every tensor that a weight file must hold: name and shape.
    ///
    /// `side` is the input's side in pixels; only a head that flattens depends on it.
    public func parameters(side: Int, head: ModelManifest.Head?, labels: Int) -> [Layer.Parameter] {
        layers(height: side, width: side, head: head, labels: labels).flatMap(\.parameters)
    }
}

/// Lays layers out one after the other and follows the map's size through them.
private struct LayerBuilder {
    var size: (height: Int, width: Int)
    let activation: Architecture.Activation
    var layers: [Layer] = []

    mutating func add(_ name: String, _ operation: Layer.Operation, channels: Int) {
        layers.append(Layer(name: name, operation: operation, output: [size.height, size.width, channels]))
    }

    mutating func vector(_ name: String, _ operation: Layer.Operation, count: Int) {
        layers.append(Layer(name: name, operation: operation, output: [count]))
    }

    mutating func convolution(_ name: String, input: Int, output: Int, kernel: Int, stride: Int, groups: Int = 1) {
        size = ((size.height + stride - 1) / stride, (size.width + stride - 1) / stride)
        add(
            name, .convolution(input: input, output: output, kernel: kernel, stride: stride, groups: groups),
            channels: output)
    }

    mutating func normalised(_ name: String, channels: Int, activation: String?) {
        add(name, .batchNorm(channels: channels), channels: channels)
        if let name = activation { add(name, self.activation.operation, channels: channels) }
    }

    mutating func add(_ block: Architecture.Block) {
        switch block.kind {
        case .convolution:
            convolution(
                "\(block.name).conv", input: block.input, output: block.output, kernel: block.kernel,
                stride: block.stride)
            normalised("\(block.name).bn1", channels: block.output, activation: "\(block.name).act1")
        case .fused:
            convolution(
                "\(block.name).conv_exp", input: block.input, output: block.expanded, kernel: block.kernel,
                stride: block.stride)
            normalised("\(block.name).bn1", channels: block.expanded, activation: "\(block.name).act1")
            convolution("\(block.name).conv_pwl", input: block.expanded, output: block.output, kernel: 1, stride: 1)
            normalised("\(block.name).bn2", channels: block.output, activation: nil)
        case .mbConv: mbConv(block)
        }
        if block.hasResidual { add("\(block.name).add", .residual, channels: block.output) }
    }

    private mutating func mbConv(_ block: Architecture.Block) {
        let name = block.name
        // timm numbers batch norms within a block and calls the projection conv_pw where there is no expansion.
        var norm = 1
        if block.expands {
            convolution("\(name).conv_pw", input: block.input, output: block.expanded, kernel: 1, stride: 1)
            normalised("\(name).bn\(norm)", channels: block.expanded, activation: "\(name).act\(norm)")
            norm += 1
        }
        convolution(
            "\(name).conv_dw", input: block.expanded, output: block.expanded, kernel: block.kernel,
            stride: block.stride, groups: block.expanded)
        normalised("\(name).bn\(norm)", channels: block.expanded, activation: "\(name).act\(norm)")
        norm += 1
        if let squeezed = block.squeezed {
            vector("\(name).se.squeeze", .globalAverage, count: block.expanded)
            vector("\(name).se.conv_reduce", .pointwise(input: block.expanded, output: squeezed), count: squeezed)
            vector("\(name).se.act1", activation.operation, count: squeezed)
            vector(
                "\(name).se.conv_expand", .pointwise(input: squeezed, output: block.expanded), count: block.expanded)
            vector("\(name).se.gate", .sigmoid, count: block.expanded)
            add("\(name).se.scale", .scale, channels: block.expanded)
        }
        convolution(
            "\(name).\(block.expands ? "conv_pwl" : "conv_pw")", input: block.expanded, output: block.output, kernel: 1,
            stride: 1)
        normalised("\(name).bn\(norm)", channels: block.output, activation: nil)
    }

    mutating func add(_ head: ModelManifest.Head, features: Int, labels: Int) {
        var inputs = features
        if head.flattens {
            inputs *= size.height * size.width
            vector("flatten", .flatten, count: inputs)
        } else {
            vector("global_pool", .globalAverage, count: inputs)
        }
        for (index, hidden) in head.hidden.enumerated() {
            let name = ModelManifest.Head.hiddenName(index)
            vector(name, .dense(input: inputs, output: hidden), count: hidden)
            vector("\(name).act", .relu, count: hidden)
            inputs = hidden
        }
        vector("dropout", .dropout, count: inputs)
        vector("classifier", .dense(input: inputs, output: labels), count: labels)
    }
}

extension Architecture.Activation {
    /// The layer that computes it.
    fileprivate var operation: Layer.Operation { self == .swish ? .swish : .relu6 }
}
