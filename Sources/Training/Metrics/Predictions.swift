public import EfficientNet

/// What a model said of labelled scans: the input of every metric.
public struct Predictions: Sendable {
    /// In the order of the model's outputs.
    public let labels: [String]
    /// How logits become probabilities.
    public let activation: ModelManifest.Activation
    /// Rows of `labels.count` logits, one row per scan.
    public private(set) var logits: [Float] = []
    /// The labels that each scan has, as indices: one for softmax, any number for sigmoid.
    public private(set) var truths: [Set<Int>] = []
    /// The patient of each scan, where known.
    public private(set) var patients: [String?] = []

    /// No scans yet.
    public init(labels: [String], activation: ModelManifest.Activation) {
        self.labels = labels
        self.activation = activation
    }

    /// Adds one scan. Logits that are not finite are refused, as the metrics of such a model mean nothing.
    ///
    /// - Throws: `TrainingError.wrongBatch` for a number of logits or truths that does not fit the labels.
    public mutating func add(logits: [Float], truth: Set<Int>, patient: String? = nil) throws(TrainingError) {
        guard logits.count == labels.count, logits.allSatisfy(\.isFinite) else {
            throw .wrongBatch(
                expected: "\(labels.count) finite logits",
                found: "\(logits.count), \(logits.filter { !$0.isFinite }.count) of them not finite")
        }
        guard truth.allSatisfy(labels.indices.contains), activation == .sigmoid || truth.count == 1 else {
            throw .wrongBatch(
                expected: activation == .softmax ? "one of \(labels.count) labels" : "labels under \(labels.count)",
                found: "\(truth.sorted())")
        }
        self.logits += logits
        truths.append(truth)
        patients.append(patient)
    }

    /// Number of scans.
    public var count: Int { truths.count }

    /// One scan's logits.
    public func logits(_ scan: Int) -> [Float] { Array(logits[scan * labels.count..<(scan + 1) * labels.count]) }

    /// One scan's probabilities, one per label.
    public func probabilities(_ scan: Int, temperature: Double) -> [Double] {
        switch activation {
        case .softmax: Probabilities.softmax(logits(scan), temperature: temperature)
        case .sigmoid: Probabilities.sigmoid(logits(scan), temperature: temperature)
        }
    }

    /// A label's curve: one against the rest.
    public func curve(_ label: Int, temperature: Double) -> RankCurve {
        RankCurve(
            scores: (0..<count).map { probabilities($0, temperature: temperature)[label] },
            truths: truths.map { $0.contains(label) })
    }

    /// The index of the largest value; the first of equals.
    static func largest(_ values: [Double]) -> Int {
        values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
    }
}
