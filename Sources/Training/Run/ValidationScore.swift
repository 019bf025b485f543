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
            let places = (0..<frames).map { $0 * labels + label }
            return RankCurve(scores: places.map { probabilities[$0] }, truths: places.map { targets[$0] == 1 }).area()
        }
        auc = areas.isEmpty ? 0.5 : areas.reduce(0, +) / Double(areas.count)
    }

    /// Whether this is better than `other` by a metric; of equals, by the loss.
    func isBetter(than other: ValidationScore, by metric: Recipe.Metric) -> Bool {
        switch metric {
        case .auc: (auc, -loss) > (other.auc, -other.loss)
        case .accuracy: (accuracy, -loss) > (other.accuracy, -other.loss)
        case .loss: loss < other.loss
        }
    }
}
