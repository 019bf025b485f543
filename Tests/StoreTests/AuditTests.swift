import Foundation
import GRDB
import Testing

@testable import Store

@Suite("Audit chain")
struct AuditTests {
    let scratch: Scratch
    let store: StudyStore
    let run: String

    /// Events: 1 store created, 2 model registered, 3 run started, 4–8 scans read, 9 a failure, 10 run finished.
    init() throws {
        scratch = try Scratch()
        store = try scratch.open()
        run = try store.beginRun(start()).id
        for number in 1...5 {
            try store.recordRead(
                run: run, path: "/in/\(number).png", stamp: stamp(number), scan: scan(number), readings: [reading()])
        }
        try store.recordFailure(
            run: run, path: "/in/6.png", stamp: nil, sha256: nil, stage: "decode", kind: "corrupt", reason: "no \"end\""
        )
        try store.finishRun(run, status: .finished)
    }

    /// Changes the file as someone with any SQLite program could, protections removed first.
    func tamper(_ sql: String) throws {
        try store.close()
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: scratch.file.path, configuration: configuration)
        try queue.write { db in
            for name in try String.fetchAll(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'trigger'") {
                try db.execute(sql: "DROP TRIGGER \(name)")
            }
            try db.execute(sql: sql)
        }
        try queue.close()
    }

    func verdict(witness: [UInt8]? = nil) throws -> AuditVerdict {
        try StudyStore.openForReading(scratch.file).verifyAudit(witness: witness)
    }

    @Test("Hashes are those that Python's hashlib computes from the documented serialisation")
    func knownHashes() {
        let first = AuditEvent(
            sequence: 1, at: "2026-11-24T01:30:05.123Z", actor: "reader", host: "ward-7", action: "run started",
            subject: "20261124-013005-b0-7f3a",
            details: JSONValue.object(["workers": 2, "study": "night", "rerun_of": nil]).canonical
        ).chained(after: AuditEvent.firstPrevious)
        #expect(hexadecimal(first.hash) == "22b9896e58430c2ef72f064f0ee00795c6246aca52f0f814b7c1bc53ed330b60")
        let second = AuditEvent(
            sequence: 2, at: "2026-11-24T01:30:06.004Z", actor: "reader", host: "ward-7", action: "scan read",
            subject: "/in/Röntgen \"1\"\n.png",
            details: JSONValue.object(["b": [1, 0.25, 0.00001], "a": "Ä\t\u{1}/\\"]).canonical
        ).chained(after: first.hash)
        #expect(hexadecimal(second.hash) == "3ab5142ae4ae282ea2acb601a63af51e7bd947f32130a2c988c46690e86afae9")
    }

    @Test("An untouched chain verifies, and its events say what was done")
    func intact() throws {
        let verdict = try store.verifyAudit()
        #expect(verdict.isIntact)
        #expect(verdict.events == 10)
        let events = try store.auditEvents(after: 0, limit: 100)
        #expect(
            events.map(\.action) == [
                "store created", "model registered", "run started", "scan read", "scan read", "scan read", "scan read",
                "scan read", "scan failed", "run finished",
            ])
        #expect(events.map(\.sequence) == Array(1...10))
        #expect(events[3].subject == "/in/1.png")
        #expect(events[0].at == "2026-11-24T01:30:05.123Z")
        #expect(Set(events.map(\.actor)) == ["reader"])
        #expect(Set(events.map(\.host)) == ["ward-7"])
    }

    @Test("Update, delete and replace of readings, failures and events are refused")
    func appendOnly() throws {
        for statement in [
            "UPDATE readings SET finding = 0", "DELETE FROM readings", "UPDATE failures SET reason = ''",
            "DELETE FROM failures", "UPDATE audit SET actor = 'x'", "DELETE FROM audit WHERE sequence = 10",
            "DELETE FROM audit_head", "UPDATE audit_head SET count = 3",
            "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE sequence = 4",
            "INSERT OR REPLACE INTO readings SELECT * FROM readings WHERE id = 1",
        ] {
            #expect(throws: StoreError.self, "\(statement)") {
                try store.write { db in try db.execute(sql: statement) }
            }
        }
        #expect(try store.verifyAudit().isIntact)
    }

    @Test(
        "An event with one field changed is named",
        arguments: [
            "actor = 'mallory'", "at = '2026-11-24T01:30:09.124Z'", "host = ''", "subject = '/in/9.png'",
            "action = 'scan recognised'", "details = replace(details, '\"new\":1', '\"new\":2')",
            "hash = zeroblob(32)", "actor = 'readerw', host = 'ard-7'",
        ])
    func altered(assignment: String) throws {
        try tamper("UPDATE audit SET \(assignment) WHERE sequence = 5")
        let problem = try #require(try verdict().problems.first)
        #expect(problem.sequence == 5)
        #expect(problem.kind == .altered)
        #expect(problem.message.contains("event 5"))
    }

    @Test("A removed event is named, in the middle, at the start and at the end")
    func removed() throws {
        for (removal, missing) in [("= 5", 5), ("= 1", 1), (">= 9", 9)] {
            let other = try AuditTests()
            try other.tamper("DELETE FROM audit WHERE sequence \(removal)")
            let verdict = try other.verdict()
            #expect(verdict.problems.first?.kind == .removed)
            #expect(verdict.problems.first?.sequence == Int64(missing))
        }
    }

    @Test("A removed event whose successors were renumbered is noticed at its place")
    func renumbered() throws {
        try tamper(
            """
            DELETE FROM audit WHERE sequence = 9; UPDATE audit SET sequence = 9 WHERE sequence = 10;
            UPDATE audit_head SET count = 9
            """)
        #expect(try verdict().problems.first?.sequence == 9)
    }

    @Test("Two events that changed places are both named as reordered")
    func reordered() throws {
        try tamper(
            """
            UPDATE audit SET sequence = 100 WHERE sequence = 6; UPDATE audit SET sequence = 6 WHERE sequence = 7;
            UPDATE audit SET sequence = 7 WHERE sequence = 100
            """)
        let problems = try verdict().problems.filter { $0.kind == .reordered }
        #expect(problems.map(\.sequence) == [6, 7])
        #expect(problems.first?.message.contains("event 7 stands at position 6") == true)
    }

    @Test("A tail removed with the recorded end put back is betrayed by what the events recorded, and by a noted head")
    func truncated() throws {
        let noted = try store.auditHead().hash
        try tamper(
            """
            DELETE FROM audit WHERE sequence > 8;
            UPDATE audit_head SET count = 8, hash = (SELECT hash FROM audit WHERE sequence = 8)
            """)
        let problem = try #require(try verdict().problems.first)
        #expect(problem.sequence == 9)
        #expect(problem.kind == .removed)
        #expect(problem.message.contains("/in/6.png"))

        let other = try AuditTests()
        try other.tamper(
            """
            DELETE FROM audit WHERE sequence > 9;
            UPDATE audit_head SET count = 9, hash = (SELECT hash FROM audit WHERE sequence = 9)
            """)
        #expect(try other.verdict().isIntact)
        #expect(try !other.verdict(witness: noted).isIntact)
    }

    @Test("An event added or rewritten at the end without the program is named")
    func added() throws {
        try tamper(
            """
            INSERT INTO audit SELECT 11, at, actor, host, action, subject, details, zeroblob(32) FROM audit
            WHERE sequence = 10
            """)
        #expect(try verdict().problems.map(\.sequence).contains(11))
    }

    @Test("A reading or failure changed or removed behind the chain is named by its event")
    func records() throws {
        for (change, event) in [
            ("UPDATE readings SET probabilities = '[0.9,0.05,0.05]' WHERE id = 2", 5),
            ("UPDATE readings SET finding = 0 WHERE id = 3", 6),
            ("UPDATE readings SET scan_id = 1, frame = 1 WHERE id = 3", 6),
            ("DELETE FROM readings WHERE id = 4", 7), ("DELETE FROM failures", 9),
            ("UPDATE failures SET reason = 'fine'", 9),
        ] {
            let other = try AuditTests()
            try other.tamper(change)
            let problems = try other.verdict().problems
            #expect(problems.map(\.sequence) == [Int64(event)], "\(change)")
            #expect(problems.first?.kind == .record)
        }
    }

    @Test("A verdict names events without obeying what their subjects say to a terminal")
    func terminal() throws {
        try tamper("UPDATE audit SET subject = 'a' || char(27) || '[2Jb' || char(10) || 'c' WHERE sequence = 5")
        let text = try verdict().text(of: "s")
        #expect(text.contains("event 5 (scan read: a?[2Jb?c)"))
        #expect(text.contains("broken (10 events"))
    }

    @Test("An exported line is JSON with the event's fields and both hashes")
    func export() throws {
        let events = try store.auditEvents(after: 8, limit: 1)
        let line = events[0].jsonLine(after: AuditEvent.firstPrevious)
        #expect(!line.contains("\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["subject"] as? String == "/in/6.png")
        #expect((object["details"] as? [String: Any])?["reason"] as? String == "no \"end\"")
        #expect(object["hash"] as? String == hexadecimal(events[0].hash))
        #expect(object["previous"] as? String == String(repeating: "0", count: 64))
    }

    @Test("Times read back what they write, before and after 1970")
    func times() {
        // From Python: datetime.fromtimestamp(1795483805.123, UTC) and datetime(1969, 12, 31, 23, 59, 59, 999000).
        #expect(Timestamp(milliseconds: 1_795_483_805_123).description == "2026-11-24T01:30:05.123Z")
        #expect(Timestamp(milliseconds: -1).description == "1969-12-31T23:59:59.999Z")
        #expect(Timestamp("2026-11-24T01:30:05.123Z")?.milliseconds == 1_795_483_805_123)
        #expect(Timestamp("2026-11-24 01:30:05.123Z") == nil)
        #expect(Timestamp("2026-13-24T01:30:05.123Z") == nil)
        #expect(Timestamp(milliseconds: 1_795_483_805_123).compact == "20261124-013005")
    }
}
