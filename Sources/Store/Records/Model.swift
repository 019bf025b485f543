/// What the store keeps of a model package.
public struct ModelRecord: Sendable, Hashable {
    /// SHA-256 over the package, hexadecimal: the model's identity.
    public let digest: String
    /// The package's name.
    public let name: String
    /// `b0` … `v2-l`: the raw value of a `Variant`.
    public let variant: String
    /// In the order of the model's outputs, and so of every reading's probabilities.
    public let labels: [String]
    /// A label without one is *uncalibrated*. In 0…1.
    public let thresholds: [String: Double]
    /// The label that never is a finding, if the model has one.
    public let negativeLabel: String?
    /// `model.json` as it was.
    public let manifestJSON: String
    /// Where the package lay when it was registered.
    public let path: String

    /// See the properties.
    public init(
        digest: String, name: String, variant: String, labels: [String], thresholds: [String: Double],
        negativeLabel: String?, manifestJSON: String, path: String
    ) {
        self.digest = digest
        self.name = name
        self.variant = variant
        self.labels = labels
        self.thresholds = thresholds
        self.negativeLabel = negativeLabel
        self.manifestJSON = manifestJSON
        self.path = path
    }

    /// The one place that turns probabilities into a call.
    ///
    /// A label is a finding when it is not the negative label, has a threshold, and its probability is at or over it.
    /// - Parameter probabilities: one per label, in the labels' order.
    /// - Returns: nil when the number of probabilities is not the number of labels, or there are none.
    public func call(_ probabilities: [Double]) -> Call? {
        guard probabilities.count == labels.count, !labels.isEmpty else { return nil }
        var top = 0
        var findings: [Call.Finding] = []
        for (index, probability) in probabilities.enumerated() {
            if probability > probabilities[top] { top = index }
            if labels[index] != negativeLabel, let threshold = thresholds[labels[index]], probability >= threshold {
                findings.append(Call.Finding(label: index, probability: probability, threshold: threshold))
            }
        }
        findings.sort { ($0.probability, $1.label) > ($1.probability, $0.label) }
        let calibrated = labels[top] == negativeLabel || thresholds[labels[top]] != nil
        return Call(
            top: top, topLabel: labels[top], topProbability: probabilities[top], findings: findings,
            isCalibrated: calibrated || !findings.isEmpty)
    }
}

/// What a model says of one frame.
public struct Call: Sendable, Hashable {
    /// A label at or over its threshold.
    public struct Finding: Sendable, Hashable {
        /// Index into the model's labels.
        public let label: Int
        /// In 0…1.
        public let probability: Double
        /// In 0…1.
        public let threshold: Double
    }

    /// Index of the most probable label; the first of equals.
    public let top: Int
    /// The most probable label.
    public let topLabel: String
    /// In 0…1.
    public let topProbability: Double
    /// Strongest first.
    public let findings: [Finding]
    /// False when the top label has no threshold and is not the negative label, and no other label is a finding.
    public let isCalibrated: Bool

    /// True for a positive call, false for a negative one, nil for an uncalibrated reading, which is neither.
    public var finding: Bool? { isCalibrated ? !findings.isEmpty : nil }
}
