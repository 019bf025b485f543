import Store

/// What becomes of a path, before it is recorded.
enum ScanOutcome {
    case read(ScanRecord, [NewReading], call: JointCall?)
    case other(EntryOutcome)
    /// Left alone for what the file says of itself; `scan` where it was decoded to find out.
    case excluded(rule: String, scan: ScanRecord?)
    case failed(ScanFailure)
    /// The file is not complete yet; watching looks at it again.
    case incomplete(reason: String)
    /// The run is being stopped at once; nothing is recorded.
    case dropped

    /// Whether other paths with this content are its duplicates. One that is left out for what it says is not.
    var speaksForContent: Bool {
        switch self {
        case .read, .other, .failed: true
        case .excluded, .incomplete, .dropped: false
        }
    }
}

/// A path with its outcome, on its way to the store and to whoever shows the run.
struct FinishedScan: Sendable {
    /// What the store gets.
    let record: PathRecord
    /// What is told once the store has it.
    let event: ScanEvent
    /// Whether watching is to look at the path again.
    let comesBack: Bool

    /// - Parameters:
    ///   - digest: of the content, where it was hashed.
    ///   - labels: the model's.
    /// - Returns: nil for what is not recorded.
    init?(
        path: String, _ outcome: ScanOutcome, stamp: FileStamp?, digest: String?, labels: [String], milliseconds: Double
    ) {
        var comesBack = false
        var findings = 0
        var isAbstained = false
        var distance: Double?
        var label: String?
        var kind: FailureKind?
        let content: PathRecord.Content
        let said: (outcome: EntryRecord.Outcome, detail: String?)
        switch outcome {
        case .dropped: return nil
        case .read(let scan, let readings, let call):
            content = .read(scan, readings)
            said = (.read, nil)
            findings = call?.call.finding == true ? 1 : 0
            isAbstained = call?.call.kind == .abstained
            distance = call?.distance
            if let call = call?.call, !isAbstained {
                label = call.findings.first.map { labels[$0.label] } ?? call.topLabel
            }
        case .failed(let failure):
            content = .failure(
                NewFailure(
                    sha256: digest, stage: failure.stage.rawValue, kind: failure.kind.rawValue, reason: failure.reason))
            said = (.failed, failure.reason)
            kind = failure.kind
        case .incomplete(let reason):
            content = .outcome(.pending(reason: reason), sha256: nil, scan: nil)
            said = (.pending, reason)
            comesBack = true
        case .excluded(let rule, let scan):
            content = .outcome(.skipped(rule: rule), sha256: digest, scan: scan)
            said = (.skipped, rule)
        case .other(let outcome):
            content = .outcome(outcome, sha256: digest, scan: nil)
            said =
                switch outcome {
                case .duplicate(let other): (.duplicate, other)
                case .skipped(let rule): (.skipped, rule)
                case .pending(let reason): (.pending, reason)
                case .quarantined(let reason): (.quarantined, reason)
                }
        }
        record = PathRecord(path: path, stamp: stamp, content)
        event = ScanEvent(
            path: path, outcome: said.outcome, detail: said.detail, kind: kind, findings: findings,
            isAbstained: isAbstained,
            distance: distance, label: label, milliseconds: milliseconds)
        self.comesBack = comesBack
    }
}
