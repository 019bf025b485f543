import Tensors

/// A network's weights, batch norm folded in and packed for the kernels, and where each layer's lie.
///
/// Independent of the input's size and of threads: any number of `Network`s can run on one.
struct PackedNetwork: Sendable {
    struct Block: Sendable {
        var block: Architecture.Block
        var expand: PackedWeights.Matrix?
        var depthwise: PackedWeights.Taps
        var reduce: PackedWeights.Matrix
        var excite: PackedWeights.Matrix
        var project: PackedWeights.Scalable
    }

    let description: NetworkDescription
    let weights: PackedWeights
    let stem: PackedWeights.Matrix
    let blocks: [Block]
    let last: PackedWeights.Matrix
    /// The dense layers of the head, the classifier last.
    let dense: [PackedWeights.Matrix]

    init(
        _ description: NetworkDescription, weights source: Weights, isa: InstructionSet, precision: Precision,
        memory: FloatMemory? = nil
    ) throws(EfficientNetError) {
        self.description = description
        var packer: Packer
        do {
            packer = Packer(
                source: source, epsilon: description.batchNormEpsilon,
                builder: try PackedWeights.Builder(
                    capacity: Self.capacity(description, precision: precision), instructionSet: isa,
                    precision: precision, memory: memory))
        } catch {
            throw .tensors(error)
        }
        stem = packer.stem("conv_stem", norm: "bn1", precision: precision)
        var blocks: [Block] = []
        var side = (description.resolution + 1) / 2
        for block in description.architecture.blocks {
            let name = block.name
            side = (side + block.stride - 1) / block.stride
            let norms = (1...3).map { "\(name).bn\($0)" }
            blocks.append(
                Block(
                    block: block,
                    expand: block.expands
                        ? packer.convolution(
                            "\(name).conv_pw", norm: norms[0],
                            isCorrectable: blocks.last?.project.isCorrected ?? false) : nil,
                    depthwise: packer.depthwise(
                        "\(name).conv_dw", kernel: block.kernel, norm: norms[block.expands ? 1 : 0]),
                    reduce: packer.dense("\(name).se.conv_reduce"),
                    excite: packer.dense("\(name).se.conv_expand"),
                    project: block.expands
                        ? packer.projection("\(name).conv_pwl", norm: norms[2], rows: side * side)
                        : packer.projection("\(name).conv_pw", norm: norms[1], rows: side * side)))
        }
        self.blocks = blocks
        last = packer.convolution("conv_head", norm: "bn2")
        dense =
            description.head == .linear
            ? [packer.dense("classifier")] : [packer.dense("head"), packer.dense("classifier")]
        weights = packer.finish()
    }

    /// Words that a network's packed weights need at most; in bfloat16, matrices may come with floats beside them.
    static func capacity(_ description: NetworkDescription, precision: Precision) -> Int {
        let layers = description.architecture.layers(
            height: description.resolution, width: description.resolution, head: description.head,
            labels: description.labels)
        return (precision == .bf16 ? 2 : 1) * capacity(layers.map(\.operation))
    }

    /// Where each layer's weights lie.
    struct Layout: Codable {
        struct Block: Codable {
            var expand: PackedWeights.Matrix?
            var depthwise: PackedWeights.Taps
            var reduce: PackedWeights.Matrix
            var excite: PackedWeights.Matrix
            var project: PackedWeights.Scalable
        }
        var stem: PackedWeights.Matrix
        var blocks: [Block]
        var last: PackedWeights.Matrix
        var dense: [PackedWeights.Matrix]
    }

    var layout: Layout {
        Layout(
            stem: stem,
            blocks: blocks.map {
                Layout.Block(
                    expand: $0.expand, depthwise: $0.depthwise, reduce: $0.reduce, excite: $0.excite,
                    project: $0.project)
            }, last: last, dense: dense)
    }

    /// A network whose weights were packed elsewhere.
    init(_ description: NetworkDescription, layout: Layout, weights: PackedWeights) {
        self.description = description
        self.weights = weights
        stem = layout.stem
        blocks = zip(description.architecture.blocks, layout.blocks).map { block, layout in
            Block(
                block: block, expand: layout.expand, depthwise: layout.depthwise, reduce: layout.reduce,
                excite: layout.excite, project: layout.project)
        }
        last = layout.last
        dense = layout.dense
    }

    private static func capacity(_ operations: [Layer.Operation]) -> Int {
        operations.reduce(0) { total, operation in
            switch operation {
            case .convolution(let input, let output, let kernel, _, let groups):
                total
                    + (groups > 1
                        ? PackedWeights.Builder.size(kernel: kernel, channels: output)
                        : PackedWeights.Builder.size(depth: input * kernel * kernel, columns: output))
            case .pointwise(let input, let output), .dense(let input, let output):
                // One more multiple of 8 values in: what the layer before rounds its outputs up to.
                total + PackedWeights.Builder.size(depth: input + 8, columns: output)
            default: total
            }
        }
    }
}

/// Folds batch norm into the convolution before it, in double precision, and packs the result.
private struct Packer: ~Copyable {
    private let source: Weights
    private let epsilon: Double
    private var builder: PackedWeights.Builder

    init(source: Weights, epsilon: Double, builder: consuming PackedWeights.Builder) {
        self.source = source
        self.epsilon = epsilon
        self.builder = builder
    }

    mutating func convolution(
        _ name: String, norm: String, isCorrectable: Bool = false
    ) -> PackedWeights.Matrix {
        let (scale, bias) = folded(norm)
        if isCorrectable {
            return builder.add(correctable: source["\(name).weight"], scale: scale, bias: bias)
        }
        return builder.add(source["\(name).weight"], scale: scale, bias: bias)
    }

    mutating func stem(_ name: String, norm: String, precision: Precision) -> PackedWeights.Matrix {
        let (scale, bias) = folded(norm)
        var weights = source["\(name).weight"]
        for index in weights.indices { weights[index] *= scale[index / 27] }
        return builder.add(
            Program.stemMatrix(weights, precision: precision), scale: scale.map { _ in 1 }, bias: bias)
    }

    /// A convolution whose inputs squeeze-and-excite scales; `rows` pixels at the network's own resolution.
    mutating func projection(_ name: String, norm: String, rows: Int) -> PackedWeights.Scalable {
        let (scale, bias) = folded(norm)
        return builder.add(scalable: source["\(name).weight"], scale: scale, bias: bias, rows: rows)
    }

    mutating func depthwise(_ name: String, kernel: Int, norm: String) -> PackedWeights.Taps {
        let (scale, bias) = folded(norm)
        return builder.add(taps: source["\(name).weight"], kernel: kernel, scale: scale, bias: bias)
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
