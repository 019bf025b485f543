import Crypto
import Foundation

/// What was done, as the audit chain names it. The texts are stored and never change.
public enum AuditAction: String, Sendable, Hashable, CaseIterable {
    case storeCreated = "store created"
    case storeMigrated = "store migrated"
    /// How the store names patients from then on.
    case identifiersChosen = "identifiers chosen"
    case modelRegistered = "model registered"
    case runStarted = "run started"
    case runResumed = "run resumed"
    case runFinished = "run finished"
    case runInterrupted = "run interrupted"
    case scanRead = "scan read"
    /// A run met a scan that the same model had read before with the same preprocessing; nothing was read again.
    case scanRecognised = "scan recognised"
    case scanFailed = "scan failed"
    case scanQuarantined = "scan quarantined"
    case reportWritten = "report written"
    case comparisonWritten = "comparison written"
}

/// One link of the audit chain.
public struct AuditEvent: Sendable, Hashable {
    /// 1, 2, 3 … without gaps.
    public let sequence: Int64
    /// UTC, RFC 3339 with milliseconds.
    public let at: String
    /// Who: the user's login name, as the caller gave it.
    public let actor: String
    /// Where.
    public let host: String
    /// What; an `AuditAction` for every event that this version writes.
    public let action: String
    /// To what: a path, a run's id, a model's digest.
    public let subject: String
    /// Canonical JSON object.
    public let details: String
    /// SHA-256(previous hash ‖ `serialisation`), 32 bytes.
    public let hash: [UInt8]

    /// The previous hash of the first event.
    public static let firstPrevious = [UInt8](repeating: 0, count: 32)

    /// The bytes that are hashed after the previous event's hash: for each of sequence (decimal digits), at, actor, host,
    /// action, subject, details in this order, the length in bytes as 8 bytes big-endian, then the UTF-8 bytes.
    /// Lengths first, so no two different events share a serialisation.
    public var serialisation: [UInt8] {
        var bytes: [UInt8] = []
        for field in [String(sequence), at, actor, host, action, subject, details] {
            let length = UInt64(field.utf8.count)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: length >> shift))
            }
            bytes.append(contentsOf: field.utf8)
        }
        return bytes
    }

    /// The hash that this event must carry when it follows an event with hash `previous`.
    public func expectedHash(after previous: [UInt8]) -> [UInt8] {
        var sha = SHA256()
        sha.update(data: previous)
        sha.update(data: serialisation)
        return Array(sha.finalize())
    }

    init(
        sequence: Int64, at: String, actor: String, host: String, action: String, subject: String, details: String,
        hash: [UInt8] = []
    ) {
        self.sequence = sequence
        self.at = at
        self.actor = actor
        self.host = host
        self.action = action
        self.subject = subject
        self.details = details
        self.hash = hash
    }

    /// This event with the hash that chains it to `previous`.
    func chained(after previous: [UInt8]) -> AuditEvent {
        AuditEvent(
            sequence: sequence, at: at, actor: actor, host: host, action: action, subject: subject, details: details,
            hash: expectedHash(after: previous))
    }
}

/// Lower-case hexadecimal of bytes.
public func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
