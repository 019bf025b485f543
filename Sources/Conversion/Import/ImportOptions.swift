public import EfficientNet

/// What the user says of a source instead of what follows from it.
public struct ImportOptions: Sendable {
    /// The variant; recognised where nil.
    public var variant: Variant?
    /// Names of the outputs, in their order; `class 0` … where nil.
    public var labels: [String]?
    /// How stride-2 convolutions pad; the epsilon that goes with it is taken too.
    public var padding: ModelManifest.Padding?
    /// Added to batch norm's variances.
    public var epsilon: Double?
    /// Settings of the preprocessing.
    public var preprocessing: [PreprocessingSetting]

    /// Memberwise; what is left out follows from the source.
    public init(
        variant: Variant? = nil, labels: [String]? = nil, padding: ModelManifest.Padding? = nil, epsilon: Double? = nil,
        preprocessing: [PreprocessingSetting] = []
    ) {
        self.variant = variant
        self.labels = labels
        self.padding = padding
        self.epsilon = epsilon
        self.preprocessing = preprocessing
    }
}

/// One setting of a package's preprocessing: a program's whole convention, or one key of `model.json`.
public enum PreprocessingSetting: Sendable, Equatable {
    /// timm's `tf_efficientnet_*`.
    case timm
    /// torchvision's.
    case torchvision
    /// `resolution=240`: 32 to 4096 pixels.
    case resolution(Int)
    /// `fit=squash`.
    case fit(Preprocessing.Fit)
    /// `crop_pct=0.9`.
    case cropFraction(Double)
    /// `interpolation=bilinear`.
    case interpolation(Preprocessing.Interpolation)
    /// `mean=0.5,0.5,0.5`.
    case mean([Double])
    /// `std=0.5,0.5,0.5`.
    case std([Double])

    /// What `init(_:)` takes, for people.
    public static let forms =
        "timm, torchvision, resolution=N, fit=crop|squash|pad, crop_pct=X, interpolation=bicubic|bilinear, mean=A,B,C or std=A,B,C"

    /// Reads one of `forms`; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let value = parts.count == 2 ? parts[1] : ""
        let numbers = value.split(separator: ",", omittingEmptySubsequences: false).compactMap { Double($0) }
        switch (parts[0], parts.count) {
        case ("timm", 1): self = .timm
        case ("torchvision", 1): self = .torchvision
        case ("resolution", 2):
            guard let side = Int(value), (32...4096).contains(side) else { return nil }
            self = .resolution(side)
        case ("fit", 2):
            guard let fit = Preprocessing.Fit(rawValue: value) else { return nil }
            self = .fit(fit)
        case ("crop_pct", 2):
            guard let fraction = Double(value), fraction >= 0.01, fraction <= 1 else { return nil }
            self = .cropFraction(fraction)
        case ("interpolation", 2):
            guard let interpolation = Preprocessing.Interpolation(rawValue: value) else { return nil }
            self = .interpolation(interpolation)
        case ("mean", 2):
            guard numbers.count == 3, numbers.allSatisfy(\.isFinite) else { return nil }
            self = .mean(numbers)
        case ("std", 2):
            guard numbers.count == 3, numbers.allSatisfy({ $0.isFinite && $0 > 0 }) else { return nil }
            self = .std(numbers)
        default: return nil
        }
    }

    func apply(to settings: inout Preprocessing, variant: Variant) {
        switch self {
        case .timm: settings = .standard(for: variant)
        case .torchvision: settings = SourceConvention.torchvision(variant)
        case .resolution(let side): settings.resolution = side
        case .fit(let fit): settings.fit = fit
        case .cropFraction(let fraction): settings.cropFraction = fraction
        case .interpolation(let interpolation): settings.interpolation = interpolation
        case .mean(let mean): settings.mean = mean
        case .std(let std): settings.std = std
        }
    }
}
