/// An EfficientNet as plain data: what compound scaling makes of a base network for one (width, depth).
///
/// The inference engine, the trainer and the summary read this description; none describes the network again.
/// Source: Tan & Le 2019, arXiv 1905.11946, section 3.3; the base networks have their own.
public struct Architecture: Sendable, Hashable {
    /// What follows the convolutions that are not linear, and squeeze-and-excite's first.
    public enum Activation: Sendable, Hashable {
        /// x · sigmoid(x).
        case swish
        /// min(max(x, 0), 6).
        case relu6
    }

    /// One block.
    public struct Block: Sendable, Hashable {
        /// What a block is made of, in the order of its layers; each convolution is followed by batch norm.
        public enum Kind: Sendable, Hashable {
            /// k×k convolution with activation.
            case convolution
            /// Fused MBConv: k×k expansion with activation, 1×1 projection.
            case fused
            /// 1×1 expansion with activation where the block `expands`, k×k depthwise convolution with activation,
            /// squeeze-and-excite where there are `squeezed` channels, 1×1 projection.
            case mbConv
        }

        /// What the block is made of.
        public let kind: Kind
        /// Stage, from 0; the I of `blocks.I.J`.
        public let stage: Int
        /// Position in its stage, from 0; the J of `blocks.I.J`.
        public let index: Int
        /// Channels in.
        public let input: Int
        /// Channels of the map within the block, which the projection reads; of a plain convolution, its outputs.
        public let expanded: Int
        /// Channels out.
        public let output: Int
        /// Side of the kernel of the convolution that is not 1×1.
        public let kernel: Int
        /// Stride of that convolution, 1 or 2.
        public let stride: Int
        /// Channels that squeeze-and-excite reduces to, a quarter of the block's input; nil where there is none.
        public let squeezed: Int?

        /// Whether an MBConv block begins with a 1×1 expansion; otherwise its depthwise convolution reads the input itself.
        public var expands: Bool { kind == .mbConv && expanded != input }
        /// Whether the input is added to the output.
        public var hasResidual: Bool { stride == 1 && input == output }
        /// `blocks.I.J`.
        public var name: String { "blocks.\(stage).\(index)" }
    }

    /// Channels of the stem, a 3×3 convolution of stride 2.
    public let stem: Int
    /// All blocks, in order.
    public let blocks: [Block]
    /// Channels of the last 1×1 convolution: the features that the head reads.
    public let features: Int
    /// What follows stem, expansions, depthwise convolutions and the last convolution.
    public let activation: Activation
    /// How stride-2 convolutions pad.
    public let padding: ModelManifest.Padding

    /// The network of a published variant.
    public init(_ variant: Variant, padding: ModelManifest.Padding) {
        self.init(
            .of(variant.family), width: variant.coefficients.width, depth: variant.coefficients.depth, padding: padding)
    }

    /// A base network scaled by `width` (channels) and `depth` (repeats).
    init(_ base: BaseNetwork, width: Double, depth: Double, padding: ModelManifest.Padding) {
        self.padding = padding
        activation = base.activation
        stem = base.fixesEnds ? base.stem : base.channels(base.stem, width: width)
        features = base.fixesEnds ? base.features : base.channels(base.features, width: width)
        var blocks: [Block] = []
        var input = stem
        for (index, stage) in base.stages.enumerated() {
            let output = base.channels(stage.channels, width: width)
            let isFixed = base.fixesEnds && (index == 0 || index == base.stages.count - 1)
            for position in 0..<Int((Double(stage.repeats) * (isFixed ? 1 : depth)).rounded(.up)) {
                blocks.append(
                    Block(
                        kind: stage.kind, stage: index, index: position, input: input,
                        expanded: stage.kind == .convolution ? output : input * stage.expansion, output: output,
                        kernel: stage.kernel, stride: position == 0 ? stage.stride : 1,
                        squeezed: base.squeezes && stage.kind == .mbConv ? max(1, input / 4) : nil))
                input = output
            }
        }
        self.blocks = blocks
    }

    /// Side of the last map for a square input of `side` pixels: five halvings, rounded up.
    ///
    /// Both paddings make ⌈n / 2⌉ of n at every stride of 2.
    public static func lastMap(side: Int) -> Int {
        (0..<5).reduce(side) { size, _ in (size + 1) / 2 }
    }
}

extension ModelManifest.Padding {
    /// Zeros before and after a line of `size` samples for a convolution.
    ///
    /// `same`: TensorFlow's rule, where an odd total leaves the extra zero at the end.
    public func zeros(size: Int, kernel: Int, stride: Int) -> (before: Int, after: Int) {
        switch self {
        case .symmetric:
            return (kernel / 2, kernel / 2)
        case .same:
            let total = max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0)
            return (total / 2, total - total / 2)
        }
    }
}
