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
    /// From which distance on it makes no call; nil for a model that does not know what it was trained on.
    public let abstainLimit: AbstainLimit?
    /// `model.json` as it was.
    public let manifestJSON: String
    /// Where the package lay when it was registered.
    public let path: String

    /// See the properties.
    public init(
        digest: String, name: String, variant: String, labels: [String], thresholds: [String: Double],
        negativeLabel: String?, abstainLimit: AbstainLimit? = nil, manifestJSON: String, path: String
    ) {
        self.digest = digest
        self.name = name
        self.variant = variant
        self.labels = labels
        self.thresholds = thresholds
        self.negativeLabel = negativeLabel
        self.abstainLimit = abstainLimit
        self.manifestJSON = manifestJSON
        self.path = path
    }

    /// The one place that turns probabilities into a call.
    ///
    /// A label is a finding when it is not the negative label, has a threshold, and its probability is at or over it.
    /// - Parameters:
    ///   - probabilities: one per label, in the labels' order.
    ///   - isAbstained: whether the run abstained, so that nothing is a finding.
    /// - Returns: nil when the number of probabilities is not the number of labels, or there are none.
    public func call(_ probabilities: [Double], isAbstained: Bool = false) -> Call? {
        guard probabilities.count == labels.count, !labels.isEmpty else { return nil }
        var top = 0
        var findings: [Call.Finding] = []
        for (index, probability) in probabilities.enumerated() {
            if probability > probabilities[top] { top = index }
            if !isAbstained, labels[index] != negativeLabel, let threshold = thresholds[labels[index]],
                probability >= threshold
            {
                findings.append(Call.Finding(label: index, probability: probability, threshold: threshold))
            }
        }
        findings.sort { ($0.probability, $1.label) > ($1.probability, $0.label) }
        let isCalibrated = labels[top] == negativeLabel || thresholds[labels[top]] != nil
        let kind: Call.Kind =
            isAbstained ? .abstained : !findings.isEmpty ? .finding : isCalibrated ? .negative : .uncalibrated
        return Call(
            top: top, topLabel: labels[top], topProbability: probabilities[top], findings: findings, kind: kind)
    }
}

/// How far a scan may lie from those that a model was trained on.
public struct AbstainLimit: Sendable, Hashable {
    /// A reading from farther away is no reading to rely on. Of Mahalanobis' kind, in standard deviations.
    public let distance: Double
    /// The share of validation scans that the distance was chosen to turn away, in 0…1.
    public let falseAbstainRate: Double

    /// See the properties.
    public init(distance: Double, falseAbstainRate: Double) {
        self.distance = distance
        self.falseAbstainRate = falseAbstainRate
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
    /// What kind of call it is.
    public let kind: Kind

    /// What a call comes to. The words stand in tables and are hashed into the audit chain.
    public enum Kind: String, Sendable, Hashable {
        /// At least one label is at or over its threshold.
        case finding
        /// No label is.
        case negative = "none"
        /// The top label has no threshold and is not the negative label, and no other label is a finding.
        case uncalibrated
        /// The scan is unlike what the model was trained on, so that there is no call.
        case abstained

        /// Of a recorded reading.
        init(finding: Bool?, isAbstained: Bool) {
            self = isAbstained ? .abstained : finding.map { $0 ? .finding : .negative } ?? .uncalibrated
        }
    }

    /// True for a positive call, false for a negative one, nil for a reading that is neither: uncalibrated or abstained.
    public var finding: Bool? {
        switch kind {
        case .finding: true
        case .negative: false
        case .uncalibrated, .abstained: nil
        }
    }
}
