/// One of the published EfficientNet sizes: the coefficients that compound scaling multiplies the base network by.
///
/// Coefficients, resolutions and dropout rates: Tan & Le 2019 (arXiv 1905.11946) and the published checkpoints.
/// Crop fractions: timm's `tf_efficientnet_*` configurations.
public enum Variant: String, CaseIterable, Codable, Sendable, Hashable {
    case b0, b1, b2, b3, b4, b5, b6, b7

    /// What compound scaling needs to know of one variant.
    public struct Coefficients: Sendable, Hashable {
        /// Channel multiplier w.
        public let width: Double
        /// Repeat multiplier d.
        public let depth: Double
        /// Side of the square input, in pixels.
        public let resolution: Int
        /// Dropout rate before the classifier, in 0…1 (training only).
        public let dropout: Double
        /// Share of the resized picture that the centre crop keeps (timm's `crop_pct`), in 0…1.
        public let cropFraction: Double
    }

    /// The published coefficients of this variant.
    public var coefficients: Coefficients {
        switch self {
        case .b0: Coefficients(width: 1.0, depth: 1.0, resolution: 224, dropout: 0.2, cropFraction: 0.875)
        case .b1: Coefficients(width: 1.0, depth: 1.1, resolution: 240, dropout: 0.2, cropFraction: 0.882)
        case .b2: Coefficients(width: 1.1, depth: 1.2, resolution: 260, dropout: 0.3, cropFraction: 0.890)
        case .b3: Coefficients(width: 1.2, depth: 1.4, resolution: 300, dropout: 0.3, cropFraction: 0.904)
        case .b4: Coefficients(width: 1.4, depth: 1.8, resolution: 380, dropout: 0.4, cropFraction: 0.922)
        case .b5: Coefficients(width: 1.6, depth: 2.2, resolution: 456, dropout: 0.4, cropFraction: 0.934)
        case .b6: Coefficients(width: 1.8, depth: 2.6, resolution: 528, dropout: 0.5, cropFraction: 0.942)
        case .b7: Coefficients(width: 2.0, depth: 3.1, resolution: 600, dropout: 0.5, cropFraction: 0.949)
        }
    }

    /// The variant a user means by `text`: `b0`, `B0`, `efficientnet-b0`, `efficientnet_b0` and `EfficientNetB0` are the same.
    public init?(name text: String) {
        let folded = text.lowercased().replacing("_", with: "-")
        let short = folded.hasPrefix("efficientnet") ? folded.dropFirst("efficientnet".count) : folded[...]
        self.init(rawValue: String(short.drop { $0 == "-" }))
    }
}
