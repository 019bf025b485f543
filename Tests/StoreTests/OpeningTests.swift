import Foundation
import GRDB
import Testing

@testable import Store

@Suite("Opening a store")
struct OpeningTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// The error that `body` throws.
    func failure(_ body: () throws -> Void) -> StoreError? {
        do {
            try body()
            return nil
        } catch { return error as? StoreError }
    }

    @Test("A power loss cannot take a commit: WAL and synchronous FULL read back from the connection")
    func durability() throws {
        let store = try scratch.open()
        let values = try store.read { db in
            [
                try String.fetchOne(db, sql: "PRAGMA journal_mode"), try String.fetchOne(db, sql: "PRAGMA synchronous"),
                try String.fetchOne(db, sql: "PRAGMA trusted_schema"),
                try String.fetchOne(db, sql: "PRAGMA cell_size_check"),
                try String.fetchOne(db, sql: "PRAGMA foreign_keys"),
            ]
        }
        #expect(values == ["wal", "2", "0", "1", "1"])
    }

    @Test("Only its owner can read a store and the files beside it")
    func modes() throws {
        let store = try scratch.open()
        _ = try store.beginRun(start())
        for suffix in ["", "-wal", "-shm", ".lock", ".ballast"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: scratch.file.path + suffix)
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(suffix)")
        }
        try store.close()
    }

    @Test("A second writer is told which process holds the store; readers are not disturbed; closing lets it in")
    func oneWriter() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start())
        let error = failure { _ = try scratch.open() }
        #expect(error == .locked(path: store.path, holder: "process \(getpid()) on ward-7"))

        let link = scratch.folder.appendingPathComponent("other-name.sqlite")
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: scratch.file)
        #expect(failure { _ = try StudyStore.openForWriting(link, host: "", actor: "") } == error)

        #expect(try StudyStore.openForReading(scratch.file).run(run.id).status == .running)
        try store.close()
        #expect(throws: Never.self) { try scratch.open() }
    }

    @Test("The database file alone is complete after closing, also while a reader has it open")
    func copied() throws {
        let store = try scratch.open()
        let reader = try StudyStore.openForReading(scratch.file)
        let run = try store.beginRun(start())
        try store.close()
        let copy = scratch.folder.appendingPathComponent("copy.sqlite")
        try FileManager.default.copyItem(at: scratch.file, to: copy)
        #expect(try StudyStore.openForReading(copy).run(run.id) == reader.run(run.id))
    }

    @Test("A reader cannot write")
    func reader() throws {
        try scratch.open().close()
        let store = try StudyStore.openForReading(scratch.file)
        guard case .readOnly = failure({ _ = try store.beginRun(start()) }) else {
            Issue.record("expected a refusal")
            return
        }
    }

    @Test("A missing store, a missing folder and a folder in place of the file are named")
    func missing() throws {
        #expect(
            failure { _ = try StudyStore.openForReading(scratch.file) }
                == .missing(path: StoreFile.resolve(scratch.file)))
        let nowhere = scratch.folder.appendingPathComponent("none/study.sqlite")
        guard case .missingFolder = failure({ _ = try StudyStore.openForWriting(nowhere, host: "", actor: "") }) else {
            Issue.record("expected a missing folder")
            return
        }
        guard case .notAStore = failure({ _ = try StudyStore.openForWriting(scratch.folder, host: "", actor: "") })
        else {
            Issue.record("expected a refusal of a folder")
            return
        }
    }

    @Test("A file that is no database, and a database of another program, are refused untouched")
    func foreign() throws {
        let text = Data(String(repeating: "not a database\n", count: 100).utf8)
        try text.write(to: scratch.file)
        for error in [
            failure { _ = try scratch.open() }, failure { _ = try StudyStore.openForReading(scratch.file) },
        ] {
            guard case .notAStore = error else {
                Issue.record("expected a refusal, found \(String(describing: error))")
                return
            }
        }
        #expect(try Data(contentsOf: scratch.file) == text)

        let other = scratch.folder.appendingPathComponent("other.sqlite")
        try DatabaseQueue(path: other.path).write { try $0.execute(sql: "CREATE TABLE t (x)") }
        #expect(
            failure { _ = try StudyStore.openForWriting(other, host: "", actor: "") }
                == .notAStore(path: StoreFile.resolve(other), found: "the SQLite database of another program"))
    }

    @Test("A store from a newer version is refused with both versions named")
    func newer() throws {
        try scratch.open().close()
        try DatabaseQueue(path: scratch.file.path).write { try $0.execute(sql: "PRAGMA user_version = 7") }
        let expected = StoreError.version(path: StoreFile.resolve(scratch.file), found: "7", known: "3")
        #expect(failure { _ = try scratch.open() } == expected)
        #expect(failure { _ = try StudyStore.openForReading(scratch.file) } == expected)
        #expect(expected.description.contains("version 7") && expected.description.contains("version 3"))
    }

    @Test("A store with an unknown migration is refused")
    func superseded() throws {
        try scratch.open().close()
        try DatabaseQueue(path: scratch.file.path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('later')")
        }
        guard case .version = failure({ _ = try scratch.open() }) else {
            Issue.record("expected a refusal")
            return
        }
    }

    @Test("Damage inside the file is found when it is opened for writing, and when the chain is verified")
    func corrupt() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start())
        for number in 1...200 {
            try store.recordRead(
                run: run.id, path: "/in/\(number).png", stamp: stamp(number), scan: scan(number), readings: [reading()])
        }
        try store.close()
        let file = try FileHandle(forWritingTo: scratch.file)
        let size = try file.seekToEnd()
        for page in stride(from: UInt64(4096 * 4), to: size, by: 4096) {
            try file.seek(toOffset: page)
            try file.write(contentsOf: Data(repeating: 0xA5, count: 512))
        }
        try file.close()
        guard case .corrupt = failure({ _ = try scratch.open() }) else {
            Issue.record("expected damage to be found")
            return
        }
        guard case .corrupt = failure({ _ = try StudyStore.openForReading(scratch.file).verifyAudit() }) else {
            Issue.record("expected damage to be found")
            return
        }
    }

    @Test("A network file system is refused")
    func network() {
        #expect(throws: StoreError.networkFileSystem(path: "/mnt/x.sqlite")) {
            try StoreFile.checkFolder(of: "/mnt/x.sqlite", isRemote: { $0 == "/mnt" ? 1 : 0 })
        }
    }

    @Test("A full database rolls back, keeps what was committed, and the ballast leaves room to record the end")
    func full() throws {
        let store = try scratch.open()
        let run = try store.beginRun(start())
        try store.write { db in
            let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
            try db.execute(sql: "PRAGMA max_page_count = \(pages + 3)")
        }
        var read = 0
        let error = failure {
            for number in 1...1000 {
                try store.recordRead(
                    run: run.id, path: "/in/\(number).png", stamp: stamp(number), scan: scan(number),
                    readings: [reading()])
                read = number
            }
        }
        #expect(error == .diskFull(path: store.path))
        #expect(read > 0 && read < 1000)
        #expect(!FileManager.default.fileExists(atPath: scratch.file.path + ".ballast"))
        #expect(try store.ledger(run: run.id).read == read)
        // From here on only endings are taken, whatever room there is.
        try store.write(isEnding: true) { try $0.execute(sql: "PRAGMA max_page_count = 100000") }
        #expect(
            failure { try store.recordOutcome(run: run.id, path: "/in/x", stamp: nil, outcome: .skipped(rule: "r")) }
                == .diskFull(path: store.path))
        try store.finishRun(run.id, status: .interrupted, reason: "disk full")
        #expect(try store.verifyAudit().isIntact)
        #expect(try store.run(run.id).sessions.last?.reason == "disk full")
    }

    @Test(
        "A store on a read-only disk is read, and cannot be opened for writing",
        .enabled(if: getuid() == 0, "needs root to mount a small disk"))
    func readOnlyDisk() throws {
        let disk = scratch.folder.appendingPathComponent("a disk? 100%")
        try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
        guard mount("tmpfs", disk.path, "tmpfs", 0, "size=8m") == 0 else {
            print("skipped: a small disk cannot be mounted here (\(errorText()))")
            return
        }
        defer { umount2(disk.path, Int32(MNT_DETACH)) }
        let file = disk.appendingPathComponent("study.sqlite")
        let store = try StudyStore.openForWriting(file, host: "", actor: "")
        let run = try store.beginRun(start())
        try store.close()
        #expect(mount("tmpfs", disk.path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), "size=8m") == 0)
        #expect(try StudyStore.openForReading(file).run(run.id) == run)
        guard case .readOnly = failure({ _ = try StudyStore.openForWriting(file, host: "", actor: "") }) else {
            Issue.record("expected a refusal")
            return
        }
    }

    @Test(
        "On a disk that is really full the run's end is still recorded, and the store is whole afterwards",
        .enabled(if: getuid() == 0, "needs root to mount a small disk"))
    func fullDisk() throws {
        let disk = scratch.folder.appendingPathComponent("disk")
        try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
        guard mount("tmpfs", disk.path, "tmpfs", 0, "size=3m") == 0 else {
            print("skipped: a small disk cannot be mounted here (\(errorText()))")
            return
        }
        defer { umount2(disk.path, Int32(MNT_DETACH)) }
        let file = disk.appendingPathComponent("study.sqlite")
        let store = try StudyStore.openForWriting(file, host: "", actor: "")
        let run = try store.beginRun(start())
        var read = 0
        let error = failure {
            for number in 1...100_000 {
                try store.recordRead(
                    run: run.id, path: "/in/\(number).png", stamp: stamp(number), scan: scan(number),
                    readings: [reading(png: [UInt8](repeating: 7, count: 3000))])
                read = number
            }
        }
        #expect(error == .diskFull(path: store.path))
        try store.finishRun(run.id, status: .interrupted, reason: "disk full")
        #expect(try store.ledger(run: run.id).read == read)
        #expect(try store.verifyAudit().isIntact)
        #expect(throws: StoreError.outputFull(path: disk.path + "/report")) {
            try OutputFile.write([UInt8](repeating: 1, count: 4 << 20), to: URL(fileURLWithPath: disk.path + "/report"))
        }
        try store.close()
        let again = try StudyStore.openForReading(file)
        #expect(try again.ledger(run: run.id).read == read)
        #expect(try again.run(run.id).status == .interrupted)
    }
}
