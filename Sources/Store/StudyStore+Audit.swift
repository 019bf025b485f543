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

    /// Checks the whole chain: every event's hash, its place, the end of the chain, and that each reading and failure stands as
    /// its event recorded it.
    ///
    /// What it cannot see: a tail that was removed together with its readings and with the chain's recorded end put back.
    /// A head noted elsewhere (reports print it) witnesses against that.
    /// - Parameter witness: hash of an event that must be in the chain, 32 bytes, if one was noted.
    /// - Throws: `StoreError.corrupt` when SQLite's own integrity check fails.
    public func verifyAudit(witness: [UInt8]? = nil) throws(StoreError) -> AuditVerdict {
        try read { db in
            if let damage = try String.fetchOne(db, sql: "PRAGMA integrity_check(1)"), damage != "ok" {
                throw StoreError.corrupt(path: path, detail: damage)
            }
            var walk = AuditWalk()
            var isWitnessed = witness == nil
            let cursor = try Row.fetchCursor(db, sql: "SELECT * FROM audit ORDER BY sequence")
            while let row = try cursor.next() {
                let event = Self.event(row)
                if event.hash == witness { isWitnessed = true }
                walk.take(event)
            }
            let head = try Row.fetchOne(db, sql: "SELECT count, hash FROM audit_head").map {
                AuditHead(count: $0["count"], hash: Array($0["hash"] as Data))
            }
            walk.finish(head: head)
            if !isWitnessed, let witness {
                walk.report(
                    walk.last + 1, .removed, "no event has the hash \(hexadecimal(witness)) that was noted earlier")
            }
            try compareRecords(&walk, db)
            return AuditVerdict(
                events: walk.count, head: walk.hash, problems: walk.problems, problemCount: walk.problemCount)
        }
    }

    /// Events in order, from the one after `sequence` on; at most `limit`.
    public func auditEvents(after sequence: Int64, limit: Int) throws(StoreError) -> [AuditEvent] {
        try read { db in
            try Row.fetchAll(
                db, sql: "SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?",
                arguments: [sequence, limit]
            ).map(Self.event)
        }
    }

    /// Gives every event in order to `line`, as `AuditEvent.jsonLine` writes it.
    public func exportAudit(_ line: (String) -> Void) throws(StoreError) {
        var previous = AuditEvent.firstPrevious
        var last: Int64 = 0
        while case let events = try auditEvents(after: last, limit: 1000), let end = events.last {
            for event in events {
                line(event.jsonLine(after: previous))
                previous = event.hash
            }
            last = end.sequence
        }
    }

    /// Holds readings and failures against the events that recorded them.
    private func compareRecords(_ walk: inout AuditWalk, _ db: Database) throws {
        let readings = try db.makeStatement(
            sql: """
                SELECT r.frame, r.probabilities, r.finding, r.distance, r.abstained, r.run_id, s.sha256, m.digest, r.preprocessing_digest
                FROM readings r LEFT JOIN scans s ON s.id = r.scan_id LEFT JOIN models m ON m.id = r.model_id
                WHERE r.event = ? ORDER BY r.frame
                """)
        let events = try Row.fetchCursor(
            db, sql: "SELECT * FROM audit WHERE action = ? ORDER BY sequence",
            arguments: [AuditAction.scanRead.rawValue])
        while let row = try events.next() {
            let event = Self.event(row)
            let rows = try Row.fetchAll(readings, arguments: [event.sequence])
            let stored = ReadingsDigest.of(
                rows.map {
                    (
                        $0["frame"], $0["probabilities"],
                        Call.Kind(finding: $0["finding"], isAbstained: $0["abstained"]), $0["distance"]
                    )
                })
            guard let details = ScanReadDetails(event.details) else { continue }  // the walk has named it
            let isSame =
                stored == details.readingsSHA256
                && rows.allSatisfy {
                    $0["run_id"] == details.run && $0["sha256"] == details.sha256 && $0["digest"] == details.model
                        && $0["preprocessing_digest"] == details.preprocessing
                }
            if rows.count != details.new || !isSame {
                walk.report(
                    event.sequence, .record,
                    rows.count < details.new
                        ? "event \(event.sequence) recorded \(details.new) readings of \(event.subject), \(rows.count) are left"
                        : "the readings of \(event.subject) are not those that event \(event.sequence) recorded")
            }
        }
        for (table, action) in [("readings", AuditAction.scanRead), ("failures", .scanFailed)] {
            let orphans = try Row.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT t.event, t.path FROM \(table) t WHERE NOT EXISTS
                    (SELECT 1 FROM audit a WHERE a.sequence = t.event AND a.action = ?) ORDER BY t.event
                    """, arguments: [action.rawValue])
            for row in orphans {
                walk.report(
                    row["event"], .removed,
                    "event \(row["event"] as Int64), which recorded \(row["path"] as String) in \(table), is missing")
            }
        }
        let failures = try Row.fetchAll(
            db,
            sql: """
                SELECT sequence, subject FROM audit a WHERE action = ? AND NOT EXISTS
                (SELECT 1 FROM failures f WHERE f.event = a.sequence AND f.path = a.subject
                AND f.reason IS CASE WHEN json_valid(a.details) THEN json_extract(a.details, '$.reason') END)
                ORDER BY sequence
                """, arguments: [AuditAction.scanFailed.rawValue])
        for row in failures {
            walk.report(
                row["sequence"], .record,
                "the failure of \(row["subject"] as String) is not the one that event \(row["sequence"] as Int64) recorded"
            )
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
        try db.run(
            sql:
                "INSERT INTO audit (sequence, at, actor, host, action, subject, details, hash) VALUES (?,?,?,?,?,?,?,?)",
            arguments: [
                event.sequence, event.at, event.actor, event.host, event.action, event.subject, event.details,
                Data(event.hash),
            ])
        try db.run(
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
