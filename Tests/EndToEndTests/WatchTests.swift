import EfficientNet
import Foundation
import Store
import Testing

@Suite("nightread watch")
struct WatchTests {
    @Test("Scans are read as they arrive, in new folders too, once they are complete")
    func arrivals() throws {
        let study = try Study(extra: "settle: 0.3\nworkers: 1")
        try study.scan("early.png", seed: 1)
        let watch = try study.start("watch")
        #expect(watch.waitFor("\"outcome\":\"read\"", count: 1))
        // Renamed in from another name, as careful programs do.
        let whole = try Study.png(seed: 2)
        try study.file("scans/arriving.png.part", whole)
        try FileManager.default.moveItem(
            at: study.path("scans/arriving.png.part"), to: study.path("scans/arriving.png"))
        try study.scan("new/folder/below.png", seed: 3)
        // Written in two pieces, with a wait between that is longer than `settle`, by someone who keeps the file open.
        let slow = study.path("scans/slow.png")
        let bytes = try Study.png(seed: 4)
        try bytes.prefix(300).write(to: slow)
        let writer = try FileHandle(forWritingTo: slow)
        try writer.seekToEnd()
        usleep(900_000)
        try writer.write(contentsOf: bytes.dropFirst(300))
        try writer.close()
        #expect(watch.waitFor("\"outcome\":\"read\"", count: 4), "\(watch.soFar)")
        kill(watch.pid, SIGTERM)
        let output = watch.wait()
        #expect(output.status == 75)
        #expect(output.ledger["read"] == 4)
        #expect(output.ledger["failed"] == 0)
        #expect(output.ledger["seen"] == 4)
        #expect(FileManager.default.fileExists(atPath: study.path("out/report/index.html").path))
    }

    @Test("--for ends the watch with the run finished; a truncated young file is pending")
    func forASpan() throws {
        let study = try Study(extra: "settle: 0.1\nworkers: 1")
        try study.scan("a.png", seed: 1)
        let whole = try Study.png(seed: 2)
        try study.file("scans/truncated.png", whole.prefix(whole.count / 2))
        let output = try study.start("watch", ["--for", "3s"]).wait()
        #expect(output.status == 0, "\(output.error)")
        #expect(output.ledger["read"] == 1)
        #expect(output.ledger["pending"] == 1)
        let run = try #require(try StudyStore.openForReading(study.storeFile).latestRun())
        #expect(run.status == .finished)
    }

    @Test("The rescan finds what no event told of")
    func rescan() throws {
        let study = try Study(extra: "settle: 0.1\nrescan: 0.5\nworkers: 1")
        let elsewhere = study.path("elsewhere")
        try FileManager.default.createDirectory(at: elsewhere, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(
            at: study.path("scans/link.png"), withDestinationURL: elsewhere.appendingPathComponent("target.png"))
        let watch = try study.start("watch")
        #expect(watch.waitFor("broken link"))
        // The link's end appears in a folder that is not watched.
        try Study.png(seed: 5).write(to: elsewhere.appendingPathComponent("target.png"))
        #expect(watch.waitFor("\"outcome\":\"read\"", count: 1))
        kill(watch.pid, SIGINT)
        #expect(watch.wait().status == 75)
    }

    @Test(
        "A time of day or a span that is none is refused with 64",
        arguments: [["--until", "25:00"], ["--for", "soon"], ["--for", "1h", "--until", "06:30"]])
    func badEnd(arguments: [String]) throws {
        let study = try Study()
        #expect(try study.start("watch", arguments).wait().status == 64)
    }
}

@Suite("nightread rerun and doctor")
struct RerunTests {
    @Test(
        "rerun reads the same scans with the other variant's model into a run of its own, and compare sets them side by side",
        arguments: [Variant.b1, .lite0, .v2b0])
    func rerun(_ variant: Variant) throws {
        let study = try Study()
        let name = variant.rawValue
        try Models.write(variant, to: study.path("model-\(name)"))
        let text = try String(contentsOf: study.path(study.pipeline), encoding: .utf8)
        try study.file(
            study.pipeline,
            Data(text.replacing("model: model", with: "models: {b0: model, \(name): model-\(name)}").utf8))
        for seed in 0..<3 { try study.scan("\(seed).png", seed: UInt64(seed)) }
        try study.file("scans/junk.png", Data("junk".utf8))
        #expect(try study.run().status == 3)
        let store = study.storeFile.path
        let output = try Program.run(
            ["rerun", "latest", "--variant", name, "--store", store, "--json"], in: study.folder)
        #expect(output.status == 0, "\(output.error)")
        #expect(output.ledger["seen"] == 3)
        #expect(output.ledger["read"] == 3)
        let runs = try StudyStore.openForReading(study.storeFile).runs()
        #expect(runs.map(\.model.variant) == [name, "b0"])
        #expect(runs.first?.rerunOf == runs.last?.id)
        #expect(FileManager.default.fileExists(atPath: study.path("out/report/\(name)/index.html").path))
        #expect(FileManager.default.fileExists(atPath: study.path("out/findings-\(name).csv").path))
        let compared = try Program.run(["compare"] + runs.map(\.id) + ["--store", store], in: study.folder)
        #expect(compared.status == 0, "\(compared.error)")
        let missing = try Program.run(["rerun", "latest", "--variant", "b3", "--store", store], in: study.folder)
        #expect(missing.status == 64)
        #expect(missing.error.contains("no model for variant b3"))
    }

    @Test("doctor says what is right, and leaves with what a run would fail with")
    func doctor() throws {
        let study = try Study(extra: "free_space: 0")
        try study.scan("a.png", seed: 1)
        let good = try Program.run(["doctor", study.pipeline], in: study.folder)
        #expect(good.status == 0, "\(good.out)")
        #expect(good.lines.contains { $0.hasPrefix("ok") && $0.contains("1 scans") })
        #expect(good.lines.contains { $0.hasPrefix("warn") && $0.contains("no self-test") })
        try FileManager.default.removeItem(at: study.path("model/weights.safetensors"))
        let bad = try Program.run(["doctor", study.pipeline, "--json"], in: study.folder)
        #expect(bad.status == 74)
        #expect(bad.events.contains { $0["state"] as? String == "fail" && $0["subject"] as? String == "model" })
        #expect(try Program.run(["doctor"], in: study.folder).status == 0)
        #expect(try Program.run(["doctor", "nowhere.yaml"], in: study.folder).status == 66)
    }

    @Test("decoder and worker started by hand say no")
    func byHand() throws {
        let study = try Study()
        for command in ["decoder", "worker"] {
            #expect(try Program.run([command], in: study.folder).status == 64)
        }
    }
}
