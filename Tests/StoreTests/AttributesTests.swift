import Foundation
import GRDB
import Testing

@testable import Store

@Suite("What scans say of themselves")
struct AttributesTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private var described: ScanAttributes {
        var attributes = ScanAttributes()
        attributes.patient = "p-1"
        attributes.studyUID = "2.25.1"
        attributes.seriesUID = "2.25.2"
        attributes.instanceUID = "2.25.3"
        attributes.modality = "CR"
        attributes.bodyPart = "CHEST"
        attributes.laterality = "L"
        attributes.view = "PA"
        attributes.acquisitionDate = "20240311"
        attributes.rowSpacing = 0.5
        attributes.columnSpacing = 0.25
        return attributes
    }

    @Test("Attributes come back as they were recorded, and a scan without any says so")
    func recorded() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start()).id
        var first = scan(1)
        first.attributes = described
        try store.recordRead(run: run, path: "/a", stamp: stamp(1), scan: first, readings: [reading()])
        var second = scan(2)
        second.attributes = ScanAttributes()
        try store.recordRead(run: run, path: "/b", stamp: stamp(2), scan: second, readings: [reading()])
        #expect(try store.readings(run: run).map(\.scan.attributes) == [described, ScanAttributes()])
        #expect(try store.scan(sha256: digest(1)) == first)
        #expect(try store.scan(sha256: digest(3)) == nil)
    }

    @Test("A scan that an older version recorded gets its attributes when it is decoded again, and keeps them")
    func later() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start()).id
        try store.recordRead(run: run, path: "/a", stamp: stamp(1), scan: scan(1), readings: [reading()])
        #expect(try store.scan(sha256: digest(1))?.attributes == nil)
        var known = scan(1)
        known.attributes = described
        try store.recordOutcome(
            run: run, path: "/a", stamp: stamp(1), outcome: .skipped(rule: "where: modality CR"), sha256: digest(1),
            scan: known)
        #expect(try store.scan(sha256: digest(1))?.attributes == described)
        known.attributes?.modality = "MR"
        try store.recordOutcome(
            run: run, path: "/a", stamp: stamp(1), outcome: .skipped(rule: "where"), sha256: digest(1), scan: known)
        #expect(try store.scan(sha256: digest(1))?.attributes == described)
    }

    @Test("How patients are named is chosen once, audited, and never changed")
    func identifiers() throws {
        let store = try scratch.open()
        #expect(try store.identifiers() == nil)
        let chosen = StoredIdentifiers(policy: .pseudonyms, keyCheck: "abcd")
        try store.choose(chosen)
        try store.choose(chosen)
        #expect(try store.identifiers() == chosen)
        let events = try store.auditEvents(after: 0, limit: 10).filter { $0.action == "identifiers chosen" }
        #expect(events.map(\.details) == [#"{"key_check":"abcd","policy":"pseudonyms"}"#])
        #expect(throws: StoreError.identifiers(path: store.path, chosen: .pseudonyms, wanted: .keep)) {
            try store.choose(StoredIdentifiers(policy: .keep, keyCheck: nil))
        }
        #expect(throws: StoreError.identifiers(path: store.path, chosen: .pseudonyms, wanted: .pseudonyms)) {
            try store.choose(StoredIdentifiers(policy: .pseudonyms, keyCheck: "ef01"))
        }
        try store.close()
        #expect(throws: DatabaseError.self) {
            try DatabaseQueue(path: scratch.file.path).write {
                try $0.execute(sql: "UPDATE identifiers SET policy = 'keep'")
            }
        }
        #expect(throws: DatabaseError.self) {
            try DatabaseQueue(path: scratch.file.path).write { try $0.execute(sql: "DELETE FROM identifiers") }
        }
    }

    @Test("A run's rules are recorded, and those of its resumption replace them")
    func aggregation() throws {
        let store = try scratch.open()
        var begin = start()
        begin.aggregation = Aggregation(frames: .mean, scans: .noisyOr)
        let run = try store.beginRun(begin)
        #expect(run.aggregation == begin.aggregation)
        begin.aggregation = Aggregation(frames: .max, scans: .mean)
        #expect(try store.beginRun(begin).id == run.id)
        #expect(try store.run(run.id).aggregation == begin.aggregation)
    }

    @Test("A store of the first schema is brought up to date with what it holds, and says so in its audit chain")
    func migration() throws {
        let queue = try DatabaseQueue(path: scratch.file.path)
        try Schema.migrator.migrate(queue, upTo: "1 studies, models, runs, scans, readings, audit")
        try queue.write { db in
            try db.execute(
                sql: """
                    INSERT INTO scans (sha256, size, format, width, height, channels, frames, bits, first_seen_at)
                    VALUES (?, 10, 'png', 4, 3, 1, 1, 8, '2026-11-24T01:30:05.123Z')
                    """, arguments: [digest(1)])
        }
        try queue.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: scratch.file.path)
        #expect(throws: StoreError.version(path: StoreFile.resolve(scratch.file), found: "1", known: "3")) {
            _ = try StudyStore.openForReading(scratch.file)
        }
        let store = try scratch.open()
        let old = try #require(try store.scan(sha256: digest(1)))
        #expect(old.width == 4 && old.attributes == nil)
        let event = try #require(try store.auditEvents(after: 0, limit: 10).first)
        #expect(event.action == "store migrated")
        #expect(event.details == #"{"from":1,"schema":3}"#)
        #expect(try store.verifyAudit().problemCount == 0)
    }
}
