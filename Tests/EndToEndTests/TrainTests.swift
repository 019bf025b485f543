import EfficientNet
import Foundation
import Imaging
import Testing

/// A folder with drawn phantoms and a training file; removed afterwards. Inputs of 32 pixels keep it quick.
final class TrainingStudy {
    let folder = FileManager.default.temporaryDirectory.appending(path: "nightread-train-\(UUID().uuidString)")

    init(scans: Int = 24) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try PhantomStudy(count: scans, seed: 11).write(to: path("study"))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> URL { folder.appending(path: name) }

    func write(
        _ name: String = "train.yaml", data: String = "{manifest: study/labels.csv}",
        model: String = "{variant: b0, resolution: 32}",
        output: String = "model", phases: String = "[{train: all, epochs: 3, rate: 1e-3}]", extra: String = ""
    ) throws {
        let text = """
            data: \(data)
            model: \(model)
            output: \(output)
            seed: 5
            batch: 6
            threads: 2
            phases: \(phases)
            \(extra)
            """
        try Data(text.utf8).write(to: path(name))
    }

    /// Puts each phantom into the folder of its class below `root`.
    func foldersPerClass(_ root: String) throws {
        let rows = try String(contentsOf: path("study/labels.csv"), encoding: .utf8)
            .split(whereSeparator: \.isNewline).dropFirst().map {
                $0.split(separator: ",", omittingEmptySubsequences: false)
            }
        for row in rows {
            let folder = path(root).appending(path: String(row[1]))
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let target = folder.appending(path: String(row[0]))
            guard !FileManager.default.fileExists(atPath: target.path) else { continue }
            try FileManager.default.copyItem(at: path("study").appending(path: String(row[0])), to: target)
        }
    }

    func train(_ arguments: [String] = []) throws -> Program.Output {
        try Program.run(["train", "train.yaml"] + arguments, in: folder)
    }

    func weights(_ model: String = "model") throws -> Data {
        try Data(contentsOf: path(model + "/weights.safetensors"))
    }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path(name).path) }
}

@Suite("nightread train")
struct TrainTests {
    private static let everything = """
        augmentation: {rotation: 10, shift: 0.1, scale: 0.1, brightness: 0.1, contrast: 0.2, gamma: 0.2, noise: 0.02}
        average: 0.9
        accumulate: 2
        balance: sampling
        dropout: 0.3
        drop_connect: 0.1
        """
    private static let phases = """
        [{train: head, epochs: 2, rate: 1e-2, rounds: 2}, {train: 2, epochs: 1, rate: 1e-3, batch_norm: frozen}, {train: all, epochs: 2, rate: 1e-3, schedule: one-cycle}]
        """

    @Test("A folder per class becomes a model that a pipeline reads with")
    func folderToNight() throws {
        let study = try TrainingStudy()
        try study.foldersPerClass("classes")
        try study.write(data: "{folder: classes, negative: normal}")
        let output = try study.train()
        #expect(output.status == 0, "\(output.error)")
        #expect(output.out.contains("24 scans with 24 frames: 18 for training, 6 for validation"), "\(output.out)")
        #expect(output.out.contains("phase 1, epoch 3 of 3: loss "))
        #expect(output.lines.last?.hasPrefix("trained: validation accuracy ") == true, "\(output.out)")
        #expect(output.lines.last?.hasSuffix("/model.report/index.html") == true)
        #expect(!study.exists("model.checkpoint.safetensors"))

        let model = try ModelPackage.open(study.path("model"))
        #expect(model.manifest.labels == ["effusion", "nodule", "normal"])
        #expect(model.manifest.preprocessing.resolution == 32)
        let provenance = model.manifest.provenance
        #expect(provenance.dataSHA256?.count == 64)
        #expect(provenance.seed == 5)
        #expect(provenance.settings?.contains("epochs: 3") == true)
        #expect(provenance.trainedBy?.hasPrefix("nightread ") == true)
        #expect(provenance.metrics?["validation_scans"] == 6)
        #expect(Set(model.manifest.thresholds.keys) == ["effusion", "nodule"])
        #expect(try model.statistics()?.groups == 3)
        let page = try String(contentsOf: study.path("model.report/index.html"), encoding: .utf8)
        for text in [
            "How training went", "The weights of epoch", "largest sensitivity", model.digest, "data:image/png",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        let table = try String(contentsOf: study.path("model.report/scans.csv"), encoding: .utf8)
            .split(whereSeparator: \.isNewline)
        #expect(table[0] == "path,label,split,sha256")
        #expect(
            table.filter { $0.contains(",train,") }.count == 18
                && table.filter { $0.contains(",validation,") }.count == 6)
        let attributes = try FileManager.default.attributesOfItem(atPath: study.path("model.report/index.html").path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)

        let night = """
            study: night
            inputs: [{path: study, patterns: ["*.png", "*.tif"]}]
            model: model
            store: night.sqlite
            report: {csv: findings.csv}
            """
        try Data(night.utf8).write(to: study.path("night.yaml"))
        let run = try Program.run(["run", "night.yaml"], in: study.folder)
        #expect(run.status == 0, "\(run.error)")
        #expect(run.out.contains("self-test passed (2 pictures)"))
        #expect(run.out.contains("24 read"))
    }

    @Test("Killed after any epoch and resumed, a training comes to the same weights, bit for bit")
    func resume() throws {
        let study = try TrainingStudy()
        try study.write(output: "whole", phases: Self.phases, extra: Self.everything)
        let whole = try study.train(["--quiet"])
        #expect(whole.status == 0, "\(whole.error)")
        try study.write(output: "broken", phases: Self.phases, extra: Self.everything)
        for marker in ["phase 1, epoch 1", "phase 2, epoch 1", "phase 3, epoch 1"] {
            let started = try Program.start(["train", "train.yaml", "--resume"], in: study.folder)
            #expect(started.waitFor(marker, count: 1, seconds: 300), "\(marker)")
            kill(started.pid, SIGKILL)
            #expect(started.wait().status != 0)
            #expect(!study.exists("broken"))
        }
        let refused = try study.train()
        #expect(refused.status == 73)
        #expect(refused.error.contains("go on with that training with --resume"))
        let resumed = try study.train(["--resume"])
        #expect(resumed.status == 0, "\(resumed.error)")
        #expect(resumed.out.contains("going on after epoch 1 of phase 3"))
        #expect(try study.weights("broken") == study.weights("whole"))
    }

    @Test(
        "Killed at any moment, thirty times, and resumed: no half-written file is in the way, and the weights are the same",
        .enabled(
            if: ProcessInfo.processInfo.environment["NIGHTREAD_LONG_TESTS"] == "1",
            "set NIGHTREAD_LONG_TESTS=1 to run it"))
    func killedAnywhere() throws {
        let study = try TrainingStudy()
        try study.write(output: "whole", phases: Self.phases, extra: Self.everything)
        let whole = try study.train(["--quiet"])
        #expect(whole.status == 0, "\(whole.error)")
        try study.write(output: "broken", phases: Self.phases, extra: Self.everything)
        var random = SystemRandomNumberGenerator(), kills = 0
        while kills < 30, !study.exists("broken") {
            let started = try Program.start(["train", "train.yaml", "--resume"], in: study.folder)
            usleep(UInt32.random(in: 50_000...1_500_000, using: &random))
            if kill(started.pid, SIGKILL) == 0 { kills += 1 }
            let output = started.wait()
            #expect(output.status == 128 + SIGKILL || output.status == 0, "\(output.error)")
        }
        if !study.exists("broken") {
            let resumed = try study.train(["--resume"])
            #expect(resumed.status == 0, "\(resumed.error)")
        }
        #expect(kills > 3)
        #expect(try study.weights("broken") == study.weights("whole"))
    }

    @Test("A checkpoint of other settings is refused, and says what changed")
    func otherSettings() throws {
        let study = try TrainingStudy()
        try study.write(phases: "[{train: all, epochs: 50, rate: 1e-3}]")
        let started = try Program.start(["train", "train.yaml"], in: study.folder)
        #expect(started.waitFor("phase 1, epoch 1", count: 1, seconds: 300))
        kill(started.pid, SIGKILL)
        _ = started.wait()
        try study.write(phases: "[{train: all, epochs: 50, rate: 2e-3}]")
        let output = try study.train(["--resume"])
        #expect(output.status == 64)
        #expect(output.error.contains("other the recipe"), "\(output.error)")
    }

    @Test("From a package, what fits is taken, and what does not is listed")
    func fromPackage() throws {
        let study = try TrainingStudy()
        try Models.write(.b0, to: study.path("start"))
        try study.write(
            model: "{from: start}", phases: "[{train: head, epochs: 1, rate: 1e-3}]")
        let output = try study.train()
        #expect(output.status == 0, "\(output.error)")
        #expect(output.out.contains("classifier.weight [3, 1280]: random, the source's is [2, 1280]"), "\(output.out)")
        #expect(!output.out.contains("conv_stem"))
        // Only the head was trained: everything else is the package's.
        let (start, model) = (try ModelPackage.open(study.path("start")), try ModelPackage.open(study.path("model")))
        let (before, after) = (try start.tensors(), try model.tensors())
        for (name, tensor) in before where !name.hasPrefix("classifier") { #expect(after[name] == tensor, "\(name)") }
    }

    @Test("From a weight file as other programs write it, with a head of its own")
    func fromWeightFile() throws {
        let study = try TrainingStudy()
        try Models.write(.lite0, to: study.path("start"))
        // timm's names; the package's own weights are such a file.
        try FileManager.default.copyItem(
            at: study.path("start/weights.safetensors"), to: study.path("lite0.safetensors"))
        try study.write(
            model: "{from: lite0.safetensors, resolution: 32}", phases: "[{train: head, epochs: 1, rate: 1e-3}]",
            extra: "abstain: false\nthresholds: {sensitivity: 0.8}\nreport: page")
        let output = try study.train()
        #expect(output.status == 0, "\(output.error)")
        #expect(output.out.contains("start: lite0 from "), "\(output.out)")
        #expect(output.out.contains("classifier.weight [3, 1280]: random"), "\(output.out)")
        let (start, model) = (try ModelPackage.open(study.path("start")), try ModelPackage.open(study.path("model")))
        let (before, after) = (try start.tensors(), try model.tensors())
        for (name, tensor) in before where !name.hasPrefix("classifier") { #expect(after[name] == tensor, "\(name)") }
        #expect(try model.statistics() == nil)
        let page = try String(contentsOf: study.path("page/index.html"), encoding: .utf8)
        #expect(page.contains("a sensitivity of at least 0.8"))
        try Data("no weights".utf8).write(to: study.path("lite0.safetensors"))
        let refused = try study.train(["--dry-run"])
        #expect(refused.status == 64)
        #expect(refused.error.contains("lite0.safetensors"), "\(refused.error)")
    }

    @Test("From another variant, what has the same name and shape is taken, and the rest listed")
    func fromAnotherVariant() throws {
        let study = try TrainingStudy()
        try Models.write(.lite0, to: study.path("start"))
        try study.write(
            model: "{from: start, variant: b0, resolution: 32}", phases: "[{train: head, epochs: 1, rate: 1e-3}]")
        let output = try study.train()
        #expect(output.status == 0, "\(output.error)")
        #expect(output.out.contains("start: b0 from "), "\(output.out)")
        // B0 has squeeze-and-excite in each of its 16 blocks, two layers with weight and bias; Lite0 has none.
        #expect(output.lines.filter { $0.contains(".se.") && $0.hasSuffix("random, the source has none") }.count == 64)
        let (start, model) = (try ModelPackage.open(study.path("start")), try ModelPackage.open(study.path("model")))
        #expect(model.manifest.variant == .b0)
        let (before, after) = (try start.tensors(), try model.tensors())
        for (name, tensor) in before where !name.hasPrefix("classifier") { #expect(after[name] == tensor, "\(name)") }
    }

    @Test("A loss that is not finite stops the training and names the batch's scans; the state before stands")
    func notFinite() throws {
        let study = try TrainingStudy()
        try study.write(
            phases: "[{train: all, epochs: 3, rate: 100, schedule: constant}]", extra: "optimizer: {rule: sgd}")
        let output = try study.train()
        #expect(output.status == 64)
        #expect(output.error.contains("the loss is not finite"), "\(output.error)")
        #expect(output.error.contains("  phantom-000"))
        #expect(!study.exists("model"))
    }

    @Test("Preview and dry run write no model")
    func previewAndDryRun() throws {
        let study = try TrainingStudy()
        try study.write(extra: Self.everything)
        let dry = try study.train(["--dry-run"])
        #expect(dry.status == 0, "\(dry.error)")
        #expect(dry.out.contains("memory: "))
        let output = try study.train(["--preview", "sheet.html"])
        #expect(output.status == 0, "\(output.error)")
        let page = try String(contentsOf: study.path("sheet.html"), encoding: .utf8)
        #expect(page.components(separatedBy: "data:image/png;base64,").count == 1 + 12 * 8)
        #expect(!study.exists("model"))
        #expect(!study.exists("model.checkpoint.safetensors"))
    }

    @Test(
        "A disk that is full at the checkpoint: 74, nothing half-written, and it goes on when there is room",
        .enabled(if: getuid() == 0, "mounting a small disk needs root"))
    func fullDisk() throws {
        let study = try TrainingStudy()
        try FileManager.default.createDirectory(at: study.path("small"), withIntermediateDirectories: true)
        guard mount("tmpfs", study.path("small").path, "tmpfs", 0, "size=20m") == 0 else { return }
        defer { umount2(study.path("small").path, Int32(MNT_DETACH)) }
        try study.write(output: "small/model", phases: "[{train: all, epochs: 1, rate: 1e-3}]")
        let output = try study.train()
        #expect(output.status == 74)
        #expect(output.error.contains("go on with --resume"), "\(output.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: study.path("small").path).isEmpty)
        #expect(mount("tmpfs", study.path("small").path, "tmpfs", UInt(MS_REMOUNT), "size=400m") == 0)
        let again = try study.train(["--resume"])
        #expect(again.status == 0, "\(again.error)")
    }
}
