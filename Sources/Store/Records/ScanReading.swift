/// What a run says of one scan: its frames' readings, aggregated.
public struct ScanReading: Sendable, Hashable {
    /// Path of the run's entry.
    public let path: String
    /// The content that was read.
    public let scan: ScanRecord
    /// One per frame that was read, in frame order; at least one.
    public let frames: [ReadingRecord]
    /// One per label of the model, in 0…1; of the frames that count.
    public let probabilities: [Double]
    /// Made of `probabilities`, by the same thresholds as a single frame's. Frames that the run abstained on do not count, unless it
    /// did so on all.
    public let call: Call
    /// The frame that carries the call: of the frames that count the one where its strongest finding (without a finding, its most
    /// probable label) is most probable; the first of equals. Where the run abstained, the nearest.
    public let carrier: ReadingRecord
    /// Of the nearest frame from what the model was trained on; nil for a model that does not say.
    public let distance: Double?

    /// Frames that the run abstained on.
    public var abstainedFrames: Int { frames.count { $0.isAbstained } }

    /// The scans of a run's readings, which come in path and frame order; a reading that does not fit the model is left out.
    public static func scans(of readings: [ReadingRecord], model: ModelRecord, rule: Aggregation.Rule) -> [ScanReading]
    {
        var scans: [ScanReading] = []
        var start = readings.startIndex
        while start < readings.endIndex {
            let first = readings[start]
            let end = readings[start...].firstIndex { $0.scan.sha256 != first.scan.sha256 } ?? readings.endIndex
            let frames = readings[start..<end].filter { $0.probabilities.count == model.labels.count }
            if let joint = model.call(frames.map(\.part), rule: rule) {
                scans.append(
                    ScanReading(
                        path: first.path, scan: first.scan, frames: frames, probabilities: joint.probabilities,
                        call: joint.call, carrier: frames[joint.carrier], distance: joint.distance))
            }
            start = end
        }
        return scans
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
    /// Made of `probabilities`. Scans that the run abstained on do not count, unless it did so on all.
    public let call: Call
    /// The scan that carries the call.
    public let carrier: ScanReading

    /// Scans that the run abstained on.
    public var abstainedScans: Int { scans.count { $0.call.kind == .abstained } }

    /// The groups of scans, by identifier; scans that belong to none are left out.
    public static func groups(
        _ kind: Kind, of scans: [ScanReading], model: ModelRecord, rule: Aggregation.Rule
    ) -> [GroupReading] {
        let members = Dictionary(grouping: scans) { kind.identifier(of: $0.scan) ?? "" }
        return members.sorted { $0.key < $1.key }.compactMap { identifier, scans in
            guard !identifier.isEmpty, let joint = model.call(scans.map(\.part), rule: rule) else { return nil }
            return GroupReading(
                kind: kind, identifier: identifier, scans: scans, probabilities: joint.probabilities,
                call: joint.call, carrier: scans[joint.carrier])
        }
    }
}
