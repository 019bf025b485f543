import Tensors

/// Folds batch norm into the convolution before it, in double precision, and packs the result.
struct Packer: ~Copyable {
    private let source: Weights
    private let epsilon: Double
    private var builder: PackedWeights.Builder

    init(source: Weights, epsilon: Double, builder: consuming PackedWeights.Builder) {
        self.source = source
        self.epsilon = epsilon
        self.builder = builder
    }

    mutating func block(
        _ block: Architecture.Block, rows: Int, isCorrectable: Bool, precision: Precision
    ) -> PackedNetwork.Block {
        let name = block.name
        let norms = (1...3).map { "\(name).bn\($0)" }
        switch block.kind {
        case .convolution:
            return .convolution(
                convolution("\(name).conv", kernel: block.kernel, norm: norms[0], precision: precision))
        case .fused:
            return .fused(
                expand: convolution("\(name).conv_exp", kernel: block.kernel, norm: norms[0], precision: precision),
                project: convolution("\(name).conv_pwl", norm: norms[1], precision: precision))
        case .mbConv:
            let (projection, norm) =
                block.expands ? ("\(name).conv_pwl", norms[2]) : ("\(name).conv_pw", norms[1])
            var expand: PackedWeights.Matrix?
            if block.expands {
                expand =
                    isCorrectable
                    ? correctable("\(name).conv_pw", norm: norms[0])
                    : convolution("\(name).conv_pw", norm: norms[0], precision: precision)
            }
            return .mbConv(
                PackedNetwork.MBConv(
                    expand: expand,
                    depthwise: depthwise(
                        "\(name).conv_dw", kernel: block.kernel, norm: norms[block.expands ? 1 : 0],
                        precision: precision),
                    squeeze: block.squeezed == nil
                        ? nil
                        : PackedNetwork.Squeeze(
                            reduce: dense("\(name).se.conv_reduce"), excite: dense("\(name).se.conv_expand")),
                    project: block.squeezed == nil
                        ? PackedWeights.Scalable(convolution(projection, norm: norm, precision: precision))
                        : scalable(projection, norm: norm, rows: rows)))
        }
    }

    /// A convolution's matrix; its depth is in the order [kernel][kernel][channels in], in which maps hold their values.
    mutating func convolution(
        _ name: String, kernel: Int = 1, norm: String, precision: Precision
    ) -> PackedWeights.Matrix {
        let (scale, bias) = folded(norm)
        let weights = source["\(name).weight"]
        let area = kernel * kernel
        guard area > 1 else { return builder.add(weights, scale: scale, bias: bias, precision: precision) }
        let inputs = weights.count / scale.count / area
        var turned = [Float](repeating: 0, count: weights.count)
        for output in scale.indices {
            for input in 0..<inputs {
                for tap in 0..<area {
                    turned[(output * area + tap) * inputs + input] = weights[(output * inputs + input) * area + tap]
                }
            }
        }
        return builder.add(turned, scale: scale, bias: bias, precision: precision)
    }

    mutating func correctable(_ name: String, norm: String) -> PackedWeights.Matrix {
        let (scale, bias) = folded(norm)
        return builder.add(correctable: source["\(name).weight"], scale: scale, bias: bias)
    }

    mutating func stem(_ name: String, norm: String, precision: Precision) -> PackedWeights.Matrix {
        let (scale, bias) = folded(norm)
        var weights = source["\(name).weight"]
        for index in weights.indices { weights[index] *= scale[index / 27] }
        return builder.add(
            Program.stemMatrix(weights, precision: precision), scale: scale.map { _ in 1 }, bias: bias,
            precision: precision)
    }

    /// A convolution whose inputs squeeze-and-excite scales; `rows` pixels at the network's own resolution.
    mutating func scalable(_ name: String, norm: String, rows: Int) -> PackedWeights.Scalable {
        let (scale, bias) = folded(norm)
        return builder.add(scalable: source["\(name).weight"], scale: scale, bias: bias, rows: rows)
    }

    mutating func depthwise(
        _ name: String, kernel: Int, norm: String, precision: Precision
    ) -> PackedWeights.Taps {
        let (scale, bias) = folded(norm)
        return builder.add(
            taps: source["\(name).weight"], kernel: kernel, scale: scale, bias: bias, precision: precision)
    }

    /// A layer with a bias of its own; the values in are padded to a multiple of 8, as the layer before stores them.
    mutating func dense(_ name: String) -> PackedWeights.Matrix {
        let bias = source["\(name).bias"]
        let matrix = source["\(name).weight"]
        let inputs = bias.isEmpty ? 0 : matrix.count / bias.count
        let scale = [Float](repeating: 1, count: bias.count)
        let padded = (inputs + 7) / 8 * 8
        guard padded != inputs else { return builder.add(matrix, scale: scale, bias: bias, row: true) }
        var wide = [Float](repeating: 0, count: padded * bias.count)
        for row in bias.indices {
            for column in 0..<inputs { wide[row * padded + column] = matrix[row * inputs + column] }
        }
        return builder.add(wide, scale: scale, bias: bias, row: true)
    }

    consuming func finish() -> PackedWeights {
        builder.finish()
    }

    private func folded(_ norm: String) -> (scale: [Float], bias: [Float]) {
        let (gamma, beta) = (source["\(norm).weight"], source["\(norm).bias"])
        let (mean, variance) = (source["\(norm).running_mean"], source["\(norm).running_var"])
        let scale = gamma.indices.map { Double(gamma[$0]) / (Double(variance[$0]) + epsilon).squareRoot() }
        return (scale.map(Float.init), scale.indices.map { Float(Double(beta[$0]) - Double(mean[$0]) * scale[$0]) })
    }
}
