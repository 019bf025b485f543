public import EfficientNet

/// How often a model's statistics of features turn scans away: of those it is meant for, and of those it is not.
public struct Abstention: Sendable, Hashable, Codable {
    /// The distance over which it abstains.
    public let distance: Double
    /// The share of validation scans that the distance was chosen to turn away.
    public let falseAbstainRate: Double
    /// Scans of the kind that the model is meant for.
    public let scans: Int
    /// Those of them that were turned away.
    public let abstained: Int
    /// Scans of another kind; nil where nobody gave any.
    public let unlikeScans: Int?
    /// Those of them that were turned away.
    public let unlikeAbstained: Int?
    /// The chance that a scan of another kind lies farther away than one of the model's own; nil without either.
    public let auroc: Double?

    private enum CodingKeys: String, CodingKey {
        case distance, scans, abstained, auroc
        case falseAbstainRate = "false_abstain_rate"
        case unlikeScans = "unlike_scans"
        case unlikeAbstained = "unlike_abstained"
    }

    /// - Parameters:
    ///   - distances: Of scans that the model is meant for.
    ///   - unlike: Of scans of another kind; empty for none.
    public init(_ statistics: FeatureStatistics, distances: [Double], unlike: [Double] = []) {
        distance = statistics.abstainDistance
        falseAbstainRate = statistics.falseAbstainRate
        scans = distances.count
        abstained = distances.lazy.filter(statistics.abstains).count
        unlikeScans = unlike.isEmpty ? nil : unlike.count
        unlikeAbstained = unlike.isEmpty ? nil : unlike.lazy.filter(statistics.abstains).count
        auroc = RankCurve(
            scores: distances + unlike,
            truths: distances.map { _ in false } + unlike.map { _ in true }
        ).area()
    }
}
