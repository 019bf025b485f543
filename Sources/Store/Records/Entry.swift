/// How a path ended that is neither read nor failed.
public enum EntryOutcome: Sendable, Hashable {
    /// The same content as another path of this run.
    case duplicate(of: String)
    /// Left alone by a rule, named in a few words (`hidden file`, `pattern`, …).
    case skipped(rule: String)
    /// Not yet settled, or not reached before the run stopped.
    case pending(reason: String)
    /// Not opened, because this content took decoders down before.
    case quarantined(reason: String)
}

/// One path that a run has seen, with its outcome.
public struct EntryRecord: Sendable, Hashable {
    /// The exactly one outcome that the ledger counts.
    public enum Outcome: String, Sendable, Hashable, CaseIterable {
        case read, duplicate, skipped, failed, quarantined, pending
    }

    /// As the run saw it.
    public let path: String
    /// The one outcome that counts.
    public let outcome: Outcome
    /// The other path of a duplicate, the rule that skipped, the reason for waiting, quarantine or failure.
    public let detail: String?
    /// Content, where it was hashed.
    public let sha256: String?
    /// Where the file could be asked.
    public let stamp: FileStamp?
}

/// One recorded failure.
public struct FailureRecord: Sendable, Hashable {
    /// As the run saw it.
    public let path: String
    /// Content, where it was hashed.
    public let sha256: String?
    /// Where on its way the scan failed: `open`, `hash`, `decode`, `prepare`, `network`, …
    public let stage: String
    /// One word: `truncated`, `corrupt`, `crash`, `timeout`, `memory`, …
    public let kind: String
    /// What was expected and found.
    public let reason: String
    /// UTC, RFC 3339 with milliseconds.
    public let failedAt: String

    /// The kinds that mean a process was lost to this content; they count towards quarantine.
    public static let quarantiningKinds: Set<String> = ["crash", "timeout", "memory"]
}

/// What became of every path of a run.
public struct Ledger: Sendable, Hashable {
    /// Paths seen.
    public var seen = 0
    /// Paths with a reading; an entry marked read whose reading is missing does not count, and the ledger then does not balance.
    public var read = 0
    /// Of those that were read, the paths on which the run abstained in every frame: unlike what the model was trained on.
    public var abstained = 0
    /// Paths with the content of another path.
    public var duplicate = 0
    /// By rule, most frequent first.
    public var skippedByRule: [Skip] = []
    /// Paths that could not be read.
    public var failed = 0
    /// Paths whose content took processes down before.
    public var quarantined = 0
    /// Paths that were not settled, or not reached.
    public var pending = 0

    /// Paths that a rule left alone.
    public var skipped: Int { skippedByRule.reduce(0) { $0 + $1.count } }

    /// Every path seen ended in exactly one way.
    public var balances: Bool { seen == read + duplicate + skipped + failed + quarantined + pending }

    /// `40 seen = 31 read + 2 duplicate + 3 skipped + 4 failed + 0 quarantined + 0 pending`, after `31 read` with `(5 abstained)`, if any.
    public var line: String {
        "\(seen) seen \(balances ? "=" : "≠") \(read) read \(abstained > 0 ? "(\(abstained) abstained) " : "")+ \(duplicate) duplicate + \(skipped) skipped + \(failed) failed"
            + " + \(quarantined) quarantined + \(pending) pending"
    }

    /// An empty run's ledger.
    public init() {}

    /// How many paths one rule left alone.
    public struct Skip: Sendable, Hashable {
        /// As `EntryOutcome.skipped` named it.
        public let rule: String
        /// Paths.
        public let count: Int
    }
}
