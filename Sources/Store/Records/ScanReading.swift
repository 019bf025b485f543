/// What a run says of one scan: its frames' readings, aggregated.
public struct ScanReading: Sendable, Hashable {
    /// Path of the run's entry.
    public let path: String
    /// The content that was read.
    public let scan: ScanRecord
    /// One per frame that was read, in frame order; at least one.
    public let frames: [ReadingRecord]
    /// One per label of the model, in 0…1.
    public let probabilities: [Double]
    /// Made of `probabilities`, by the same thresholds as a single frame's.
    public let call: Call
    /// The frame that carries the call: of all frames the one where its strongest finding (without a finding, its most probable
    /// label) is most probable; the first of equals.
    public let carrier: ReadingRecord

    /// The scans of a run's readings, which come in path and frame order; a reading that does not fit the model is left out.
    public static func scans(of readings: [ReadingRecord], model: ModelRecord, rule: Aggregation.Rule) -> [ScanReading]
    {
        var scans: [ScanReading] = []
        var start = readings.startIndex
        while start < readings.endIndex {
            let first = readings[start]
            let end = readings[start...].firstIndex { $0.scan.sha256 != first.scan.sha256 } ?? readings.endIndex
            let frames = readings[start..<end].filter { $0.probabilities.count == model.labels.count }
            let probabilities = rule.combined(frames.map(\.probabilities))
            if let call = model.call(probabilities) {
                scans.append(
                    ScanReading(
                        path: first.path, scan: first.scan, frames: frames, probabilities: probabilities, call: call,
                        carrier: frames[Self.carrier(of: call, among: frames.map(\.probabilities))]))
            }
            start = end
        }
        return scans
    }

    /// Which of several lists of probabilities carries the call that was made of all of them.
    public static func carrier(of call: Call, among lists: [[Double]]) -> Int {
        let label = call.findings.first?.label ?? call.top
        return lists.indices.max { (lists[$0][label], $1) < (lists[$1][label], $0) } ?? 0
    }
}

/// What a run says of one patient, or of one DICOM study.
public struct GroupReading: Sendable, Hashable {
    /// What makes scans belong together.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case patient
        /// One examination, in DICOM's sense of the word.
        case study = "dicom-study"

        /// What a scan belongs to; nil where its file does not say.
        public func identifier(of scan: ScanRecord) -> String? {
            switch self {
            case .patient: scan.attributes?.patient
            case .study: scan.attributes?.studyUID
            }
        }
    }

    /// What the scans have in common.
    public let kind: Kind
    /// Whose: as the store names it.
    public let identifier: String
    /// In path order; at least one.
    public let scans: [ScanReading]
    /// One per label of the model, in 0…1.
    public let probabilities: [Double]
    /// Made of `probabilities`.
    public let call: Call
    /// The scan that carries the call.
    public let carrier: ScanReading

    /// The groups of scans, by identifier; scans that belong to none are left out.
    public static func groups(
        _ kind: Kind, of scans: [ScanReading], model: ModelRecord, rule: Aggregation.Rule
    ) -> [GroupReading] {
        let members = Dictionary(grouping: scans) { kind.identifier(of: $0.scan) ?? "" }
        return members.sorted { $0.key < $1.key }.compactMap { identifier, scans in
            let lists = scans.map(\.probabilities)
            let probabilities = rule.combined(lists)
            guard !identifier.isEmpty, let call = model.call(probabilities) else { return nil }
            return GroupReading(
                kind: kind, identifier: identifier, scans: scans, probabilities: probabilities, call: call,
                carrier: scans[ScanReading.carrier(of: call, among: lists)])
        }
    }
}
