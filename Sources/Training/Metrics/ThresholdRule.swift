/// How a label's threshold is chosen from validation scans.
public enum ThresholdRule: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The largest sensitivity + specificity − 1 (Youden 1950); of several, the highest threshold.
    case youden
    /// The highest threshold whose sensitivity is at least this, over 0 and at most 1.
    case sensitivity(Double)

    /// The rule in words, for reports.
    public var description: String {
        switch self {
        case .youden: "Youden's J: the largest sensitivity + specificity − 1"
        case .sensitivity(let target): "the highest threshold with a sensitivity of at least \(target)"
        }
    }

    /// The threshold, halfway between the lowest score that is called and the next one: these scans are called alike anywhere between
    /// them, others keep a distance to either side. Nil where the scans have no positives, or (Youden) no negatives, to choose by.
    public func threshold(on curve: RankCurve) -> Double? {
        let points = Array(curve.points().dropFirst())
        guard let lowest = lowestCalled(points, curve) else { return nil }
        let next = min(lowest + 1, points.count - 1)
        return (points[lowest].threshold + points[next].threshold) / 2
    }

    /// The place of the lowest score that is called.
    private func lowestCalled(_ points: [RankCurve.Point], _ curve: RankCurve) -> Int? {
        let positives = Double(curve.positives), negatives = Double(curve.negatives)
        guard positives > 0 else { return nil }
        switch self {
        case .sensitivity(let target):
            // 0.95 of 20 scans is 19 of them, whatever binary fractions make of it.
            return points.firstIndex { $0.truePositives >= target * positives - 1e-6 }
        case .youden:
            guard negatives > 0 else { return nil }
            var best = (gain: -Double.infinity, place: Int?.none)
            for (place, point) in points.enumerated() {
                let gain = point.truePositives / positives - point.falsePositives / negatives
                if gain > best.gain + 1e-12 { best = (gain, place) }
            }
            return best.place
        }
    }
}
