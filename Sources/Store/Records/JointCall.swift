/// One call made of several readings: of a scan's frames, or of the scans of a patient or DICOM study.
public struct JointCall: Sendable, Hashable {
    /// What is brought together.
    public struct Part: Sendable, Hashable {
        /// One per label of the model, in 0…1.
        public let probabilities: [Double]
        /// From what the model was trained on, 0 or more; nil for a model that does not say.
        public let distance: Double?
        /// Whether the run abstained on it.
        public let isAbstained: Bool
    }

    /// One per label of the model, in 0…1.
    public let probabilities: [Double]
    /// Made of `probabilities`, by the same thresholds as a single reading's.
    public let call: Call
    /// Which part carries the call: the one where its strongest finding (without a finding, its most probable label) is most
    /// probable, or that is nearest, where the run abstained; the first of equals.
    public let carrier: Int
    /// Of the nearest part.
    public let distance: Double?
}

extension ModelRecord {
    /// Brings parts together. Those that the run abstained on do not count; it abstains on the whole where it did on all of them.
    ///
    /// - Parameter parts: each with as many probabilities as the model has labels.
    /// - Returns: nil without parts.
    public func call(_ parts: [JointCall.Part], rule: Aggregation.Rule) -> JointCall? {
        let counted = parts.indices.filter { !parts[$0].isAbstained }
        let isAbstained = counted.isEmpty
        let used = isAbstained ? Array(parts.indices) : counted
        let lists = used.map { parts[$0].probabilities }
        let probabilities = rule.combined(lists)
        guard let call = call(probabilities, isAbstained: isAbstained) else { return nil }
        let near = { (part: Int) in parts[part].distance ?? .infinity }
        let nearest = parts.indices.min { (near($0), $0) < (near($1), $1) } ?? 0
        let label = call.findings.first?.label ?? call.top
        let strongest = lists.indices.max { (lists[$0][label], $1) < (lists[$1][label], $0) } ?? 0
        return JointCall(
            probabilities: probabilities, call: call, carrier: isAbstained ? nearest : used[strongest],
            distance: parts.compactMap(\.distance).min())
    }
}

extension NewReading {
    /// As one of several frames.
    public var part: JointCall.Part {
        JointCall.Part(probabilities: probabilities, distance: distance, isAbstained: isAbstained)
    }
}

extension ReadingRecord {
    /// As one of several frames.
    var part: JointCall.Part {
        JointCall.Part(probabilities: probabilities, distance: distance, isAbstained: isAbstained)
    }
}

extension ScanReading {
    /// As one of several scans.
    var part: JointCall.Part {
        JointCall.Part(probabilities: probabilities, distance: distance, isAbstained: call.kind == .abstained)
    }
}
