/// Why a scan has no reading: what a run records, once.
struct ScanFailure: Error, Hashable {
    /// Where on its way the scan failed.
    enum Stage: String {
        case open, hash, decode, prepare, network
    }

    let stage: Stage
    let kind: FailureKind
    /// Expected and found, for people.
    let reason: String
}

/// One word for a failure; part of the store's and the report's vocabulary.
public enum FailureKind: String, Sendable, Hashable, CaseIterable {
    /// The file cannot be opened for want of permission.
    case unreadable
    /// The file was gone before it could be read.
    case vanished
    /// The file did not stay the same while it was read.
    case changing
    /// The file could not be read by the system.
    case io
    /// No bytes.
    case empty
    /// None of the formats that are read.
    case unrecognised
    /// Ends before its data does.
    case truncated
    /// Contradicts itself or its standard.
    case corrupt
    /// Well-formed, but a variant that is not read.
    case unsupported
    /// Well-formed, but holds no picture: a report, a plan, a directory.
    case noPicture = "no-picture"
    /// Larger than the limits allow.
    case overLimit = "over-limit"
    /// Samples that no input for the network can be made of.
    case unusable
    /// A process was lost to it, or answered what may not be believed; counts towards quarantine.
    case crash
    /// It took longer than a scan may; counts towards quarantine.
    case timeout
    /// It took more memory than a scan may; counts towards quarantine.
    case memory
}
