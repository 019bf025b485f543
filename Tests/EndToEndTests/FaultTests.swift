import Foundation
import Imaging
import Store
import Testing

/// Processes whose parent is `pid`, or that were started by `pid`'s run (they are in process groups of their own).
private func processes(named name: String, below folder: URL) -> [Int32] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap(Int32.init).filter { pid in
        guard let command = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8),
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
        else { return false }
        return command.split(separator: "\0").dropFirst().first.map(String.init) == name && place == folder.path
    }
}

/// Whether this kernel filters system calls.
private let hasFilters =
    (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8))?.contains("Seccomp:") == true

@Suite("A scan that takes its decoder down")
struct FaultTests {
    /// Five scans, one of which has a size of its own, so that the decoder's test hook finds it.
    private func study(_ extra: String = "") throws -> (Study, faulty: Int) {
        let study = try Study(extra: "workers: 2\n" + extra)
        for seed in 0..<4 { try study.scan("good-\(seed).png", seed: UInt64(seed)) }
        let faulty = try Study.png(seed: 77, side: 61)
        try study.file("scans/faulty.png", faulty)
        return (study, faulty.count)
    }

    @Test(
        "It costs that scan alone, with one recorded failure",
        arguments: [
            ("crash", "crash", "SIGSEGV"), ("exit", "crash", "left with status 9"), ("memory", "crash", "SIGABRT"),
            // What a scan that has taken its decoder over would try: each ends it, as the kernel's answer to a call that it may not make.
            ("open", "crash", "SIGSYS"), ("socket", "crash", "SIGSYS"), ("fork", "crash", "SIGSYS"),
            ("exec", "crash", "SIGSYS"), ("kill", "crash", "SIGSYS"),
            ("hang", "timeout", "took longer than 2.0 s"), ("spin", "timeout", "took longer than 2.0 s"),
        ])
    func costsOneScan(fault: String, kind: String, reason: String) throws {
        let seconds = kind == "timeout" ? 2 : 30
        let (study, size) = try study("limits: {seconds: \(seconds), memory: 128 MiB}")
        let environment = ["NIGHTREAD_FAULTS": "\(fault):\(size)"]
        let output = try study.run(environment: environment)
        #expect(output.status == 3, "\(output.error)")
        #expect(output.ledger["read"] == 4)
        #expect(output.ledger["failed"] == 1)
        let store = try StudyStore.openForReading(study.storeFile)
        let run = try #require(try store.latestRun())
        let failures = try store.failures(run: run.id)
        #expect(failures.count == 1)
        #expect(failures.first?.path.hasSuffix("/faulty.png") == true)
        #expect(failures.first?.kind == kind)
        #expect(failures.first?.stage == "decode")
        #expect(failures.first?.reason.contains(reason) == true, "\(failures)")
    }

    @Test("Where several scans may share a process, one that takes it down still costs itself alone")
    func sharedProcess() throws {
        let (study, size) = try study("limits: {decoder_scans: 3, memory: 128 MiB}")
        let output = try study.run(environment: ["NIGHTREAD_FAULTS": "crash:\(size)"])
        #expect(output.status == 3, "\(output.error)")
        #expect(output.ledger["read"] == 4)
        let store = try StudyStore.openForReading(study.storeFile)
        let run = try #require(try store.latestRun())
        let failures = try store.failures(run: run.id)
        #expect(failures.map(\.kind) == ["crash"])
        #expect(failures.first?.path.hasSuffix("/faulty.png") == true)
        #expect(failures.first?.reason.contains("SIGSEGV") == true, "\(failures)")
        // What reaches out is ended there as well: its process may answer, and still do nothing else.
        let (other, otherSize) = try self.study("limits: {decoder_scans: 3}")
        let attempt = try other.run(environment: ["NIGHTREAD_FAULTS": "open:\(otherSize)"])
        #expect(attempt.ledger["read"] == 4)
        #expect(attempt.ledger["failed"] == 1)
    }

    @Test("A process decodes as many scans as the pipeline file allows, and none of the next ones", arguments: [1, 3])
    func scansOfAProcess(allowed: Int) throws {
        let study = try Study(extra: "settle: 0.1\nrescan: 0.2\nworkers: 1\nlimits: {decoder_scans: \(allowed)}")
        let watch = try study.start("watch")
        for count in 1...4 {
            try study.scan("\(count).png", seed: UInt64(count))
            #expect(watch.waitFor("\"outcome\":\"read\"", count: count), "\(watch.soFar)")
            // The warm parent, and its child while that waits for more.
            var alive = 0
            for _ in 0..<100 {
                alive = processes(named: "decoder", below: study.folder).count
                if alive == (count % allowed == 0 ? 1 : 2) { break }
                usleep(20_000)
            }
            #expect(alive == (count % allowed == 0 ? 1 : 2), "after scan \(count)")
        }
        kill(watch.pid, SIGTERM)
        #expect(watch.wait().ledger["read"] == 4)
    }

    @Test("Content that took a decoder down in two runs is quarantined, until it is asked for")
    func quarantine() throws {
        let (study, size) = try study()
        let environment = ["NIGHTREAD_FAULTS": "crash:\(size)"]
        #expect(try study.run(environment: environment).ledger["failed"] == 1)
        #expect(try study.run(environment: environment).ledger["failed"] == 1)
        let third = try study.run(environment: environment)
        #expect(third.status == 3)
        #expect(third.ledger["quarantined"] == 1)
        #expect(third.ledger["failed"] == 0)
        let asked = try study.run(["--retry-quarantined"])
        #expect(asked.status == 0)
        #expect(asked.ledger["read"] == 5)
    }

    @Test("A worker that is killed costs one scan and is replaced")
    func workerKilled() throws {
        let study = try Study(extra: "workers: 1")
        for seed in 0..<40 { try study.scan("\(seed).png", seed: UInt64(seed), side: 64) }
        let run = try study.start()
        #expect(run.waitFor("\"outcome\":\"read\"", count: 3))
        for pid in processes(named: "worker", below: study.folder) { kill(pid, SIGKILL) }
        let output = run.wait()
        #expect(output.ledger["read", default: 0] >= 39)
        #expect(output.ledger["read", default: 0] + output.ledger["failed", default: 0] == 40)
        #expect(output.status == 0 || output.status == 3)
    }

    @Test(
        "Decoders, their children and workers run under a filter of system calls",
        .enabled(if: hasFilters, "needs seccomp"))
    func confined() throws {
        let study = try Study(extra: "workers: 1")
        try study.scan("a.png", seed: 1)
        let hanging = try Study.png(seed: 77, side: 61)
        try study.file("scans/z.png", hanging)
        let run = try study.start(environment: ["NIGHTREAD_FAULTS": "hang:\(hanging.count)"])
        #expect(run.waitFor("\"outcome\":\"read\""))
        var children: [Int32] = []
        // The decoder, its child that hangs, and the worker that has read the first scan.
        for _ in 0..<200 where children.count < 3 {
            usleep(20_000)
            children = ["decoder", "worker"].flatMap { processes(named: $0, below: study.folder) }
        }
        #expect(children.count == 3)
        for pid in children {
            let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
            // 2: SECCOMP_MODE_FILTER, proc(5).
            #expect(status.contains("\nSeccomp:\t2\n"), "\(status)")
            #expect(status.contains("\nNoNewPrivs:\t1\n"), "\(status)")
        }
        kill(run.pid, SIGKILL)
        _ = run.wait()
    }

    @Test("Children are gone after their supervisor was killed")
    func childrenDie() throws {
        let (study, size) = try study()
        let run = try study.start(environment: ["NIGHTREAD_FAULTS": "hang:\(size)"])
        #expect(run.waitFor("\"outcome\":\"read\"", count: 4))
        #expect(!processes(named: "decoder", below: study.folder).isEmpty)
        kill(run.pid, SIGKILL)
        _ = run.wait()
        var left: [Int32] = []
        for _ in 0..<100 {
            left = ["decoder", "worker"].flatMap { processes(named: $0, below: study.folder) }
            if left.isEmpty { break }
            usleep(20_000)
        }
        #expect(left.isEmpty)
    }
}

@Suite("A run that is stopped")
struct StopTests {
    @Test("SIGINT finishes the scans in hand and ends with 75, and the next run goes on")
    func interrupted() throws {
        let study = try Study(extra: "workers: 1")
        for seed in 0..<60 { try study.scan("\(seed).png", seed: UInt64(seed), side: 64) }
        let run = try study.start()
        #expect(run.waitFor("\"outcome\":\"read\"", count: 3))
        kill(run.pid, SIGINT)
        let first = run.wait()
        #expect(first.status == 75, "\(first.error)")
        #expect(first.ledger["failed"] == 0)
        #expect(first.ledger["seen"] == 60)
        #expect(first.ledger["pending", default: 0] + first.ledger["read", default: 0] == 60)
        #expect(FileManager.default.fileExists(atPath: study.path("out/report/index.html").path))
        let second = try study.run()
        #expect(second.status == 0)
        #expect(second.ledger["read"] == 60)
        let store = try StudyStore.openForReading(study.storeFile)
        #expect(try store.runs().count == 1)
    }

    @Test("A second signal drops the scans in hand")
    func interruptedTwice() throws {
        let study = try Study(extra: "workers: 1\nlimits: {seconds: 60}")
        let faulty = try study.scan("hangs.png", seed: 1, side: 61)
        let size = try Data(contentsOf: faulty).count
        let run = try study.start(environment: ["NIGHTREAD_FAULTS": "hang:\(size)"])
        #expect(run.waitFor("\"started\""))
        usleep(300_000)
        let start = Date()
        kill(run.pid, SIGTERM)
        usleep(100_000)
        kill(run.pid, SIGTERM)
        let output = run.wait()
        #expect(output.status == 75)
        #expect(output.ledger["pending"] == 1)
        #expect(output.ledger["failed"] == 0)
        #expect(Date().timeIntervalSince(start) < 10)
    }

    /// 20 times with NIGHTREAD_LONG_TESTS=1.
    @Test("kill -9 at random moments loses nothing and reads nothing twice")
    func killed() throws {
        let isLong = ProcessInfo.processInfo.environment["NIGHTREAD_LONG_TESTS"] == "1"
        let scans = isLong ? 150 : 40
        let kills = isLong ? 20 : 4
        let seed = UInt64(20_261_124)
        var random = SeededGenerator(seed: seed)
        let study = try Study(extra: "workers: 2")
        let portion = scans / kills
        var wasEarly = 0
        for number in 0..<kills {
            // Every session has something new to read, however far the one before had come.
            for scan in number * portion..<(number == kills - 1 ? scans : (number + 1) * portion) {
                try study.scan("\(scan).png", seed: UInt64(scan), side: 64)
            }
            if number < 4 {
                try FileManager.default.copyItem(
                    at: study.path("scans/\(number * portion).png"), to: study.path("scans/again-\(number).png"))
            }
            let run = try study.start()
            // Half of them at any moment at all, half while scans are being read.
            if number % 2 == 0 {
                usleep(UInt32.random(in: 0...500_000, using: &random))
            } else {
                _ = run.waitFor("\"outcome\"", count: Int.random(in: 1...portion, using: &random))
                usleep(UInt32.random(in: 0...20_000, using: &random))
            }
            if run.process.isRunning { wasEarly += 1 }
            kill(run.pid, SIGKILL)
            _ = run.wait()
        }
        let last = try study.run()
        #expect(last.status == 0, "seed \(seed): \(last.error)")
        #expect(last.ledger["seen"] == scans + 4, "seed \(seed)")
        #expect(last.ledger["read"] == scans, "seed \(seed)")
        #expect(last.ledger["duplicate"] == 4, "seed \(seed)")
        #expect(wasEarly >= kills / 2, "too few sessions were killed while they worked")
        let store = try StudyStore.openForReading(study.storeFile)
        let run = try #require(try store.latestRun())
        let readings = try store.readings(run: run.id)
        #expect(Set(readings.map(\.scan.sha256)).count == scans, "seed \(seed)")
        #expect(readings.count == scans, "seed \(seed)")
        #expect(try store.verifyAudit().problemCount == 0, "seed \(seed)")
    }

    @Test(
        "A full disk ends with 74, and what was read stays",
        .enabled(if: getuid() == 0, "mounting a small disk needs root"))
    func fullDisk() throws {
        let study = try Study(extra: "free_space: 0\nworkers: 1", store: "small/night.sqlite")
        for seed in 0..<60 { try study.scan("\(seed).png", seed: UInt64(seed), side: 64) }
        guard let small = try mountSmallDisk(in: study) else { return }
        defer { umount2(small.path, Int32(MNT_DETACH)) }
        // All but a little is taken by something else while the run goes on.
        let run = try study.start()
        #expect(run.waitFor("\"outcome\":\"read\"", count: 3))
        let filler = open(small.appendingPathComponent("filler").path, O_WRONLY | O_CREAT, 0o600)
        let page = [UInt8](repeating: 1, count: 4096)
        while write(filler, page, page.count) > 0 {}
        close(filler)
        let output = run.wait()
        #expect(output.status == 74, "\(output.error)")
        let store = try StudyStore.openForReading(small.appendingPathComponent("night.sqlite"))
        let latest = try #require(try store.latestRun())
        let read = try store.readings(run: latest.id).count
        #expect(read >= 3)
        try store.close()
        unlink(small.appendingPathComponent("filler").path)
        let second = try study.run()
        #expect(second.status == 0)
        #expect(second.ledger["read"] == 60)
    }

    @Test(
        "A read-only disk for the report ends with 73 before the first scan, one for the store likewise",
        .enabled(if: getuid() == 0, "mounting a small disk needs root"))
    func readOnlyDisk() throws {
        for (store, report) in [("small/night.sqlite", "out"), ("out/night.sqlite", "small")] {
            let study = try Study(store: store)
            try study.scan("a.png", seed: 1)
            try study.file(
                study.pipeline,
                Data(
                    """
                    study: night
                    inputs: [{path: scans}]
                    model: model
                    store: \(store)
                    report: {html: \(report)/report, csv: \(report)/findings.csv}
                    """.utf8))
            guard let small = try mountSmallDisk(in: study) else { return }
            defer { umount2(small.path, Int32(MNT_DETACH)) }
            #expect(mount("tmpfs", small.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0)
            let output = try study.run()
            #expect(output.status == 73, "\(output.error)\(output.out)")
            #expect((output.error + output.out).contains("/small"))
            #expect(!output.out.contains("\"outcome\":\"read\""))
        }
    }

    @Test("A store of a newer version ends with 64 and is left as it is")
    func newerStore() throws {
        let study = try Study()
        try study.scan("a.png", seed: 1)
        #expect(try study.run().status == 0)
        // Bytes 60 to 63 of an SQLite file are its user version (SQLite file format, section 1.3).
        var bytes = try Data(contentsOf: study.storeFile)
        bytes.replaceSubrange(60..<64, with: [0, 0, 0, 99])
        try bytes.write(to: study.storeFile)
        try study.scan("b.png", seed: 2)
        let output = try study.run()
        #expect(output.status == 64, "\(output.error)\(output.out)")
        #expect((output.error + output.out).contains("99"))
        #expect(try Data(contentsOf: study.storeFile) == bytes)
    }

    /// The folder `small` of the study as a disk of 24 MiB; nil, with a message, where none can be mounted.
    private func mountSmallDisk(in study: Study) throws -> URL? {
        let small = study.path("small")
        try FileManager.default.createDirectory(at: small, withIntermediateDirectories: true)
        if mount("tmpfs", small.path, "tmpfs", 0, "size=24m") == 0 { return small }
        print("skipped: tmpfs cannot be mounted here")
        return nil
    }

    @Test("The free-space floor stops the run before the disk is full")
    func floor() throws {
        let study = try Study(extra: "free_space: 900 TiB")
        try study.scan("a.png", seed: 1)
        let output = try study.run()
        #expect(output.status == 74)
        #expect((output.events.last?["error"] as? String)?.contains("below the floor of 900 TiB") == true)
        #expect(output.ledger["pending"] == 1)
    }
}
