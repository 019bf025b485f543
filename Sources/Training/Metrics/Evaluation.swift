import EfficientNet

/// What a model is worth on labelled scans, in numbers: the machine-readable half of a training's or an evaluation's report.
public struct Evaluation: Sendable, Codable {
    /// One label against the rest.
    public struct Label: Sendable, Codable {
        /// Its name.
        public let label: String
        /// Scans that have it.
        public let positives: Int
        /// Scans that do not.
        public let negatives: Int
        /// Area below the receiver operating characteristic.
        public let auc: Estimate
        /// Average precision.
        public let averagePrecision: Estimate
        /// The threshold that is in force; nil: none.
        public let threshold: Double?
        /// Positives at or over the threshold, as a share; nil without threshold or positives.
        public let sensitivity: Estimate?
        /// Negatives under the threshold, as a share.
        public let specificity: Estimate?
        /// Points of the receiver operating characteristic, [1 − specificity, sensitivity].
        public let roc: [[Double]]
        /// Points of the precision-recall curve, [recall, precision].
        public let precisionRecall: [[Double]]

        private enum CodingKeys: String, CodingKey {
            case label, positives, negatives, auc, threshold, sensitivity, specificity, roc
            case averagePrecision = "average_precision"
            case precisionRecall = "precision_recall"
        }
    }

    /// Scans.
    public let scans: Int
    /// Patients; nil where any scan has none.
    public let patients: Int?
    /// The share of scans whose most probable label is theirs (softmax), whose labels all are as the thresholds (0.5 where there is
    /// none) say (sigmoid).
    public let accuracy: Estimate
    /// Mean over the labels of the share of a label's scans that are right (softmax), or nil.
    public let balancedAccuracy: Estimate?
    /// Mean of the labels' areas below the receiver operating characteristic, of those that have one.
    public let meanAUC: Estimate
    /// `confusion[truth][call]`, scans by label, softmax only.
    public let confusion: [[Int]]?
    /// Every label against the rest.
    public let labels: [Label]
    /// What the logits are divided by.
    public let temperature: Double
    /// With a temperature of 1.
    public let uncalibrated: Calibration
    /// With `temperature`.
    public let calibrated: Calibration
    /// Resamples behind every interval.
    public let resamples: Int
    /// The seed of their draws.
    public let seed: UInt64

    private enum CodingKeys: String, CodingKey {
        case scans, patients, accuracy, confusion, labels, temperature, uncalibrated, calibrated, resamples, seed
        case balancedAccuracy = "balanced_accuracy"
        case meanAUC = "mean_auc"
    }

    /// Measures `predictions`.
    ///
    /// - Parameters:
    ///   - temperature: What the logits are divided by, over 0.
    ///   - thresholds: By label; not every label needs one.
    ///   - seed: Fixes the resamples.
    public init(
        _ predictions: Predictions, temperature: Double, thresholds: [String: Double],
        resamples: Int = Bootstrap.reportResamples, seed: UInt64 = 0
    ) {
        let bootstrap = Bootstrap(patients: predictions.patients, resamples: resamples, seed: seed)
        let probabilities = (0..<predictions.count).map { predictions.probabilities($0, temperature: temperature) }
        let members = predictions.labels.indices.map { label in predictions.truths.map { $0.contains(label) } }
        let curves = members.enumerated().map { label, truths in
            RankCurve(scores: probabilities.map { $0[label] }, truths: truths)
        }
        let right = predictions.truths.indices.map { scan in
            predictions.call(probabilities[scan], thresholds: thresholds) == predictions.truths[scan]
        }
        scans = predictions.count
        let known = predictions.patients.compactMap(\.self)
        patients = known.count == scans && scans > 0 ? Set(known).count : nil
        accuracy = bootstrap.estimate { Self.share(right, weights: $0) }
        let isSoftmax = predictions.activation == .softmax
        balancedAccuracy =
            isSoftmax
            ? bootstrap.estimate { weights in
                Self.mean(members.map { Self.share(right, among: $0, weights: weights) })
            } : nil
        confusion = isSoftmax ? Self.confusion(predictions, probabilities) : nil
        meanAUC = bootstrap.estimate { weights in Self.mean(curves.map { $0.area(weights: weights) }) }
        labels = zip(predictions.labels, curves).enumerated().map { index, entry in
            Self.label(
                entry.0, entry.1, scores: probabilities.map { $0[index] },
                truths: members[index], threshold: thresholds[entry.0], bootstrap)
        }
        self.temperature = temperature
        uncalibrated = Calibration(predictions, temperature: 1)
        calibrated = Calibration(predictions, temperature: temperature)
        self.resamples = resamples
        self.seed = seed
    }

    private static func label(
        _ name: String, _ curve: RankCurve, scores: [Double], truths: [Bool], threshold: Double?,
        _ bootstrap: Bootstrap
    ) -> Label {
        func share(of wanted: Bool) -> Estimate? {
            guard let threshold else { return nil }
            let right = zip(scores, truths).map { ($0 >= threshold) == $1 }
            let among = truths.map { $0 == wanted }
            return bootstrap.estimate { Self.share(right, among: among, weights: $0) }
        }
        let (positives, negatives) = (Double(max(curve.positives, 1)), Double(max(curve.negatives, 1)))
        let points = curve.points()
        return Label(
            label: name, positives: curve.positives, negatives: curve.negatives,
            auc: bootstrap.estimate { curve.area(weights: $0) },
            averagePrecision: bootstrap.estimate { curve.averagePrecision(weights: $0) }, threshold: threshold,
            sensitivity: share(of: true), specificity: share(of: false),
            roc: thinned(points.map { [$0.falsePositives / negatives, $0.truePositives / positives] }),
            precisionRecall: thinned(
                points.map { point in
                    let called = point.truePositives + point.falsePositives
                    return [point.truePositives / positives, called > 0 ? point.truePositives / called : 1]
                }))
    }

    /// Points of a curve that a picture can show: at most 400, first and last among them.
    private static func thinned(_ points: [[Double]]) -> [[Double]] {
        let most = 400
        guard points.count > most else { return points }
        return (0..<most).map { points[$0 * (points.count - 1) / (most - 1)] }
    }

    private static func share(_ right: [Bool], among: [Bool]? = nil, weights: [Double]?) -> Double? {
        var sum = 0.0, all = 0.0
        for index in right.indices where among?[index] ?? true {
            let weight = weights?[index] ?? 1
            all += weight
            if right[index] { sum += weight }
        }
        return all > 0 ? sum / all : nil
    }

    private static func mean(_ values: [Double?]) -> Double? {
        let known = values.compactMap(\.self)
        return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
    }

    private static func confusion(_ predictions: Predictions, _ probabilities: [[Double]]) -> [[Int]] {
        let labels = predictions.labels.count
        var table = [[Int]](repeating: [Int](repeating: 0, count: labels), count: labels)
        for (truth, row) in zip(predictions.truths, probabilities) {
            for label in truth { table[label][Predictions.largest(row)] += 1 }
        }
        return table
    }
}

extension Predictions {
    /// What is called: the most probable label (softmax), every label at or over its threshold, 0.5 where it has none (sigmoid).
    public func call(_ probabilities: [Double], thresholds: [String: Double]) -> Set<Int> {
        switch activation {
        case .softmax: [Self.largest(probabilities)]
        case .sigmoid: Set(labels.indices.filter { probabilities[$0] >= thresholds[labels[$0]] ?? 0.5 })
        }
    }

    /// Every label's threshold by `rule`; labels that the scans do not allow one for are left out.
    public func thresholds(by rule: ThresholdRule, temperature: Double) -> [String: Double] {
        var thresholds: [String: Double] = [:]
        for (index, label) in labels.enumerated() {
            thresholds[label] = rule.threshold(on: curve(index, temperature: temperature))
        }
        return thresholds
    }
}
