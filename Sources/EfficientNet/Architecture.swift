/// An EfficientNet as plain data: what compound scaling makes of the base network for one (width, depth).
///
/// The inference engine, the trainer and the summary read this description; none describes the network again.
/// Source of every number: Tan & Le 2019, arXiv 1905.11946, table 1 and section 3.3.
public struct Architecture: Sendable, Hashable {
    /// One stage of the base network, before scaling.
    struct Stage {
        var expansion: Int
        var kernel: Int
        var stride: Int
        var channels: Int
        var repeats: Int
    }

    static let stemBase = 32
    static let headBase = 1280
    static let stages = [
        Stage(expansion: 1, kernel: 3, stride: 1, channels: 16, repeats: 1),
        Stage(expansion: 6, kernel: 3, stride: 2, channels: 24, repeats: 2),
        Stage(expansion: 6, kernel: 5, stride: 2, channels: 40, repeats: 2),
        Stage(expansion: 6, kernel: 3, stride: 2, channels: 80, repeats: 3),
        Stage(expansion: 6, kernel: 5, stride: 1, channels: 112, repeats: 3),
        Stage(expansion: 6, kernel: 5, stride: 2, channels: 192, repeats: 4),
        Stage(expansion: 6, kernel: 3, stride: 1, channels: 320, repeats: 1),
    ]

    /// One MBConv block.
    public struct Block: Sendable, Hashable {
        /// Stage, from 0; the I of `blocks.I.J`.
        public let stage: Int
        /// Position in its stage, from 0; the J of `blocks.I.J`.
        public let index: Int
        /// Channels in.
        public let input: Int
        /// Channels of the depthwise convolution.
        public let expanded: Int
        /// Channels out.
        public let output: Int
        /// Side of the depthwise kernel.
        public let kernel: Int
        /// Stride of the depthwise convolution, 1 or 2.
        public let stride: Int
        /// Channels that squeeze-and-excite reduces to: a quarter of the block's input.
        public let squeezed: Int

        /// Whether the block begins with a 1×1 expansion; otherwise the depthwise convolution reads the input itself.
        public var expands: Bool { expanded != input }
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
    /// How stride-2 convolutions pad.
    public let padding: ModelManifest.Padding

    /// The network of a published variant.
    public init(_ variant: Variant, padding: ModelManifest.Padding) {
        self.init(width: variant.coefficients.width, depth: variant.coefficients.depth, padding: padding)
    }

    /// The base network scaled by `width` (channels) and `depth` (repeats).
    public init(width: Double, depth: Double, padding: ModelManifest.Padding) {
        self.padding = padding
        stem = Self.channels(Self.stemBase, width: width)
        features = Self.channels(Self.headBase, width: width)
        var blocks: [Block] = []
        var input = stem
        for (index, stage) in Self.stages.enumerated() {
            let output = Self.channels(stage.channels, width: width)
            for position in 0..<Int((Double(stage.repeats) * depth).rounded(.up)) {
                blocks.append(
                    Block(
                        stage: index, index: position, input: input, expanded: input * stage.expansion, output: output,
                        kernel: stage.kernel, stride: position == 0 ? stage.stride : 1, squeezed: max(1, input / 4)))
                input = output
            }
        }
        self.blocks = blocks
    }

    /// Scaled channels: the nearest multiple of 8, and one more where that loses over a tenth (tensorflow/tpu `round_filters`).
    public static func channels(_ base: Int, width: Double) -> Int {
        let scaled = Double(base) * width
        let rounded = max(8, Int(scaled + 4) / 8 * 8)
        return Double(rounded) < 0.9 * scaled ? rounded + 8 : rounded
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
