public import Store

/// Two runs over the same scans, side by side.
///
/// Frames are matched by content, not by name. A call is a frame's strongest finding, or none; each run's calls come from its
/// own model's thresholds, and a frame that is uncalibrated in either run is left out of agreement and kappa, and counted; as is one that
/// either run abstained on.
public struct Comparison: Sendable {
    /// How the two readings of one frame compare.
    public enum Kind: String, Sendable, Hashable {
        case same
        case changed
        /// At least one run abstained: the frame is unlike what its model was trained on.
        case abstained
        /// At least one model makes no call here.
        case uncalibrated
        /// At least one call names a label that the other model does not have.
        case incomparable = "not comparable"
    }

    /// One frame, read by both runs.
    public struct Pair: Sendable, Hashable {
        /// Reading of the first run.
        public let first: ReadingRecord
        /// Reading of the second run.
        public let second: ReadingRecord
        /// The first run's call: a label, `no finding`, `uncalibrated` or `abstained`.
        public let firstCall: String
        /// The second run's call.
        public let secondCall: String
        /// How they compare.
        public let kind: Kind
        /// The largest change of a shared label's probability, in 0…1.
        public let distance: Double
    }

    /// The call of a frame without a finding.
    public static let none = "no finding"

    /// The first run.
    public let first: RunRecord
    /// The second run.
    public let second: RunRecord
    /// Frames that both read, in the first run's path order.
    public let pairs: [Pair]
    /// Frames that only the first run read.
    public let onlyFirst: Int
    /// Frames that only the second run read.
    public let onlySecond: Int
    /// Calls of the frames that can be compared.
    public let agreement: Agreement
    /// Labels that both models have, in the first model's order.
    public let sharedLabels: [String]
    /// Milliseconds per scan (decoding, preparation and network of all frames), nearest-rank median; nil without readings.
    public let firstMedian: Double?
    /// As `firstMedian`, of the second run.
    public let secondMedian: Double?
    /// Scans per second of the first run over its sessions; nil when it read none itself.
    public let firstRate: Double?
    /// Scans per second of the second run.
    public let secondRate: Double?

    /// Frames with the kind of comparison.
    public func count(_ kind: Kind) -> Int { pairs.lazy.filter { $0.kind == kind }.count }

    /// Frames whose finding changed, largest change of a probability first.
    public var changed: [Pair] {
        pairs.filter { $0.kind == .changed }.sorted {
            $0.distance != $1.distance
                ? $0.distance > $1.distance : ($0.first.path, $0.first.frame) < ($1.first.path, $1.first.frame)
        }
    }

    /// Frames that a run abstained on, in the order of their paths.
    public var abstained: [Pair] { pairs.filter { $0.kind == .abstained } }

    /// Reads both runs. They may lie in two stores.
    /// - Throws: `ReportingError.incomparable` for a run and itself.
    public init(
        first: String, in firstStore: StudyStore, second: String, in secondStore: StudyStore
    ) throws(ReportingError) {
        guard first != second || firstStore.path != secondStore.path else {
            throw .incomparable("both names mean run \(first)")
        }
        let facts = try fromStore { () throws(StoreError) in
            (try RunFacts(store: firstStore, run: first), try RunFacts(store: secondStore, run: second))
        }
        self.init(facts.0, facts.1)
    }

    init(_ first: RunFacts, _ second: RunFacts) {
        self.first = first.run
        self.second = second.run
        let shared = Set(first.run.model.labels).intersection(second.run.model.labels)
        sharedLabels = first.run.model.labels.filter(shared.contains)
        let other = Self.byFrame(second.calls)
        var pairs: [Pair] = []
        var seen: Set<Frame> = []
        for (reading, call) in first.calls {
            let frame = Frame(reading)
            guard let match = other[frame], seen.insert(frame).inserted else { continue }
            pairs.append(
                Self.pair(
                    (reading, call, first.run.model), (match.reading, match.call, second.run.model),
                    shared: sharedLabels))
        }
        self.pairs = pairs
        onlyFirst = Set(first.calls.map { Frame($0.reading) }).count - pairs.count
        onlySecond = other.count - pairs.count
        agreement = Agreement(
            pairs.filter { $0.kind == .same || $0.kind == .changed }.map { ($0.firstCall, $0.secondCall) },
            order: [Self.none] + sharedLabels)
        firstMedian = Quantile.nearestRank(Self.scanTimes(first.readings), 0.5)
        secondMedian = Quantile.nearestRank(Self.scanTimes(second.readings), 0.5)
        firstRate = first.scansPerSecond
        secondRate = second.scansPerSecond
    }

    /// What both runs must have read to be compared.
    private struct Frame: Hashable {
        let sha256: String
        let frame: Int
        init(_ reading: ReadingRecord) {
            sha256 = reading.scan.sha256
            frame = reading.frame
        }
    }

    private static func byFrame(
        _ calls: [(reading: ReadingRecord, call: Call)]
    ) -> [Frame: (reading: ReadingRecord, call: Call)] {
        Dictionary(calls.map { (Frame($0.reading), $0) }, uniquingKeysWith: { first, _ in first })
    }

    private static func pair(
        _ first: (reading: ReadingRecord, call: Call, model: ModelRecord),
        _ second: (reading: ReadingRecord, call: Call, model: ModelRecord), shared: [String]
    ) -> Pair {
        let calls = (name(first.call, first.model), name(second.call, second.model))
        let known = { (call: String) in call == none || shared.contains(call) }
        let kinds = [first.call.kind, second.call.kind]
        let kind: Kind =
            kinds.contains(.abstained)
            ? .abstained
            : kinds.contains(.uncalibrated)
                ? .uncalibrated
                : !known(calls.0) || !known(calls.1) ? .incomparable : calls.0 == calls.1 ? .same : .changed
        let distance =
            shared.compactMap { label -> Double? in
                guard let a = probability(label, first.reading, first.model),
                    let b = probability(label, second.reading, second.model)
                else { return nil }
                return abs(a - b)
            }.max() ?? 0
        return Pair(
            first: first.reading, second: second.reading, firstCall: calls.0, secondCall: calls.1, kind: kind,
            distance: distance)
    }

    static func probability(_ label: String, _ reading: ReadingRecord, _ model: ModelRecord) -> Double? {
        model.labels.firstIndex(of: label).flatMap {
            $0 < reading.probabilities.count ? reading.probabilities[$0] : nil
        }
    }

    private static func name(_ call: Call, _ model: ModelRecord) -> String {
        switch call.kind {
        case .uncalibrated, .abstained: call.kind.rawValue
        case .negative: none
        case .finding: call.findings.first.map { model.labels[$0.label] } ?? none
        }
    }

    private static func scanTimes(_ readings: [ReadingRecord]) -> [Double] {
        var times: [String: Double] = [:]
        for reading in readings {
            times[reading.scan.sha256, default: 0] +=
                reading.decodeMilliseconds + reading.prepareMilliseconds + reading.networkMilliseconds
        }
        return Array(times.values)
    }
}
