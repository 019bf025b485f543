public import Tensors

/// `model.json` of a model package: everything about a model but its numbers.
public struct ModelManifest: Codable, Sendable, Hashable {
    /// How stride-2 convolutions pad; weights silently depend on it.
    public enum Padding: String, Codable, Sendable, Hashable, CaseIterable {
        /// k / 2 on every side (timm `efficientnet_*`, torchvision).
        case symmetric
        /// TensorFlow's SAME: the odd pixel at the bottom and right (timm `tf_efficientnet_*`, Keras).
        case same

        /// The batch-norm epsilon that goes with this padding in the reference implementations.
        public var batchNormEpsilon: Double { self == .symmetric ? 1e-5 : 1e-3 }
    }

    /// How logits become probabilities.
    public enum Activation: String, Codable, Sendable, Hashable {
        /// One label per scan; probabilities sum to 1.
        case softmax
        /// Each label by itself.
        case sigmoid
    }

    /// Where the model comes from; shown in reports, never interpreted.
    public struct Provenance: Codable, Sendable, Hashable {
        /// The data, in words.
        public var trainedOn: String?
        /// Program and version.
        public var trainedBy: String?
        /// Date, ISO 8601.
        public var trainedAt: String?
        /// Measured on data held out from training, by name.
        public var metrics: [String: Double]?
        /// SHA-256, hexadecimal, over the training's scans: content, labels and side.
        public var dataSHA256: String?
        /// The training's seed.
        public var seed: UInt64?
        /// The training file's text.
        public var settings: String?

        /// Memberwise; what is left out takes the value given here.
        public init(
            trainedOn: String? = nil, trainedBy: String? = nil, trainedAt: String? = nil,
            metrics: [String: Double]? = nil, dataSHA256: String? = nil, seed: UInt64? = nil, settings: String? = nil
        ) {
            self.trainedOn = trainedOn
            self.trainedBy = trainedBy
            self.trainedAt = trainedAt
            self.metrics = metrics
            self.dataSHA256 = dataSHA256
            self.seed = seed
            self.settings = settings
        }

        private enum CodingKeys: String, CodingKey {
            case trainedOn = "trained_on"
            case trainedBy = "trained_by"
            case trainedAt = "trained_at"
            case metrics, seed, settings
            case dataSHA256 = "data_sha256"
        }
    }

    /// Format of the package; this version reads and writes 1.
    public static let currentFormat = 1

    /// Format of this manifest.
    public var format: Int
    /// What reports call the model.
    public var name: String
    /// The network.
    public var variant: Variant
    /// How its stride-2 convolutions pad.
    public var padding: Padding
    /// Added to batch norm's variances, over 0.
    public var batchNormEpsilon: Double
    /// What follows the last convolution.
    public var head: Head
    /// How logits become probabilities.
    public var activation: Activation
    /// In the order of the classifier's outputs.
    public var labels: [String]
    /// The label that never is a finding (`normal`), if the model has one.
    public var negativeLabel: String?
    /// A reading at or over a label's threshold is a finding, in 0…1. A label without one is *uncalibrated*.
    public var thresholds: [String: Double]
    /// Logits are divided by it before the activation.
    public var temperature: Double
    /// How scans become the network's input.
    public var preprocessing: Preprocessing
    /// What the network computes in where neither pipeline file nor command says; nil: float.
    public var precision: Precision?
    /// Where the model comes from.
    public var provenance: Provenance
    /// SHA-256 of `weights.safetensors`, hexadecimal.
    public var weightsSHA256: String

    /// Memberwise; what is left out takes the value given here.
    public init(
        name: String, variant: Variant, padding: Padding, batchNormEpsilon: Double? = nil, head: Head = .linear,
        activation: Activation = .softmax, labels: [String], negativeLabel: String? = nil,
        thresholds: [String: Double] = [:], temperature: Double = 1, preprocessing: Preprocessing? = nil,
        provenance: Provenance = Provenance(), weightsSHA256: String = ""
    ) {
        self.format = Self.currentFormat
        self.name = name
        self.variant = variant
        self.padding = padding
        self.batchNormEpsilon = batchNormEpsilon ?? padding.batchNormEpsilon
        self.head = head
        self.activation = activation
        self.labels = labels
        self.negativeLabel = negativeLabel
        self.thresholds = thresholds
        self.temperature = temperature
        self.preprocessing = preprocessing ?? .standard(for: variant)
        self.provenance = provenance
        self.weightsSHA256 = weightsSHA256
    }

    private enum CodingKeys: String, CodingKey {
        case format, name, variant, padding, head, activation, labels, thresholds, temperature, preprocessing,
            precision, provenance
        case batchNormEpsilon = "batch_norm_epsilon"
        case negativeLabel = "negative_label"
        case weightsSHA256 = "weights_sha256"
    }
}
