import Foundation
import Testing

@testable import Store

@Suite("Naming runs")
struct RegistryTests {
    let scratch: Scratch
    let registry: StoreRegistry

    init() throws {
        scratch = try Scratch()
        registry = StoreRegistry(environment: ["XDG_STATE_HOME": scratch.folder.path + "/state"])
    }

    /// A store with one finished run that began `hour` hours after midnight.
    func makeRun(_ name: String, hour: Int64) throws -> (file: URL, id: String) {
        let file = scratch.folder.appendingPathComponent(name)
        let moment = Timestamp(milliseconds: 1_795_478_400_000 + hour * 3_600_000)
        let store = try StudyStore.openForWriting(file, host: "", actor: "", clock: { moment })
        let id = try store.beginRun(start()).id
        try store.finishRun(id, status: .finished)
        try store.close()
        try registry.remember(file)
        return (file, id)
    }

    @Test("A run is found by id, by the beginning of its id, and as the latest, in any remembered store")
    func found() throws {
        let late = try makeRun("late.sqlite", hour: 5)
        let early = try makeRun("early.sqlite", hour: 2)
        #expect(registry.stores().map(\.lastPathComponent) == ["early.sqlite", "late.sqlite"])
        #expect(try registry.resolve(run: late.id).run.id == late.id)
        #expect(try registry.resolve(run: String(early.id.prefix(12))).run.id == early.id)
        #expect(try registry.resolve(run: "latest").run.id == late.id)
        #expect(try registry.resolve(run: "latest", store: early.file.path).run.id == early.id)
        let named = StoreRegistry(environment: ["NIGHTREAD_STORE": early.file.path, "HOME": "/nonexistent"])
        #expect(try named.resolve(run: "latest").run.id == early.id)
        let mode = try FileManager.default.attributesOfItem(atPath: registry.file.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("An ambiguous beginning lists the candidates, an unknown name the stores that were searched")
    func notFound() throws {
        let one = try makeRun("one.sqlite", hour: 2)
        let two = try makeRun("two.sqlite", hour: 3)
        let prefix = String(one.id.prefix(9))
        #expect(throws: StoreError.ambiguousRun(name: prefix, candidates: [two.id, one.id])) {
            try registry.resolve(run: prefix)
        }
        #expect(throws: StoreError.noSuchRun(name: "zz", searched: [two.file.path, one.file.path])) {
            try registry.resolve(run: "zz")
        }
        let empty = StoreRegistry(environment: ["HOME": "/nonexistent"])
        #expect(throws: StoreError.noSuchRun(name: "latest", searched: [])) { try empty.resolve(run: "latest") }
    }

    @Test("A store that was moved away is forgotten, one remembered twice is listed once")
    func forgotten() throws {
        let one = try makeRun("one.sqlite", hour: 2)
        let two = try makeRun("two.sqlite", hour: 3)
        try registry.remember(one.file)
        #expect(registry.stores().map(\.lastPathComponent) == ["one.sqlite", "two.sqlite"])
        try FileManager.default.removeItem(at: two.file)
        #expect(registry.stores().map(\.lastPathComponent) == ["one.sqlite"])
    }

    @Test("An output file is complete or absent, its owner's alone, and never leaves its part behind")
    func output() throws {
        let folder = scratch.folder.appendingPathComponent("a/b")
        try OutputFile.makeFolder(folder)
        let file = folder.appendingPathComponent("x.csv")
        try OutputFile.write(Array("one".utf8), to: file)
        try OutputFile.write(Array("two".utf8), to: file)
        #expect(try String(contentsOf: file, encoding: .utf8) == "two")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["x.csv"])
        #expect(try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.attributesOfItem(atPath: folder.path)[.posixPermissions] as? Int == 0o700)
        #expect(throws: StoreError.self) { try OutputFile.write([1], to: folder) }
        #expect(throws: StoreError.self) { try OutputFile.makeFolder(file) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path + "/a") == ["b"])
    }
}
