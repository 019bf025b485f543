public import Store

/// What a run tells whoever shows it.
public enum RunEvent: Sendable {
    /// The model works here, and these are the scans to be read.
    case started(RunBegin)
    /// More scans were found while watching.
    case found(Int)
    /// One path has its outcome.
    case scan(ScanEvent)
    /// Something that people should know, and that stops nothing.
    case notice(String)
    /// No scan is taken any more; `atOnce`: those in hand are dropped too.
    case stopping(reason: String, atOnce: Bool)
}

/// A run's beginning.
public struct RunBegin: Sendable {
    /// The run, as the store has it.
    public let run: RunRecord
    /// Paths that have their outcome from before, when the run was resumed.
    public let settledBefore: Int
    /// Paths to be read.
    public let scans: Int
    /// What the self-test showed; nil when the package has none.
    public let selfTest: SelfTestResult?
    /// Scans read at the same time.
    public let workers: Int
}

/// What became of one path.
public struct ScanEvent: Sendable {
    /// The file.
    public let path: String
    /// Its one outcome.
    public let outcome: EntryRecord.Outcome
    /// The rule, the other path, or the reason.
    public let detail: String?
    /// A failure's one word.
    public let kind: FailureKind?
    /// 1 for a scan that was read now and has a finding, else 0.
    public let findings: Int
    /// Whether the scan was read now and is unlike what the model was trained on, so that no call is made of it.
    public let isAbstained: Bool
    /// From what the model was trained on, for a scan that was read now by a model that knows; of its nearest frame.
    public let distance: Double?
    /// Strongest finding, or else most probable label, for a scan that was read now and has a call.
    public let label: String?
    /// Wall-clock milliseconds from opening to its outcome, which may wait for others before it is recorded.
    public let milliseconds: Double

    init(
        path: String, outcome: EntryRecord.Outcome, detail: String?, kind: FailureKind? = nil, findings: Int = 0,
        isAbstained: Bool = false, distance: Double? = nil, label: String? = nil, milliseconds: Double = 0
    ) {
        self.path = path
        self.outcome = outcome
        self.detail = detail
        self.kind = kind
        self.findings = findings
        self.isAbstained = isAbstained
        self.distance = distance
        self.label = label
        self.milliseconds = milliseconds
    }
}

/// How a run ended.
public struct RunResult: Sendable {
    /// Why it stopped.
    public enum End: Sendable, Equatable {
        /// Everything seen has its outcome.
        case finished
        /// A signal or the user stopped it; the next run resumes.
        case stopped(reason: String)
        /// It could not go on.
        case aborted(PipelineError)
    }

    /// The run, as the store has it.
    public let run: RunRecord
    /// What became of every path.
    public let ledger: Ledger
    /// Why it stopped.
    public let end: End
}
