/// What people choose a variant by: its size, its input, and what goes with its published weights.
public struct VariantFacts: Sendable, Hashable {
    /// The variant.
    public let variant: Variant
    /// Parameters that training changes, with 1000 labels.
    public let parameters: Int
    /// Multiplications, each with an addition, for one image of the variant's resolution, with 1000 labels.
    public let products: Int
    /// The published preprocessing; its resolution is the variant's.
    public let preprocessing: Preprocessing

    /// The facts of a variant.
    public init(_ variant: Variant) {
        self.variant = variant
        let side = variant.coefficients.resolution
        // Neither figure depends on the padding.
        let layers = Architecture(variant, padding: .same).layers(
            height: side, width: side, head: .linear, labels: 1000)
        parameters = layers.flatMap(\.parameters).filter(\.isTrainable).reduce(0) { $0 + $1.count }
        products = layers.reduce(0) { $0 + $1.products }
        preprocessing = .standard(for: variant)
    }

    /// The preprocessing in words: `bicubic, crop 0.875, ImageNet`.
    public var preprocessingWords: String {
        let fit = preprocessing.fit == .crop ? "crop \(preprocessing.cropFraction)" : preprocessing.fit.rawValue
        let scale = preprocessing.mean == Preprocessing.imageNetMean ? "ImageNet" : "halves"
        return "\(preprocessing.interpolation.rawValue), \(fit), \(scale)"
    }

    /// The line above `row`s.
    public static let header = row(
        "variant", "network", "resolution", "trained at", "parameters", "GMAC", "preprocessing")

    /// The facts as a line of a table, under `header`.
    public var row: String {
        let tenths = (products + 5_000_000) / 10_000_000
        return Self.row(
            variant.rawValue, variant.title, "\(preprocessing.resolution)",
            "\(variant.coefficients.trainingResolution)", Summary.grouped(parameters),
            "\(tenths / 100)." + String("\(100 + tenths % 100)".dropFirst()), preprocessingWords)
    }

    /// What `row`'s last column means.
    public static let legend = """
        GMAC: thousand millions of multiplications with addition for one image, 1000 labels.
        ImageNet: mean 0.485 0.456 0.406, std 0.229 0.224 0.225; halves: mean and std 0.5.
        """

    private static func row(
        _ variant: String, _ network: String, _ resolution: String, _ trained: String, _ parameters: String,
        _ products: String, _ preprocessing: String
    ) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        func right(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        return [
            padded(variant, 7), padded(network, 18), right(resolution, 10), right(trained, 10), right(parameters, 11),
            right(products, 5), padded(preprocessing, 29),
        ].joined(separator: "  ")
    }
}
