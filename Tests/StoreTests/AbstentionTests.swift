import Foundation
import GRDB
import Testing

@testable import Store

@Suite("Readings that a run abstained on")
struct AbstentionTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// The chest model, with a limit.
    private static let limited = ModelRecord(
        digest: chest.digest, name: chest.name, variant: chest.variant, labels: chest.labels,
        thresholds: chest.thresholds, negativeLabel: chest.negativeLabel,
        abstainLimit: AbstainLimit(distance: 30, falseAbstainRate: 0.01), manifestJSON: "{}", path: chest.path)

    private func reading(
        _ probabilities: [Double], frame: Int = 0, distance: Double?, isAbstained: Bool = false
    ) -> NewReading {
        NewReading(
            frame: frame, probabilities: probabilities, distance: distance, isAbstained: isAbstained,
            decodeMilliseconds: 3, prepareMilliseconds: 2, networkMilliseconds: 20)
    }

    @Test("Distances come back as they were recorded, and what was abstained on is read and no finding")
    func recorded() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start(model: Self.limited)).id
        #expect(try store.run(run).model.abstainLimit == AbstainLimit(distance: 30, falseAbstainRate: 0.01))
        try store.recordRead(
            run: run, path: "/a", stamp: stamp(1), scan: scan(1, frames: 2),
            readings: [
                reading([0.1, 0.8, 0.1], distance: 31.25, isAbstained: true),
                reading([0.9, 0.05, 0.05], frame: 1, distance: 2),
            ])
        try store.recordRead(
            run: run, path: "/b", stamp: stamp(2), scan: scan(2),
            readings: [reading([0.1, 0.8, 0.1], distance: .infinity, isAbstained: true)])
        try store.recordRead(
            run: run, path: "/c", stamp: stamp(3), scan: scan(3), readings: [reading([0.1, 0.8, 0.1], distance: 30)])
        let readings = try store.readings(run: run)
        #expect(readings.map(\.kind) == [.abstained, .negative, .abstained, .finding])
        #expect(readings.map(\.finding) == [nil, false, nil, true])
        #expect(readings.map(\.distance) == [31.25, 2, .infinity, 30])
        // Of /a one frame counts.
        let ledger = try store.ledger(run: run)
        #expect(ledger.read == 3 && ledger.abstained == 1 && ledger.balances)
        #expect(
            ledger.line
                == "3 seen = 3 read (1 abstained) + 0 duplicate + 0 skipped + 0 failed + 0 quarantined + 0 pending")
        try store.finishRun(run, status: .finished)
        let events = try store.auditEvents(after: 0, limit: 100)
        // Python's hashlib over "0 [0.1,0.8,0.1] abstained 31.25\n1 [0.9,0.05,0.05] none 2\n", then "… abstained null\n".
        let reads = events.filter { $0.action == "scan read" }.map(\.details)
        #expect(reads[0].contains("62867d2fd2fcf3799add02c6570671e2425d1e80268bbe976746589a87e68755"))
        #expect(reads[1].contains("4416d3a8f4300d871b6ef177705e9c15fbb8ef6689c958ccc9baa2d814ab953b"))
        #expect(events.last?.details.contains("\"abstained\":1,") == true)
        #expect(events.contains { $0.action == "model registered" && $0.details.contains("\"abstain_distance\":30,") })
        #expect(try store.verifyAudit().isIntact)
        // Read again: nothing new, and the same count.
        let second = try store.beginRun(start(model: Self.limited)).id
        try store.recordRead(run: second, path: "/b", stamp: stamp(2), scan: scan(2), readings: [])
        #expect(try store.ledger(run: second).abstained == 1)
        #expect(try store.readings(run: second).map(\.madeBy) == [run])
    }

    @Test("A distance below 0 or none, and abstaining without one, are refused")
    func refused() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start(model: Self.limited)).id
        for (distance, isAbstained) in [(-1, false), (.nan, false), (nil, true)] as [(Double?, Bool)] {
            #expect(throws: StoreError.self) {
                try store.recordRead(
                    run: run, path: "/a", stamp: stamp(1), scan: scan(1),
                    readings: [reading([0.1, 0.8, 0.1], distance: distance, isAbstained: isAbstained)])
            }
        }
        for limit in [
            AbstainLimit(distance: .infinity, falseAbstainRate: 0), AbstainLimit(distance: -1, falseAbstainRate: 0),
            AbstainLimit(distance: 1, falseAbstainRate: 2),
        ] {
            let model = ModelRecord(
                digest: chest.digest, name: "m", variant: "b0", labels: ["a"], thresholds: [:], negativeLabel: nil,
                abstainLimit: limit, manifestJSON: "{}", path: "/m")
            #expect(throws: StoreError.self) { try store.beginRun(start(model: model)) }
        }
    }

    @Test(
        "Whoever changes a distance, or takes an abstention back, breaks the chain",
        arguments: ["distance = 3", "abstained = 0, finding = 1", "distance = NULL, abstained = 0"])
    func tampered(change: String) throws {
        let store = try scratch.open()
        let run = try store.beginRun(start(model: Self.limited)).id
        try store.recordRead(
            run: run, path: "/a", stamp: stamp(1), scan: scan(1),
            readings: [reading([0.1, 0.8, 0.1], distance: 31.25, isAbstained: true)])
        try store.close()
        try DatabaseQueue(path: scratch.file.path).write { db in
            try db.execute(sql: "DROP TRIGGER readings_no_update; UPDATE readings SET \(change)")
        }
        let problems = try StudyStore.openForReading(scratch.file).verifyAudit().problems
        #expect(problems.map(\.kind) == [.record])
    }

    @Test(
        "Frames that were abstained on do not count for their scan, unless all were; the nearest then stands for them")
    func frames() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start(model: Self.limited)).id
        try store.recordRead(
            run: run, path: "/a", stamp: stamp(1), scan: scan(1, frames: 3),
            readings: [
                reading([0.0, 0.99, 0.01], distance: 80, isAbstained: true),
                reading([0.2, 0.1, 0.7], frame: 1, distance: 12), reading([0.6, 0.2, 0.2], frame: 2, distance: 9),
            ])
        try store.recordRead(
            run: run, path: "/b", stamp: stamp(2), scan: scan(2, frames: 2),
            readings: [
                reading([0.0, 0.99, 0.01], distance: 80, isAbstained: true),
                reading([0.9, 0.1, 0.0], frame: 1, distance: 44, isAbstained: true),
            ])
        let model = Self.limited
        let scans = ScanReading.scans(of: try store.readings(run: run), model: model, rule: .max)
        #expect(scans[0].probabilities == [0.6, 0.2, 0.7])
        #expect(scans[0].call.findings.map { model.labels[$0.label] } == ["effusion"])
        #expect(scans[0].carrier.frame == 1 && scans[0].distance == 9 && scans[0].abstainedFrames == 1)
        #expect(scans[1].call.kind == .abstained && scans[1].call.findings.isEmpty && scans[1].call.finding == nil)
        #expect(scans[1].carrier.frame == 1 && scans[1].distance == 44 && scans[1].abstainedFrames == 2)
    }

    @Test("A model that was registered without its limit gets it once, and keeps it")
    func limit() throws {
        let store = try scratch.open()
        _ = try store.beginRun(start())
        #expect(try store.latestRun()?.model.abstainLimit == nil)
        _ = try store.beginRun(start(model: Self.limited))
        _ = try store.beginRun(start())
        #expect(try store.latestRun()?.model.abstainLimit?.distance == 30)
    }

    @Test("A store of the second schema keeps its readings and its chain; they have no distance, and new ones do")
    func migration() throws {
        let queue = try DatabaseQueue(path: scratch.file.path)
        try Schema.migrator.migrate(queue, upTo: "2 attributes of scans, identifiers, aggregation")
        let model = String(repeating: "b0", count: 32), preprocessing = String(repeating: "ab", count: 32)
        let moment = "2026-11-24T01:30:05.123Z"
        try queue.write { db in
            // As that version recorded a scan: Python's hashlib over "0 [0.1,0.8,0.1] finding\n".
            let event = AuditEvent(
                sequence: 1, at: moment, actor: "reader", host: "ward-7", action: "scan read", subject: "/in/1.png",
                details: JSONValue.object([
                    "run": "old", "sha256": .string(digest(1)), "model": .string(model),
                    "preprocessing": .string(preprocessing), "frames": 1, "new": 1,
                    "readings_sha256": "d5fe642f3a7773374ffffe620f5a5fcc92b8abb7e3689d4ba2b5505405fb2ee8",
                ]).canonical
            ).chained(after: AuditEvent.firstPrevious)
            try db.execute(
                sql: "INSERT INTO audit VALUES (1, ?, 'reader', 'ward-7', 'scan read', '/in/1.png', ?, ?)",
                arguments: [moment, event.details, Data(event.hash)])
            try db.execute(sql: "UPDATE audit_head SET count = 1, hash = ?", arguments: [Data(event.hash)])
            try db.execute(
                sql: """
                    INSERT INTO studies VALUES (1, 'night', ?1);
                    INSERT INTO models VALUES (1, ?2, 'chest', 'b0', '["normal","nodule","effusion"]',
                        '{"effusion":0.4,"nodule":0.5}', 'normal', '{}', '/models/chest', ?1);
                    INSERT INTO runs VALUES ('old', 1, 1, ?3, '{}', '/p/night.yaml', 'study: night', NULL, 'finished',
                        'nightread test', 'ward-7', 'reader', ?1, ?1, 'max', 'max');
                    """.replacing("?1", with: "'\(moment)'").replacing("?2", with: "'\(model)'")
                        .replacing("?3", with: "'\(preprocessing)'"))
            try db.execute(
                sql: """
                    INSERT INTO scans (id, sha256, size, format, width, height, channels, frames, bits, first_seen_at)
                    VALUES (1, ?, 1000, 'png', 64, 48, 1, 1, 16, ?)
                    """, arguments: [digest(1), moment])
            try db.execute(
                sql: """
                    INSERT INTO entries (run_id, path, outcome, sha256, updated_at)
                    VALUES ('old', '/in/1.png', 'read', ?, ?)
                    """, arguments: [digest(1), moment])
            try db.execute(
                sql: """
                    INSERT INTO readings VALUES (1, 1, 1, ?, 0, 'old', '/in/1.png', '[0.1,0.8,0.1]', 'nodule', 0.8, 1, 3, 2,
                    20, ?, 1)
                    """, arguments: [preprocessing, moment])
        }
        try queue.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: scratch.file.path)
        #expect(throws: StoreError.version(path: StoreFile.resolve(scratch.file), found: "2", known: "3")) {
            _ = try StudyStore.openForReading(scratch.file)
        }
        let store = try scratch.open()
        let old = try #require(try store.readings(run: "old").first)
        #expect(old.kind == .finding && old.distance == nil && !old.isAbstained)
        #expect(try store.run("old").model.abstainLimit == nil)
        #expect(try store.ledger(run: "old").read == 1)
        #expect(try store.auditEvents(after: 1, limit: 10).map(\.details) == [#"{"from":2,"schema":3}"#])
        let run = try store.beginRun(start(model: Self.limited)).id
        try store.recordRead(run: run, path: "/in/1.png", stamp: stamp(1), scan: scan(1), readings: [])
        try store.recordRead(
            run: run, path: "/in/2.png", stamp: stamp(2), scan: scan(2),
            readings: [reading([0.1, 0.8, 0.1], distance: 50, isAbstained: true)])
        #expect(try store.readings(run: run).map(\.kind) == [.finding, .abstained])
        #expect(try store.verifyAudit().isIntact)
    }
}
