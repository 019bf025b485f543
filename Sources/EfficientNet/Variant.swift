/// One of the published EfficientNets: which base network, and the coefficients that compound scaling multiplies it by.
///
/// Coefficients, resolutions and dropout rates: Tan & Le 2019 (arXiv 1905.11946), tensorflow/tpu's `lite/efficientnet_lite_builder.py`,
/// Tan & Le 2021 (arXiv 2104.00298) with google/automl's `effnetv2_configs.py`. Crop fractions: timm's `tf_efficientnet*` configurations.
public enum Variant: String, CaseIterable, Codable, Sendable, Hashable {
    case b0, b1, b2, b3, b4, b5, b6, b7
    case lite0, lite1, lite2, lite3, lite4
    case v2b0 = "v2-b0"
    case v2b1 = "v2-b1"
    case v2b2 = "v2-b2"
    case v2b3 = "v2-b3"
    case v2s = "v2-s"
    case v2m = "v2-m"
    case v2l = "v2-l"

    /// What compound scaling needs to know of one variant, and what goes with it.
    public struct Coefficients: Sendable, Hashable {
        /// Channel multiplier w.
        public let width: Double
        /// Repeat multiplier d.
        public let depth: Double
        /// Side of the square input that the published figures are for, in pixels.
        public let resolution: Int
        /// Side that the published weights were trained at: smaller than `resolution` in V2, the same elsewhere.
        public let trainingResolution: Int
        /// Dropout rate before the classifier, in 0…1 (training only).
        public let dropout: Double
        /// Share of the resized picture that the centre crop keeps (timm's `crop_pct`), in 0…1.
        public let cropFraction: Double

        init(
            _ width: Double, _ depth: Double, resolution: Int, training: Int? = nil, dropout: Double,
            crop: Double
        ) {
            self.width = width
            self.depth = depth
            self.resolution = resolution
            trainingResolution = training ?? resolution
            self.dropout = dropout
            cropFraction = crop
        }
    }

    /// The published coefficients of this variant.
    public var coefficients: Coefficients {
        switch self {
        case .b0: Coefficients(1.0, 1.0, resolution: 224, dropout: 0.2, crop: 0.875)
        case .b1: Coefficients(1.0, 1.1, resolution: 240, dropout: 0.2, crop: 0.882)
        case .b2: Coefficients(1.1, 1.2, resolution: 260, dropout: 0.3, crop: 0.890)
        case .b3: Coefficients(1.2, 1.4, resolution: 300, dropout: 0.3, crop: 0.904)
        case .b4: Coefficients(1.4, 1.8, resolution: 380, dropout: 0.4, crop: 0.922)
        case .b5: Coefficients(1.6, 2.2, resolution: 456, dropout: 0.4, crop: 0.934)
        case .b6: Coefficients(1.8, 2.6, resolution: 528, dropout: 0.5, crop: 0.942)
        case .b7: Coefficients(2.0, 3.1, resolution: 600, dropout: 0.5, crop: 0.949)
        case .lite0: Coefficients(1.0, 1.0, resolution: 224, dropout: 0.2, crop: 0.875)
        case .lite1: Coefficients(1.0, 1.1, resolution: 240, dropout: 0.2, crop: 0.882)
        case .lite2: Coefficients(1.1, 1.2, resolution: 260, dropout: 0.3, crop: 0.890)
        case .lite3: Coefficients(1.2, 1.4, resolution: 280, dropout: 0.3, crop: 0.904)
        case .lite4: Coefficients(1.4, 1.8, resolution: 300, dropout: 0.3, crop: 0.920)
        case .v2b0: Coefficients(1.0, 1.0, resolution: 224, training: 192, dropout: 0.2, crop: 0.875)
        case .v2b1: Coefficients(1.0, 1.1, resolution: 240, training: 192, dropout: 0.2, crop: 0.882)
        case .v2b2: Coefficients(1.1, 1.2, resolution: 260, training: 208, dropout: 0.3, crop: 0.890)
        case .v2b3: Coefficients(1.2, 1.4, resolution: 300, training: 240, dropout: 0.3, crop: 0.904)
        case .v2s: Coefficients(1.0, 1.0, resolution: 384, training: 300, dropout: 0.2, crop: 1)
        case .v2m: Coefficients(1.0, 1.0, resolution: 480, training: 384, dropout: 0.3, crop: 1)
        case .v2l: Coefficients(1.0, 1.0, resolution: 480, training: 384, dropout: 0.4, crop: 1)
        }
    }

    /// The variant a user means by `text`: `b0`, `B0`, `efficientnet-b0`, `tf_efficientnet_b0` and `EfficientNetB0` are the same, and so are
    /// `v2-b0`, `efficientnetv2-b0`, `efficientnet_v2_b0` and `EfficientNetV2B0`.
    public init?(name text: String) {
        func folded(_ name: String) -> Substring { name.lowercased().filter { $0 != "-" && $0 != "_" }[...] }
        var short = folded(text)
        for prefix in ["tf", "efficientnet"] where short.hasPrefix(prefix) { short = short.dropFirst(prefix.count) }
        guard let variant = Self.allCases.first(where: { folded($0.rawValue) == short }) else { return nil }
        self = variant
    }

    /// Every name, for help and messages.
    public static let names = "b0 to b7, lite0 to lite4, v2-b0 to v2-b3, v2-s, v2-m or v2-l"

    /// What papers call it: `EfficientNet-B0`, `EfficientNet-Lite0`, `EfficientNetV2-S`.
    public var title: String {
        switch family {
        case .original: "EfficientNet-\(rawValue.uppercased())"
        case .lite: "EfficientNet-Lite\(rawValue.dropFirst(4))"
        case .v2Base, .v2Small, .v2Medium, .v2Large: "EfficientNet\(rawValue.uppercased())"
        }
    }
}
