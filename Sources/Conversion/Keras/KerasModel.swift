import EfficientNet

/// What a Keras model's configuration says that its tensors do not: input, preprocessing, head and epsilon.
struct KerasModel {
    /// What the layers before the network do to a pixel of 0…255, in order.
    enum Step {
        /// `x · scale + offset`, per channel.
        case rescaling(scale: [Double], offset: [Double])
        /// `(x − mean) / √variance`, with the layer's own numbers.
        case normalization(mean: [Double], variance: [Double])
        /// The same with numbers that are variables of the layer.
        case normalizationVariables(layer: String)
    }

    /// A batch norm of the head.
    struct Norm: Equatable {
        var name: String
        var epsilon = 1e-3
        /// Whether it has a gamma, and a beta.
        var scales = true
        var shifts = true
        /// Whether it stands before pooling: a number for each channel then.
        var isOverMap = false
    }

    /// A dense layer of the head, and the batch norms that become part of it.
    struct Dense: Equatable {
        var name: String
        var activation: String
        var hasBias = true
        /// Of what it reads, in order.
        var before: [Norm] = []
        /// Between its product and its activation, in order.
        var after: [Norm] = []
    }

    /// Side of the square input; nil where the model takes any.
    var resolution: Int?
    var steps: [Step] = []
    /// Batch norm's.
    var epsilon: Double?
    /// Whether the head flattens the map; it averages it otherwise.
    var flattens = false
    /// In order, the one that makes the logits last.
    var dense: [Dense] = []
    /// Layers that change nothing when a model predicts, and what is different from the model all the same.
    var remarks: [String] = []

    /// - Throws: the layer that Nightread has nothing for.
    init(_ configuration: KerasConfiguration) throws(ContainerError) {
        let layers = configuration.layers
        let stems = layers.indices.filter { layers[$0].name == "stem_conv" }
        let ends = layers.indices.filter { layers[$0].name == "top_activation" }
        guard stems.count == 1, ends.count == 1, stems[0] < ends[0] else {
            throw ContainerError(
                "expected one EfficientNet of keras.applications in the model (layers stem_conv to top_activation), found "
                    + "\(min(stems.count, ends.count))")
        }
        for layer in layers where layer.isCustom {
            throw ContainerError(
                "layer \(layer.name): \(layer.kind) is a custom layer, whose code is not in the file: expected layers of Keras alone"
            )
        }
        for layer in layers[..<stems[0]] { try addInput(layer) }
        for layer in layers[stems[0]...ends[0]] { try checkBackbone(layer) }
        var previous = layers[ends[0]].name
        for layer in layers[(ends[0] + 1)...] where layer.kind != "InputLayer" {
            if let inputs = layer.inputs {
                let found = inputs.map { configuration.ends[$0] ?? $0 }
                // A nested model's first layer takes that model's own input.
                let isFirst = layers.contains { $0.kind == "InputLayer" && [$0.name] == found }
                guard found == [previous] || isFirst else {
                    throw ContainerError(
                        "layer \(layer.name): expected a head of one layer after the other, found one that takes \(inputs)"
                    )
                }
            }
            try addHead(layer)
            previous = layer.name
        }
        if let norm = waiting.first {
            throw ContainerError(
                "layer \(norm.name): expected a Dense after a BatchNormalization of the head, found none")
        }
    }

    // MARK: Before the network

    private mutating func addInput(_ layer: KerasLayer) throws(ContainerError) {
        switch layer.kind {
        case "InputLayer":
            let shape = (layer.settings["batch_shape"] ?? layer.settings["batch_input_shape"]) as? [Any] ?? []
            let sides = shape.dropFirst().prefix(2).compactMap { $0 as? Int }
            guard shape.count == 4, shape[3] as? Int ?? 3 == 3 else {
                throw ContainerError("layer \(layer.name): expected an input of height, width and 3 channels")
            }
            guard sides.count == 2 else { return }
            guard sides[0] == sides[1], Network.inputSides.contains(sides[0]) else {
                throw ContainerError(
                    "layer \(layer.name): expected a square input, found \(sides[0]) × \(sides[1]) pixels")
            }
            resolution = sides[0]
        case "Rescaling":
            guard let scale = layer.channels("scale"), let offset = layer.channels("offset") else {
                throw ContainerError("layer \(layer.name): expected a scale and an offset of 1 or 3 numbers")
            }
            steps.append(.rescaling(scale: scale, offset: offset))
        case "Normalization":
            guard layer.settings["invert"] as? Bool != true else {
                throw ContainerError("layer \(layer.name): a Normalization that inverts cannot be part of a package")
            }
            if let mean = layer.channels("mean"), let variance = layer.channels("variance") {
                steps.append(.normalization(mean: mean, variance: variance))
            } else {
                steps.append(.normalizationVariables(layer: layer.name))
            }
        case "ZeroPadding2D" where layer.name == "stem_conv_pad": break
        case "Resizing": remarks.append("layer \(layer.name) (Resizing) is left to the package's preprocessing")
        case let kind where kind.hasPrefix("Random"):
            remarks.append("layer \(layer.name) (\(kind)) changes nothing when a model predicts")
        default:
            throw ContainerError(
                "layer \(layer.name): \(layer.kind) before the network cannot be part of a package: expected Rescaling and "
                    + "Normalization alone")
        }
    }

    // MARK: The network

    private static let backbone: Set = [
        "Conv2D", "DepthwiseConv2D", "BatchNormalization", "Activation", "GlobalAveragePooling2D", "Reshape",
        "Multiply",
        "Add", "Dropout", "ZeroPadding2D",
    ]

    private mutating func checkBackbone(_ layer: KerasLayer) throws(ContainerError) {
        guard Self.backbone.contains(layer.kind) else {
            throw ContainerError("layer \(layer.name): an EfficientNet of keras.applications has no \(layer.kind)")
        }
        if let activation = layer.text("activation"), !["swish", "silu", "sigmoid", "linear"].contains(activation) {
            throw ContainerError("layer \(layer.name): expected activation swish, found \(activation)")
        }
        guard layer.kind == "BatchNormalization", let epsilon = layer.number("epsilon") else { return }
        guard self.epsilon == nil || self.epsilon == epsilon else {
            throw ContainerError(
                "layer \(layer.name): expected the epsilon \(self.epsilon ?? 0) of the others, found \(epsilon)")
        }
        self.epsilon = epsilon
    }

    // MARK: The head

    private var isPooled: Bool { flattens || hasAverage }
    private var hasAverage = false
    /// Batch norms that the next dense layer takes in.
    private var waiting: [Norm] = []

    private mutating func addHead(_ layer: KerasLayer) throws(ContainerError) {
        func refuse(_ reason: String) -> ContainerError {
            ContainerError(
                "layer \(layer.name): \(reason): expected average pooling or Flatten, Dense with ReLU, Dropout, "
                    + "BatchNormalization, and a last Dense with softmax or sigmoid")
        }
        switch layer.kind {
        case "Dropout": return
        case "GlobalAveragePooling2D" where dense.isEmpty && !isPooled: hasAverage = true
        case "Flatten" where dense.isEmpty:
            guard !hasAverage else { return }
            guard !flattens else { throw refuse("a second Flatten") }
            flattens = true
        case "Dense" where isPooled:
            guard dense.count <= ModelManifest.Head.hiddenLimit else {
                throw refuse("more than \(ModelManifest.Head.hiddenLimit) hidden layers")
            }
            if let last = dense.last, last.activation != "relu" {
                throw refuse("after \(last.name), a Dense with activation \(last.activation)")
            }
            dense.append(
                Dense(
                    name: layer.name, activation: layer.text("activation") ?? "linear",
                    hasBias: layer.settings["use_bias"] as? Bool ?? true, before: waiting))
            waiting = []
        case "BatchNormalization":
            let norm = try norm(layer)
            switch dense.last?.activation {
            case nil, "relu": waiting.append(norm)
            case "linear": dense[dense.count - 1].after.append(norm)
            case let other?: throw refuse("a BatchNormalization after \(other)")
            }
        case "Activation" where dense.last?.activation == "linear":
            dense[dense.count - 1].activation = layer.text("activation") ?? "linear"
        case "ReLU" where dense.last?.activation == "linear":
            guard layer.number("max_value") == nil, layer.number("negative_slope") ?? 0 == 0 else {
                throw refuse("a ReLU of another form")
            }
            dense[dense.count - 1].activation = "relu"
        case "Softmax" where dense.last?.activation == "linear": dense[dense.count - 1].activation = "softmax"
        default: throw refuse("a head with \(layer.kind) here is none that a package can have")
        }
    }

    private func norm(_ layer: KerasLayer) throws(ContainerError) -> Norm {
        // Of a map of [height, width, channels] the last axis is the third after the batch's, of a vector the first.
        let axes = (layer.settings["axis"] as? [Any] ?? layer.settings["axis"].map { [$0] })?.compactMap { $0 as? Int }
        guard axes ?? [-1] == [-1] || axes == [isPooled ? 1 : 3] else {
            throw ContainerError("layer \(layer.name): expected a BatchNormalization over the last axis")
        }
        return Norm(
            name: layer.name, epsilon: layer.number("epsilon") ?? 1e-3,
            scales: layer.settings["scale"] as? Bool ?? true, shifts: layer.settings["center"] as? Bool ?? true,
            isOverMap: !isPooled)
    }
}
