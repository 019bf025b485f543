import EfficientNet

/// How a program names the tensors of an EfficientNet, and lays them out.
enum NameScheme: String, CaseIterable {
    case timm
    case torchvision
    case huggingFace
    case efficientNetPyTorch
    case keras

    /// How the values of a tensor lie in the source.
    enum Layout: Equatable {
        /// As in Nightread: [out, in / groups, height, width] and [out, in].
        case same
        /// [height, width, in, out].
        case heightWidthInOut
        /// [height, width, channels, 1].
        case heightWidthChannels
        /// [in, out].
        case inOut
    }

    /// One tensor that the network needs, as the source has it.
    struct Tensor {
        let parameter: Layer.Parameter
        let source: String
        let layout: Layout

        /// The shape that the source's tensor has.
        var shape: [Int] {
            let shape = parameter.shape
            return switch layout {
            case .same: shape
            case .heightWidthInOut: [shape[2], shape[3], shape[1], shape[0]]
            case .heightWidthChannels: [shape[2], shape[3], shape[0], 1]
            case .inOut: [shape[1], shape[0]]
            }
        }
    }

    /// The name that the stem's convolution has, by which the scheme is recognised.
    var stem: String {
        switch self {
        case .timm: "conv_stem.weight"
        case .torchvision: "features.0.0.weight"
        case .huggingFace: "embeddings.convolution.weight"
        case .efficientNetPyTorch: "_conv_stem.weight"
        case .keras: "stem_conv/kernel"
        }
    }

    /// The classifier's name, without `.weight`.
    var classifier: String {
        switch self {
        case .timm, .huggingFace: "classifier"
        case .torchvision: "classifier.1"
        case .efficientNetPyTorch: "_fc"
        case .keras: "predictions"
        }
    }

    /// Everything a network needs but its head, in order.
    func backbone(_ layers: [Layer]) -> [Tensor] {
        let units = NetworkUnit.units(of: layers)
        let stages = (units.compactMap { $0.block?.stage }.max() ?? 0) + 1
        return units.flatMap { unit in
            unit.layers.flatMap { layer in
                layer.parameters.map { tensor($0, of: layer, in: unit, stages: stages) }
            }
        }
    }

    /// A dense layer that the source calls `name`.
    func dense(_ layer: Layer, named name: String) -> [Tensor] {
        layer.parameters.map { parameter in
            let isMatrix = parameter.shape.count == 2
            return switch self {
            case .keras:
                Tensor(
                    parameter: parameter, source: "\(name)/\(isMatrix ? "kernel" : "bias")",
                    layout: isMatrix ? .inOut : .same)
            default:
                Tensor(parameter: parameter, source: "\(name).\(isMatrix ? "weight" : "bias")", layout: .same)
            }
        }
    }

    private func tensor(
        _ parameter: Layer.Parameter, of layer: Layer, in unit: NetworkUnit, stages: Int
    ) -> Tensor {
        let suffix = String(parameter.name.dropFirst(layer.name.count + 1))
        if self == .timm { return Tensor(parameter: parameter, source: parameter.name, layout: .same) }
        var isNorm = false
        if case .batchNorm = layer.operation { isNorm = true }
        let name = isNorm ? names(unit, stages).norm : names(unit, stages).convolution
        guard self == .keras else {
            return Tensor(parameter: parameter, source: "\(name).\(suffix)", layout: .same)
        }
        let variable =
            isNorm
            ? ["weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"][
                suffix, default: suffix] : (suffix == "weight" ? "kernel" : suffix)
        let layout: Layout =
            parameter.shape.count != 4 ? .same : unit.role == .depthwise ? .heightWidthChannels : .heightWidthInOut
        return Tensor(parameter: parameter, source: "\(name)/\(variable)", layout: layout)
    }

    /// What the scheme calls a unit's convolution and its batch norm.
    private func names(_ unit: NetworkUnit, _ stages: Int) -> (convolution: String, norm: String) {
        switch self {
        case .timm: (unit.layers[0].name, unit.layers.last?.name ?? "")
        case .torchvision: torchvision(unit, stages)
        case .huggingFace: huggingFace(unit)
        case .efficientNetPyTorch: efficientNetPyTorch(unit)
        case .keras: keras(unit)
        }
    }

    /// torchvision/models/efficientnet.py: `features.STAGE.BLOCK.block.POSITION`, convolution 0, batch norm 1.
    private func torchvision(_ unit: NetworkUnit, _ stages: Int) -> (String, String) {
        guard let block = unit.block else {
            let place = "features.\(unit.role == .stem ? 0 : stages + 1)"
            return ("\(place).0", "\(place).1")
        }
        let place = "features.\(block.stage + 1).\(block.index).block.\(unit.position)"
        return switch unit.role {
        case .squeezeReduce: ("\(place).fc1", "")
        case .squeezeExpand: ("\(place).fc2", "")
        default: ("\(place).0", "\(place).1")
        }
    }

    /// transformers/models/efficientnet/modeling_efficientnet.py, without the prefix `efficientnet.`.
    private func huggingFace(_ unit: NetworkUnit) -> (String, String) {
        let place = "encoder.blocks.\(unit.block?.number ?? 0)"
        return switch unit.role {
        case .stem: ("embeddings.convolution", "embeddings.batchnorm")
        case .expand: ("\(place).expansion.expand_conv", "\(place).expansion.expand_bn")
        case .depthwise: ("\(place).depthwise_conv.depthwise_conv", "\(place).depthwise_conv.depthwise_norm")
        case .squeezeReduce: ("\(place).squeeze_excite.reduce", "")
        case .squeezeExpand: ("\(place).squeeze_excite.expand", "")
        case .project: ("\(place).projection.project_conv", "\(place).projection.project_bn")
        case .last: ("encoder.top_conv", "encoder.top_bn")
        }
    }

    /// efficientnet_pytorch/model.py: batch norms are numbered by role.
    private func efficientNetPyTorch(_ unit: NetworkUnit) -> (String, String) {
        let place = "_blocks.\(unit.block?.number ?? 0)"
        return switch unit.role {
        case .stem: ("_conv_stem", "_bn0")
        case .expand: ("\(place)._expand_conv", "\(place)._bn0")
        case .depthwise: ("\(place)._depthwise_conv", "\(place)._bn1")
        case .squeezeReduce: ("\(place)._se_reduce", "")
        case .squeezeExpand: ("\(place)._se_expand", "")
        case .project: ("\(place)._project_conv", "\(place)._bn2")
        case .last: ("_conv_head", "_bn1")
        }
    }

    /// keras/src/applications/efficientnet.py and efficientnet_v2.py: stages from 1, blocks by letter.
    private func keras(_ unit: NetworkUnit) -> (String, String) {
        guard let block = unit.block else {
            return unit.role == .stem ? ("stem_conv", "stem_bn") : ("top_conv", "top_bn")
        }
        let letter = Character(Unicode.Scalar(UInt8(ascii: "a") + UInt8(clamping: block.index)))
        let place = "block\(block.stage + 1)\(letter)"
        return switch unit.role {
        case .expand: ("\(place)_expand_conv", "\(place)_expand_bn")
        case .depthwise: ("\(place)_dwconv", "\(place)_bn")
        case .squeezeReduce: ("\(place)_se_reduce", "")
        case .squeezeExpand: ("\(place)_se_expand", "")
        default: ("\(place)_project_conv", "\(place)_project_bn")
        }
    }
}
