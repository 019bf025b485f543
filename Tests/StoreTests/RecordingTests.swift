import Foundation
import Testing

@testable import Store

@Suite("Recording")
struct RecordingTests {
    let scratch: Scratch
    let store: StudyStore

    init() throws {
        scratch = try Scratch()
        store = try scratch.open()
    }

    @Test("A reading is there after the store was closed and opened again")
    func readBack() throws {
        let run = try store.beginRun(start())
        let recorded = try store.recordRead(
            run: run.id, path: "/in/a.png", stamp: stamp(), scan: scan(1, frames: 2),
            readings: [reading([0.25, 0.5, 0.25], png: [1, 2, 3]), reading([0.9, 0.05, 0.05], frame: 1)])
        #expect(recorded == RecordedReadings(new: 2, existing: 0))
        try store.finishRun(run.id, status: .finished)
        try store.close()

        let again = try StudyStore.openForReading(scratch.file)
        let readings = try again.readings(run: run.id)
        #expect(readings.map(\.frame) == [0, 1])
        #expect(readings.map(\.probabilities) == [[0.25, 0.5, 0.25], [0.9, 0.05, 0.05]])
        #expect(readings.map(\.topLabel) == ["nodule", "normal"])
        #expect(readings.map(\.finding) == [true, false])
        #expect(readings[0].scan == scan(1, frames: 2))
        #expect(try again.thumbnail(reading: readings[0].id) == [1, 2, 3])
        #expect(try again.thumbnail(reading: readings[1].id) == nil)
        let stored = try again.run(run.id)
        #expect(stored.status == .finished)
        #expect(stored.model == chest)
    }

    @Test("The same scan recorded twice keeps its first reading and says so")
    func exactlyOnce() throws {
        let run = try store.beginRun(start())
        for expected in [RecordedReadings(new: 1, existing: 0), RecordedReadings(new: 0, existing: 1)] {
            let recorded = try store.recordRead(
                run: run.id, path: "/in/a.png", stamp: stamp(), scan: scan(1),
                readings: [reading(expected.new == 1 ? [0.1, 0.8, 0.1] : [0.8, 0.1, 0.1])])
            #expect(recorded == expected)
        }
        #expect(try store.readings(run: run.id).map(\.probabilities) == [[0.1, 0.8, 0.1]])
    }

    @Test("Many paths recorded at once are one commit, and the ledger counts each")
    func manyAtOnce() throws {
        let run = try store.beginRun(start())
        try store.recordOutcome(run: run.id, path: "/in/0.txt", stamp: nil, outcome: .pending(reason: "settling"))
        try store.recordOutcomes(run: run.id, [])
        try store.recordOutcomes(
            run: run.id,
            (0..<5000).map { ("/in/\($0).txt", .skipped(rule: "pattern")) } + [
                ("/in/x.png", .pending(reason: "stopped"))
            ])
        let ledger = try store.ledger(run: run.id)
        #expect(ledger.skipped == 5000)
        #expect(ledger.pending == 1)
        #expect(ledger.seen == 5001)
        #expect(ledger.balances)
        #expect(try store.entries(run: run.id).filter { $0.detail == "pattern" }.count == 5000)
    }

    /// Outcomes of every kind, the last of which is about a content that the first one has read.
    private var every: [PathRecord] {
        [
            PathRecord(path: "/in/a.png", stamp: stamp(), .read(scan(1), [reading()])),
            PathRecord(
                path: "/in/b.png", stamp: stamp(2),
                .failure(NewFailure(sha256: digest(2), stage: "decode", kind: "corrupt", reason: "no end"))),
            PathRecord(
                path: "/in/c.png", stamp: nil, .outcome(.duplicate(of: "/in/a.png"), sha256: digest(1), scan: nil)),
            PathRecord(
                path: "/in/d.png", stamp: stamp(4),
                .outcome(.skipped(rule: "where: modality MR"), sha256: digest(4), scan: scan(4))),
            PathRecord(
                path: "/in/e.png", stamp: stamp(5),
                .outcome(.quarantined(reason: "twice"), sha256: digest(5), scan: nil)),
            PathRecord(path: "/in/f.png", stamp: stamp(6), .read(scan(1), [])),
        ]
    }

    @Test("Several scans recorded together are events in their order, with the rows of each")
    func together() throws {
        let run = try store.beginRun(start())
        let before = try store.auditHead().count
        try store.record(run: run.id, every)
        let events = try store.auditEvents(after: before, limit: 100)
        #expect(events.map(\.subject) == ["/in/a.png", "/in/b.png", "/in/e.png", "/in/f.png"])
        #expect(events.map(\.action) == ["scan read", "scan failed", "scan quarantined", "scan recognised"])
        let outcomes = try store.entries(run: run.id).map(\.outcome)
        #expect(outcomes == [.read, .failed, .duplicate, .skipped, .quarantined, .read])
        #expect(try store.readings(run: run.id).map(\.path) == ["/in/a.png", "/in/f.png"])
        #expect(try store.failures(run: run.id).map(\.reason) == ["no end"])
        #expect(try store.scan(sha256: digest(4)) == scan(4))
        #expect(try store.verifyAudit().problemCount == 0)
    }

    @Test("Of scans recorded together, all are there or none")
    func allOrNothing() throws {
        let run = try store.beginRun(start())
        let before = try store.auditHead()
        let unread = PathRecord(path: "/in/z.png", stamp: stamp(9), .read(scan(9), []))
        #expect(throws: StoreError.self) { try store.record(run: run.id, every + [unread]) }
        #expect(try store.entries(run: run.id).isEmpty)
        #expect(try store.scan(sha256: digest(1)) == nil)
        #expect(try store.auditHead() == before)
        try store.record(run: run.id, every)
        #expect(try store.ledger(run: run.id).seen == 6)
    }

    @Test("A later run recognises what an earlier run read with the same model")
    func recognised() throws {
        let first = try store.beginRun(start())
        try store.recordRead(run: first.id, path: "/in/a.png", stamp: stamp(), scan: scan(1), readings: [reading()])
        try store.finishRun(first.id, status: .finished)

        let second = try store.beginRun(start())
        #expect(second.id != first.id)
        #expect(try store.knownDigest(path: "/in/a.png", stamp: stamp()) == digest(1))
        #expect(try store.knownDigest(path: "/in/a.png", stamp: stamp(2)) == nil)
        let known = try store.knownScan(
            sha256: digest(1), model: chest.digest, preprocessing: first.preprocessingDigest)
        #expect(known == scan(1))
        try store.recordRead(run: second.id, path: "/in/b.png", stamp: stamp(), scan: scan(1), readings: [])
        let readings = try store.readings(run: second.id)
        #expect(readings.map(\.path) == ["/in/b.png"])
        #expect(readings.map(\.madeBy) == [first.id])
        #expect(throws: StoreError.self) {
            try store.recordRead(run: second.id, path: "/in/c.png", stamp: stamp(), scan: scan(2), readings: [])
        }
    }

    @Test("An unfinished run of the same study, model and preprocessing is resumed; a finished one is not")
    func resume() throws {
        let first = try store.beginRun(start())
        #expect(!first.isResumed)
        #expect(first.id.hasPrefix("20261124-013"))
        #expect(first.id.contains("-b0-"))
        try store.finishRun(first.id, status: .interrupted, reason: "SIGTERM")
        let second = try store.beginRun(start())
        #expect(second.id == first.id)
        #expect(second.isResumed)
        #expect(try store.beginRun(start(study: "other")).id != first.id)
        #expect(try store.beginRun(start(rerunOf: first.id)).id != first.id)
        try store.finishRun(first.id, status: .finished)
        #expect(try store.beginRun(start()).id != first.id)
        #expect(throws: StoreError.noSuchRun(name: "x", searched: [store.path])) {
            try store.finishRun("x", status: .finished)
        }
    }

    @Test("The ledger counts every path once, by its last outcome, and balances")
    func ledger() throws {
        let run = try store.beginRun(start())
        try store.recordOutcome(run: run.id, path: "/in/a.png", stamp: nil, outcome: .pending(reason: "settling"))
        try store.recordRead(run: run.id, path: "/in/a.png", stamp: stamp(), scan: scan(1), readings: [reading()])
        try store.recordOutcome(run: run.id, path: "/in/b.png", stamp: stamp(2), outcome: .duplicate(of: "/in/a.png"))
        for name in ["x", "y"] {
            try store.recordOutcome(run: run.id, path: "/in/.\(name)", stamp: nil, outcome: .skipped(rule: "hidden"))
        }
        try store.recordOutcome(run: run.id, path: "/in/c.txt", stamp: nil, outcome: .skipped(rule: "pattern"))
        try store.recordFailure(
            run: run.id, path: "/in/d.png", stamp: stamp(3), sha256: digest(3), stage: "decode", kind: "truncated",
            reason: "ends early")
        try store.recordOutcome(
            run: run.id, path: "/in/e.png", stamp: stamp(4), outcome: .quarantined(reason: "two crashes"),
            sha256: digest(4))
        let ledger = try store.ledger(run: run.id)
        #expect(ledger.line == "7 seen = 1 read + 1 duplicate + 3 skipped + 1 failed + 1 quarantined + 0 pending")
        #expect(ledger.balances)
        #expect(ledger.skippedByRule.map(\.rule) == ["hidden", "pattern"])
        #expect(ledger.skippedByRule.map(\.count) == [2, 1])
        #expect(try store.failures(run: run.id).map(\.reason) == ["ends early"])
    }

    @Test("Two runs that lost a process to the same content are counted, other failures are not")
    func quarantine() throws {
        for (round, kind) in ["crash", "timeout", "truncated"].enumerated() {
            let run = try store.beginRun(start())
            for path in ["/in/a.png", "/in/copy-of-a.png"] {
                try store.recordFailure(
                    run: run.id, path: path, stamp: stamp(), sha256: digest(1), stage: "decode", kind: kind, reason: "")
            }
            try store.finishRun(run.id, status: .finished)
            #expect(try store.crashFailures(sha256: digest(1)) == min(round + 1, 2))
        }
    }

    @Test("Values that cannot be right are refused and nothing is recorded")
    func refused() throws {
        let run = try store.beginRun(start())
        let before = try store.auditHead()
        let wrong: [[NewReading]] = [
            [reading([0.5, 0.5])], [reading([0.5, .nan, 0.5])], [reading([1.5, 0, 0])], [reading(frame: 1)],
            [reading(frame: -1)],
        ]
        for readings in wrong {
            #expect(throws: StoreError.self) {
                try store.recordRead(run: run.id, path: "/in/a.png", stamp: stamp(), scan: scan(1), readings: readings)
            }
        }
        #expect(throws: StoreError.self) {
            try store.recordRead(run: "none", path: "/in/a.png", stamp: stamp(), scan: scan(1), readings: [reading()])
        }
        #expect(try store.auditHead() == before)
        #expect(try store.ledger(run: run.id).seen == 0)
    }

    @Test("Lanes that record at the same time make one reading per frame and one gapless chain")
    func lanes() async throws {
        let run = try store.beginRun(start())
        let store = store
        let new = try await withThrowingTaskGroup(of: Int.self) { group in
            for lane in 0..<8 {
                group.addTask {
                    var new = 0
                    for number in 1...25 {
                        new += try store.recordRead(
                            run: run.id, path: "/in/\(lane)-\(number).png", stamp: stamp(), scan: scan(number),
                            readings: [reading()]
                        ).new
                    }
                    return new
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(new == 25)
        #expect(try store.ledger(run: run.id).read == 200)
        #expect(try store.readings(run: run.id).count == 200)
    }
}
