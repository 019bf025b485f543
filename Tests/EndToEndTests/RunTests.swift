import EfficientNet
import Foundation
import Store
import Tensors
import Testing

@Suite("nightread run")
struct RunTests {
    @Test("Every path seen ends in one outcome, and the ledger balances")
    func ledger() throws {
        let study = try Study(extra: "workers: 2")
        for seed in 0..<6 { try study.scan("scan-\(seed).png", seed: UInt64(seed)) }
        try study.scan("below/deeper/scan.tif.png", seed: 50)
        try FileManager.default.copyItem(
            at: study.path("scans/scan-0.png"), to: study.path("scans/scan-0-again.png"))
        let whole = try Study.png(seed: 99)
        try study.file("scans/truncated.png", whole.prefix(whole.count / 2))
        try study.file("scans/mislabelled.png", Data("this is no picture at all".utf8))
        try study.file("scans/empty.png", Data())
        try study.file("scans/notes.txt", Data("notes".utf8))
        try study.file("scans/.hidden.png", whole)
        try study.file("scans/arriving.png.part", whole)
        try FileManager.default.createDirectory(at: study.path("scans/folder.png"), withIntermediateDirectories: true)
        #expect(mkfifo(study.path("scans/pipe.png").path, 0o600) == 0)
        try FileManager.default.createSymbolicLink(
            at: study.path("scans/below/loop"), withDestinationURL: study.path("scans"))
        try FileManager.default.createSymbolicLink(
            atPath: study.path("scans/dangling.png").path, withDestinationPath: "nowhere")

        let output = try study.run()
        #expect(output.status == 3, "\(output.error)")
        #expect(
            output.ledger == [
                "seen": 15, "read": 7, "duplicate": 1, "skipped": 4, "failed": 3, "quarantined": 0, "pending": 0,
            ])
        let failed = output.events.filter { $0["outcome"] as? String == "failed" }
        let kinds = Dictionary(
            uniqueKeysWithValues: failed.compactMap { event -> (String, String)? in
                guard let path = event["path"] as? String, let kind = event["kind"] as? String else { return nil }
                return (URL(fileURLWithPath: path).lastPathComponent, kind)
            })
        #expect(kinds == ["truncated.png": "truncated", "mislabelled.png": "unrecognised", "empty.png": "empty"])
        let rules = output.events.filter { $0["outcome"] as? String == "skipped" }.compactMap {
            $0["detail"] as? String
        }
        #expect(
            rules.sorted() == [
                "broken link", "link to a folder already seen", "not a scan", "special file",
            ])
        #expect(FileManager.default.fileExists(atPath: study.path("out/report/index.html").path))
        let rows = try String(contentsOf: study.path("out/findings.csv"), encoding: .utf8).split(separator: "\r\n")
        #expect(rows.count > 7)

        let store = try StudyStore.openForReading(study.storeFile)
        let run = try #require(try store.latestRun())
        #expect(run.status == .finished)
        #expect(try store.readings(run: run.id).count == 7)
        #expect(try store.verifyAudit().problemCount == 0)
    }

    @Test("Another precision is another reading, where the machine has it, and is said where it has not")
    func precision() throws {
        let study = try Study()
        try study.scan("a.png", seed: 1)
        #expect(try study.run().ledger["read"] == 1)
        try study.write(extra: "precision: bf16")
        let second = try study.run()
        #expect(second.status == 0 && second.ledger["read"] == 1)
        let store = try StudyStore.openForReading(study.storeFile)
        let runs = try store.runs()
        let hasBF16 = Precision.bf16.runs(on: try InstructionSet.selected())
        #expect(try store.readings(run: runs[0].id).map { $0.madeBy == runs[0].id } == [hasBF16])
        #expect((runs[0].preprocessingDigest == runs[1].preprocessingDigest) == !hasBF16)
        let notices = second.events.compactMap { $0["text"] as? String }
        #expect(notices.contains { $0.contains("computing in f32") } == !hasBF16)
        // Without the instructions it falls back, and says so.
        let fallback = try study.run([], environment: ["NIGHTREAD_ISA": "portable"])
        #expect(fallback.status == 0)
        #expect(fallback.events.compactMap { $0["text"] as? String }.contains { $0.contains("computing in f32") })
    }

    /// The fuzzers' seeds: small files of every format, among them several of each with more than one frame.
    @Test("A folder of all formats without a suffix is read as what each file is, frames and all")
    func mixed() throws {
        let study = try Study(extra: "aggregate: {frames: mean}")
        let seeds = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../Fuzz/Seeds")
        var files = 0
        for format in ["dicom", "jpeg", "nifti", "png", "tiff"] {
            let folder = seeds.appendingPathComponent(format).standardizedFileURL
            for file in try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil) {
                files += 1
                try FileManager.default.copyItem(at: file, to: study.path("scans/IM\(1000 + files)"))
            }
        }
        #expect(files > 40)
        try study.file("scans/README", Data("no scan".utf8))
        let output = try study.run()
        #expect(output.status == 0, "\(output.out.suffix(400)) \(output.error)")
        #expect(output.ledger["read"] == files && output.ledger["skipped"] == 1)
        let store = try StudyStore.openForReading(study.storeFile)
        let run = try #require(try store.latestRun())
        let readings = try store.readings(run: run.id)
        #expect(Set(readings.map(\.scan.format)) == ["dicom", "jpeg", "nifti", "png", "tiff"])
        #expect(Set(readings.filter { $0.frame > 0 }.map(\.scan.format)) == ["dicom", "nifti", "tiff"])
        let page = try String(contentsOf: study.path("out/report/index.html"), encoding: .utf8)
        #expect(page.contains("the mean probability of its frames counts"))
        #expect(try store.verifyAudit().problemCount == 0)
    }

    @Test("A second run recognises what is unchanged and reads nothing again")
    func recognised() throws {
        let study = try Study()
        for seed in 0..<3 { try study.scan("\(seed).png", seed: UInt64(seed)) }
        #expect(try study.run().status == 0)
        try study.scan("new.png", seed: 10)
        // Another content under an old name is another scan.
        try study.scan("0.png", seed: 11)
        let second = try study.run()
        #expect(second.status == 0)
        #expect(second.ledger["read"] == 4)
        let store = try StudyStore.openForReading(study.storeFile)
        let runs = try store.runs()
        #expect(runs.count == 2)
        #expect(try store.readings(run: runs[0].id).filter { $0.madeBy == runs[0].id }.count == 2)
        #expect(try store.readings(run: runs[1].id).count == 3)
    }

    @Test("--dry-run lists what would be read and makes nothing")
    func dryRun() throws {
        let study = try Study()
        try study.scan("a.png", seed: 1)
        try study.file("scans/notes.txt", Data("notes".utf8))
        let output = try Program.run(["run", study.pipeline, "--dry-run"], in: study.folder)
        #expect(output.status == 0)
        #expect(output.lines.contains { $0.hasPrefix("read: ") && $0.hasSuffix("/scans/a.png") })
        #expect(
            output.lines.contains {
                $0.hasPrefix("look: ") && $0.hasSuffix("/scans/notes.txt: read if it holds a scan")
            })
        #expect(output.lines.last == "would read 1 scans with random-b0, look at 1 other files, skip 0, and fail at 0")
        #expect(!FileManager.default.fileExists(atPath: study.path("out").path))
    }

    @Test("--limit reads so many, and the next run goes on with the rest")
    func limit() throws {
        let study = try Study()
        for seed in 0..<5 { try study.scan("\(seed).png", seed: UInt64(seed)) }
        let first = try study.run(["--limit", "2"])
        #expect(first.status == 0)
        #expect(first.ledger["read"] == 2)
        #expect(first.ledger["pending"] == 3)
        let second = try study.run()
        #expect(second.ledger["read"] == 5)
        #expect(second.ledger["pending"] == 0)
        #expect(try StudyStore.openForReading(study.storeFile).runs().count == 1)
    }

    @Test("A pipeline file with mistakes ends with 64 and names file, line and key")
    func badPipeline() throws {
        let study = try Study(extra: "wokers: 3")
        let output = try study.run()
        #expect(output.status == 64)
        #expect(output.error.contains("night.yaml:6: wokers: unknown key; did you mean 'workers'?"))
        let missing = try Program.run(["run", "nowhere.yaml"], in: study.folder)
        #expect(missing.status == 66)
        #expect(try Program.run(["run"], in: study.folder).status == 64)
    }

    @Test("An input that is gone ends with 66")
    func missingInput() throws {
        let study = try Study()
        try FileManager.default.removeItem(at: study.path("scans"))
        let output = try study.run()
        #expect(output.status == 66)
        #expect(output.error.contains("night.yaml:2: inputs[0].path: no such folder"))
    }

    @Test("Output that cannot be created ends with 73 before anything is read")
    func readOnlyOutput() throws {
        let study = try Study(store: "store/night.sqlite")
        try study.scan("a.png", seed: 1)
        // A file where the folder should be fails for root as well.
        try study.file("out", Data("in the way".utf8))
        let output = try study.run()
        #expect(output.status == 73)
        #expect(output.error.contains("/out"))
        #expect(!FileManager.default.fileExists(atPath: study.path("store").path))
    }

    @Test("A model whose weights were changed ends with 74 and leaves the store alone")
    func damagedModel() throws {
        let study = try Study()
        try study.scan("a.png", seed: 1)
        let weights = study.path("model/weights.safetensors")
        var bytes = try Data(contentsOf: weights)
        bytes[bytes.count - 3] ^= 0x40
        try bytes.write(to: weights)
        let output = try study.run()
        #expect(output.status == 74)
        #expect(output.error.contains("SHA-256"))
        #expect(!FileManager.default.fileExists(atPath: study.storeFile.path))
    }

    @Test("A model that this machine does not reproduce ends with 74 before the first scan")
    func selfTestFails() throws {
        let study = try Study()
        try study.scan("a.png", seed: 1)
        try FileManager.default.removeItem(at: study.path("model"))
        // What the package promises of this picture is nothing that its weights and settings give.
        let promise = SelfTest.Case(
            height: 40, width: 40, channels: 1, samples: .uint8([UInt8](repeating: 128, count: 1600)),
            prepared: [Float](repeating: 0, count: 3 * 32 * 32), logits: [1, -1])
        try Models.write(.b0, to: study.path("model"), selfTest: SelfTest(cases: [promise]))
        let output = try study.run()
        #expect(output.status == 74)
        #expect(
            output.error.contains("the self-test failed in f32: expected prepared samples within 0.001"),
            "\(output.error)")
        #expect(!FileManager.default.fileExists(atPath: study.storeFile.path))
        let doctor = try Program.run(["doctor", study.pipeline], in: study.folder)
        #expect(doctor.status == 74)
    }

    @Test("What is over the pipeline file's limits is a failure of that scan, and names the limit")
    func limits() throws {
        let study = try Study(extra: "limits: {pixels: 2000, file_bytes: 5000}")
        try study.scan("good.png", seed: 1, side: 40)
        try study.scan("too-many-pixels.png", seed: 2, side: 50)
        try study.file("scans/too-large.png", Data(repeating: 7, count: 5001))
        let output = try study.run()
        #expect(output.status == 3)
        #expect(output.ledger["read"] == 1)
        let failed = output.events.filter { $0["outcome"] as? String == "failed" }
        #expect(failed.compactMap { $0["kind"] as? String } == ["over-limit", "over-limit"])
        #expect(failed.contains { ($0["detail"] as? String)?.contains("limits.file_bytes") == true })
    }

    @Test("A reader that closes the pipe does not stop the run")
    func closedPipe() throws {
        let study = try Study()
        for seed in 0..<8 { try study.scan("\(seed).png", seed: UInt64(seed)) }
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "'\(Program.executable)' run night.yaml --json | head -n 1 > /dev/null"]
        shell.currentDirectoryURL = study.folder
        shell.environment = ProcessInfo.processInfo.environment.merging(["XDG_STATE_HOME": study.folder.path]) { $1 }
        try shell.run()
        shell.waitUntilExit()
        // The shell ends with head; the run may still be going.
        let end = Date().addingTimeInterval(30)
        var status: RunStatus?
        while Date() < end, status != .finished {
            status = try? StudyStore.openForReading(study.storeFile).latestRun()?.status
            usleep(50_000)
        }
        #expect(status == .finished)
    }
}

@Suite("nightread model new")
struct ModelNewTests {
    @Test("A fresh package reads scans and makes no calls; the same seed gives the same package")
    func fresh() throws {
        let study = try Study()
        try study.scan("a.png", seed: 1)
        for (name, seed) in [("one", "5"), ("two", "5"), ("three", "6")] {
            let made = try Program.run(
                ["model", "new", "b0", "--labels", "normal,nodule", "--seed", seed, "--output", name], in: study.folder)
            #expect(made.status == 0, "\(made.error)")
        }
        let weights = try ["one", "two", "three"].map {
            try Data(contentsOf: study.path($0 + "/weights.safetensors"))
        }
        #expect(weights[0] == weights[1] && weights[0] != weights[2])
        try FileManager.default.removeItem(at: study.path("model"))
        try FileManager.default.moveItem(at: study.path("one"), to: study.path("model"))
        #expect(try study.run().ledger["read"] == 1)
        let table = try String(contentsOf: study.path("out/findings.csv"), encoding: .utf8)
        #expect(table.contains(",uncalibrated,"))
        #expect(try Program.run(["model", "new", "b0", "--output", "two"], in: study.folder).status == 73)
        let bad = try Program.run(["model", "new", "b0", "--labels", "a,a", "--output", "x"], in: study.folder)
        #expect(bad.status == 64)
    }
}
