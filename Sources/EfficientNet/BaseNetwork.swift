/// A network before scaling: what a family of variants has in common.
///
/// Sources: Tan & Le 2019, arXiv 1905.11946, table 1 (B0); tensorflow/tpu's `lite/efficientnet_lite_builder.py` (Lite); Tan & Le 2021,
/// arXiv 2104.00298, table 4, and google/automl's `effnetv2_configs.py` (V2).
struct BaseNetwork: Sendable {
    /// One stage, before scaling.
    struct Stage: Sendable {
        var kind = Architecture.Block.Kind.mbConv
        var expansion: Int
        var kernel = 3
        var stride: Int
        var channels: Int
        var repeats: Int
    }

    /// Channels of the stem.
    var stem: Int
    /// Channels of the last convolution.
    var features = 1280
    var stages: [Stage]
    var activation = Architecture.Activation.swish
    /// Whether MBConv blocks have squeeze-and-excite.
    var squeezes = true
    /// Whether stem and features keep their widths, and the first and the last stage their repeats, at any scale.
    var fixesEnds = false
    /// Whether channels that lose over a tenth to rounding get 8 more.
    var keepsWidth = true

    /// The stages of B0 and Lite0, and of those scaled from them.
    private static let first = [
        Stage(expansion: 1, stride: 1, channels: 16, repeats: 1),
        Stage(expansion: 6, stride: 2, channels: 24, repeats: 2),
        Stage(expansion: 6, kernel: 5, stride: 2, channels: 40, repeats: 2),
        Stage(expansion: 6, stride: 2, channels: 80, repeats: 3),
        Stage(expansion: 6, kernel: 5, stride: 1, channels: 112, repeats: 3),
        Stage(expansion: 6, kernel: 5, stride: 2, channels: 192, repeats: 4),
        Stage(expansion: 6, stride: 1, channels: 320, repeats: 1),
    ]

    /// The stages of V2 as (channels, repeats): a plain convolution, two fused ones, and MBConv blocks.
    private static func second(_ sizes: [(channels: Int, repeats: Int)]) -> [Stage] {
        let kinds: [(kind: Architecture.Block.Kind, expansion: Int, stride: Int)] = [
            (.convolution, 1, 1), (.fused, 4, 2), (.fused, 4, 2), (.mbConv, 4, 2), (.mbConv, 6, 1), (.mbConv, 6, 2),
            (.mbConv, 6, 1),
        ]
        return zip(kinds, sizes).map { stage, size in
            Stage(
                kind: stage.kind, expansion: stage.expansion, stride: stage.stride, channels: size.channels,
                repeats: size.repeats)
        }
    }

    static func of(_ family: Variant.Family) -> BaseNetwork {
        switch family {
        case .original: BaseNetwork(stem: 32, stages: first)
        case .lite: BaseNetwork(stem: 32, stages: first, activation: .relu6, squeezes: false, fixesEnds: true)
        case .v2Base:
            BaseNetwork(
                stem: 32, stages: second([(16, 1), (32, 2), (48, 2), (96, 3), (112, 5), (192, 8)]), keepsWidth: false)
        case .v2Small:
            BaseNetwork(stem: 24, stages: second([(24, 2), (48, 4), (64, 4), (128, 6), (160, 9), (256, 15)]))
        case .v2Medium:
            BaseNetwork(
                stem: 24, stages: second([(24, 3), (48, 5), (80, 5), (160, 7), (176, 14), (304, 18), (512, 5)]))
        case .v2Large:
            BaseNetwork(
                stem: 32, stages: second([(32, 4), (64, 7), (96, 7), (192, 10), (224, 19), (384, 25), (640, 7)]))
        }
    }

    /// Channels times `width`: the nearest multiple of 8, and, where width is kept, one more where that loses over a tenth
    /// (tensorflow/tpu `round_filters`).
    func channels(_ base: Int, width: Double) -> Int {
        let scaled = Double(base) * width
        let rounded = max(8, Int(scaled + 4) / 8 * 8)
        return keepsWidth && Double(rounded) < 0.9 * scaled ? rounded + 8 : rounded
    }
}

extension Variant {
    /// Variants that are scaled from the same base network.
    public enum Family: Sendable, Hashable, CaseIterable {
        /// B0 to B7.
        case original
        /// Lite0 to Lite4: no squeeze-and-excite, ReLU6.
        case lite
        /// V2-B0 to V2-B3.
        case v2Base
        /// V2-S, by itself.
        case v2Small
        /// V2-M, by itself.
        case v2Medium
        /// V2-L, by itself.
        case v2Large
    }

    /// The base network that this variant is scaled from.
    public var family: Family {
        switch self {
        case .b0, .b1, .b2, .b3, .b4, .b5, .b6, .b7: .original
        case .lite0, .lite1, .lite2, .lite3, .lite4: .lite
        case .v2b0, .v2b1, .v2b2, .v2b3: .v2Base
        case .v2s: .v2Small
        case .v2m: .v2Medium
        case .v2l: .v2Large
        }
    }
}
