/// How well a network does on the validation scans.
public struct ValidationScore: Sendable, Hashable, Codable {
    /// The mean loss, without smoothing and weights.
    public var loss: Double
    /// The share of frames whose strongest label is theirs; with several labels, of labels that are rightly over or under a half.
    public var accuracy: Double
    /// The mean of the labels' areas under the ROC curve; 0.5 where no label has both kinds of scans.
    public var auc: Double

    /// - Parameters:
    ///   - probabilities: [frames, labels].
    ///   - targets: As many, 0 or 1.
    init(loss: Double, probabilities: [Double], targets: [Float], labels: Int, isMultiple: Bool) {
        self.loss = loss
        let frames = targets.count / max(labels, 1)
        var right = 0
        for frame in 0..<frames {
            let range = frame * labels..<(frame + 1) * labels
            if isMultiple {
                right += range.filter { (probabilities[$0] >= 0.5) == (targets[$0] == 1) }.count
            } else {
                let best = range.max { probabilities[$0] < probabilities[$1] } ?? range.lowerBound
                right += targets[best] == 1 ? 1 : 0
            }
        }
        accuracy = Double(right) / Double(max(frames * (isMultiple ? labels : 1), 1))
        let areas = (0..<labels).compactMap { label in
            Self.area((0..<frames).map { (probabilities[$0 * labels + label], targets[$0 * labels + label] == 1) })
        }
        auc = areas.isEmpty ? 0.5 : areas.reduce(0, +) / Double(areas.count)
    }

    /// The chance that a scan with the label gets a higher value than one without; equal values count half (Mann & Whitney 1947). Nil
    /// where there is only one kind.
    static func area(_ values: [(value: Double, isPositive: Bool)]) -> Double? {
        let sorted = values.sorted { $0.value < $1.value }
        let positives = sorted.filter(\.isPositive).count
        guard positives > 0, positives < sorted.count else { return nil }
        var ranks = 0.0, index = 0
        while index < sorted.count {
            var end = index
            while end < sorted.count, sorted[end].value == sorted[index].value { end += 1 }
            let rank = Double(index + 1 + end) / 2
            ranks += rank * Double(sorted[index..<end].filter(\.isPositive).count)
            index = end
        }
        let count = Double(positives)
        return (ranks - count * (count + 1) / 2) / (count * Double(sorted.count - positives))
    }

    /// Whether this is better than `other` by a metric.
    func isBetter(than other: ValidationScore, by metric: Recipe.Metric) -> Bool {
        switch metric {
        case .auc: auc > other.auc
        case .accuracy: accuracy > other.accuracy
        case .loss: loss < other.loss
        }
    }
}
