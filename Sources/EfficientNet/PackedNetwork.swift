import Tensors

/// A network's weights, batch norm folded in and packed for the kernels, and where each layer's lie.
///
/// Independent of the input's size and of threads: any number of `Network`s can run on one.
struct PackedNetwork: Sendable {
    /// Where an MBConv block's weights lie.
    struct MBConv: Codable, Sendable {
        var expand: PackedWeights.Matrix?
        var depthwise: PackedWeights.Taps
        /// Squeeze-and-excite, where the block has it.
        var squeeze: Squeeze?
        var project: PackedWeights.Scalable
    }

    /// Where squeeze-and-excite's weights lie.
    struct Squeeze: Codable, Sendable {
        var reduce: PackedWeights.Matrix
        var excite: PackedWeights.Matrix
    }

    /// Where a block's weights lie.
    enum Block: Codable, Sendable {
        case convolution(PackedWeights.Matrix)
        case fused(expand: PackedWeights.Matrix, project: PackedWeights.Matrix)
        case mbConv(MBConv)
    }

    /// Where each layer's weights lie.
    struct Layout: Codable, Sendable {
        var stem: PackedWeights.Matrix
        /// As many as the architecture's, in its order.
        var blocks: [Block]
        var last: PackedWeights.Matrix
        /// The dense layers of the head, the classifier last.
        var dense: [PackedWeights.Matrix]
    }

    let description: NetworkDescription
    let weights: PackedWeights
    let layout: Layout

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
        let architecture = description.architecture
        let stem = packer.stem("conv_stem", norm: "bn1", precision: architecture.precision(inStage: 0, of: precision))
        var blocks: [Block] = []
        var side = (description.resolution + 1) / 2
        // Whether the averages of a block's input are known, with which a bfloat16 expansion corrects its errors.
        var isKnown = false
        for block in architecture.blocks {
            side = (side + block.stride - 1) / block.stride
            let packed = packer.block(
                block, rows: side * side, isCorrectable: isKnown,
                precision: architecture.precision(inStage: block.stage, of: precision))
            if case .mbConv(let parts) = packed { isKnown = parts.project.isCorrected }
            blocks.append(packed)
        }
        let last = packer.convolution("conv_head", norm: "bn2", precision: precision)
        var dense: [PackedWeights.Matrix] = []
        for name in description.head.layerNames { dense.append(packer.dense(name)) }
        layout = Layout(stem: stem, blocks: blocks, last: last, dense: dense)
        weights = packer.finish()
    }

    /// Words that a network's packed weights need at most; in bfloat16, matrices may come with floats beside them.
    static func capacity(_ description: NetworkDescription, precision: Precision) -> Int {
        let layers = description.architecture.layers(
            height: description.resolution, width: description.resolution, head: description.head,
            labels: description.labels)
        return (precision == .bf16 ? 2 : 1) * capacity(layers.map(\.operation))
    }

    /// A network whose weights were packed elsewhere.
    init(_ description: NetworkDescription, layout: Layout, weights: PackedWeights) {
        self.description = description
        self.weights = weights
        self.layout = layout
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

extension Architecture {
    /// What the blocks of a stage compute in where the network is asked for `precision`.
    ///
    /// Without squeeze-and-excite and with ReLU6, rounding errors of the early stages grow: on seeded Lite3 rounding the image alone
    /// to bfloat16 costs 6 hundredths of the logits' deviation. From the fifth stage on all of it costs 3 hundredths. With the fourth
    /// stage in bfloat16 as well the largest difference of 1000 logits, over three seeds, is 5 hundredths on Lite0 and 7 to 16 on the others.
    func precision(inStage stage: Int, of precision: Precision) -> Precision {
        activation == .relu6 && stage < 4 ? .f32 : precision
    }
}
