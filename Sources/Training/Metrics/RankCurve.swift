/// What every threshold on a score gives: receiver operating characteristic, precision and recall, and the areas below.
///
/// The scores are sorted once; weights (how often a scan was drawn in a resample) are given to each question anew. As in
/// scikit-learn, a score at or over the threshold counts as yes, and equal scores move together.
public struct RankCurve: Sendable {
    /// One threshold.
    public struct Point: Sendable, Hashable, Codable {
        /// Scores at or over it are called; infinite at the point where nothing is.
        public let threshold: Double
        /// Positives at or over the threshold.
        public let truePositives: Double
        /// Negatives at or over it.
        public let falsePositives: Double
    }

    /// Indices of the scores, highest first.
    private let order: [Int]
    private let scores: [Double]
    private let truths: [Bool]

    /// One score and one truth per scan. A NaN counts as the lowest score there is.
    public init(scores: [Double], truths: [Bool]) {
        precondition(scores.count == truths.count, "as many scores as truths")
        let scores = scores.map { $0.isNaN ? -Double.infinity : $0 }
        self.scores = scores
        self.truths = truths
        order = scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }
    }

    /// Scans that have what is asked for.
    public var positives: Int { truths.lazy.filter(\.self).count }
    /// Scans that do not.
    public var negatives: Int { truths.count - positives }

    /// Every distinct threshold, highest first, after one at infinity.
    public func points(weights: [Double]? = nil) -> [Point] {
        var points = [Point(threshold: .infinity, truePositives: 0, falsePositives: 0)]
        sweep(weights) { threshold, yes, no in
            points.append(Point(threshold: threshold, truePositives: yes, falsePositives: no))
        }
        return points
    }

    /// Area below the receiver operating characteristic: the chance that a positive scores higher than a negative, equal scores
    /// counted half (Hanley & McNeil 1982, doi:10.1148/radiology.143.1.7063747). Nil without positives or without negatives.
    public func area(weights: [Double]? = nil) -> Double? {
        var area = 0.0
        var last = (yes: 0.0, no: 0.0)
        sweep(weights) { _, yes, no in
            area += (no - last.no) * (yes + last.yes) / 2
            last = (yes, no)
        }
        return last.yes > 0 && last.no > 0 ? area / (last.yes * last.no) : nil
    }

    /// Average precision: the sum over all thresholds of precision times the recall gained, with no interpolation. Nil without
    /// positives.
    public func averagePrecision(weights: [Double]? = nil) -> Double? {
        var sum = 0.0
        var last = 0.0
        sweep(weights) { _, yes, no in
            if yes > last { sum += (yes - last) * yes / (yes + no) }
            last = yes
        }
        return last > 0 ? sum / last : nil
    }

    /// Calls `body` with each distinct score and the weights of positives and negatives at or over it.
    private func sweep(_ weights: [Double]?, _ body: (_ threshold: Double, _ yes: Double, _ no: Double) -> Void) {
        var yes = 0.0, no = 0.0
        for (place, index) in order.enumerated() {
            let weight = weights?[index] ?? 1
            if truths[index] { yes += weight } else { no += weight }
            if place + 1 < order.count, scores[order[place + 1]] == scores[index] { continue }
            body(scores[index], yes, no)
        }
    }
}
