import Foundation
import GRDB

extension StudyStore {
    /// Appends an event of the caller's own, such as a written report. Still recorded when the disk is full.
    public func audit(
        _ action: AuditAction, subject: String, details: [String: JSONValue] = [:]
    ) throws(StoreError) {
        try write(isEnding: true) { db in
            _ = try append(action, subject: subject, details: details, at: now(), db)
        }
    }

    /// Length and last hash of the chain: noted elsewhere, they witness everything before them.
    public func auditHead() throws(StoreError) -> AuditHead {
        try read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT count, hash FROM audit_head") else {
                return AuditHead(count: 0, hash: AuditEvent.firstPrevious)
            }
            return AuditHead(count: row["count"], hash: Array(row["hash"] as Data))
        }
    }

    /// Appends one event within the transaction of what it tells of.
    /// - Returns: its sequence.
    @discardableResult
    func append(
        _ action: AuditAction, subject: String, details: [String: JSONValue], at moment: Timestamp, _ db: Database
    ) throws -> Int64 {
        guard let head = try Row.fetchOne(db, sql: "SELECT count, hash FROM audit_head") else {
            throw StoreError.corrupt(path: path, detail: "the audit chain's head is missing")
        }
        let count: Int64 = head["count"]
        let event = AuditEvent(
            sequence: count + 1, at: moment.description, actor: actor, host: host, action: action.rawValue,
            subject: subject, details: JSONValue.object(details).canonical
        ).chained(after: Array(head["hash"] as Data))
        try db.execute(
            sql:
                "INSERT INTO audit (sequence, at, actor, host, action, subject, details, hash) VALUES (?,?,?,?,?,?,?,?)",
            arguments: [
                event.sequence, event.at, event.actor, event.host, event.action, event.subject, event.details,
                Data(event.hash),
            ])
        try db.execute(
            sql: "UPDATE audit_head SET count = ?, hash = ?", arguments: [event.sequence, Data(event.hash)])
        return event.sequence
    }

    static func event(_ row: Row) -> AuditEvent {
        AuditEvent(
            sequence: row["sequence"], at: row["at"], actor: row["actor"], host: row["host"], action: row["action"],
            subject: row["subject"], details: row["details"], hash: Array(row["hash"] as Data))
    }
}

/// Length and last hash of an audit chain.
public struct AuditHead: Sendable, Hashable {
    /// Events.
    public let count: Int64
    /// 32 bytes; zeros for an empty chain.
    public let hash: [UInt8]
}
