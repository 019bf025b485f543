/// What became of a path, as it is to be recorded.
public struct PathRecord: Sendable {
    /// One of the three kinds of outcome, with what belongs to it.
    public enum Content: Sendable {
        /// As `StudyStore.recordRead` takes it.
        case read(ScanRecord, [NewReading])
        /// As `StudyStore.recordOutcome` takes it.
        case outcome(EntryOutcome, sha256: String?, scan: ScanRecord?)
        /// The path could not be read.
        case failure(NewFailure)
    }

    /// As the run saw it.
    public let path: String
    /// Where the file could be asked.
    public let stamp: FileStamp?
    /// The outcome.
    public let content: Content

    /// A path with its outcome.
    public init(path: String, stamp: FileStamp?, _ content: Content) {
        self.path = path
        self.stamp = stamp
        self.content = content
    }
}

/// Why a path could not be read.
public struct NewFailure: Sendable, Hashable {
    /// Content, where it was hashed.
    public let sha256: String?
    /// Where on its way: `open`, `hash`, `decode`, `prepare`, `network`, …
    public let stage: String
    /// One word; those of `FailureRecord.quarantiningKinds` count towards quarantine.
    public let kind: String
    /// Expected and found, as the user reads it.
    public let reason: String

    /// A failure that is to be recorded.
    public init(sha256: String?, stage: String, kind: String, reason: String) {
        self.sha256 = sha256
        self.stage = stage
        self.kind = kind
        self.reason = reason
    }
}
