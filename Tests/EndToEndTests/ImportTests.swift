import EfficientNet
import Foundation
import Imaging
import Tensors
import Testing
import WeightFixtures

/// `nightread import` and `nightread model export`, as a user runs them: containers go through a process of their own.
@Suite("Imports, end to end")
struct ImportCommandTests {
    private final class Folder {
        let url = FileManager.default.temporaryDirectory.appending(path: "nightread-import-\(UUID())")

        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(at: url) }

        func write(_ bytes: [UInt8], _ name: String) throws { try Data(bytes).write(to: url.appending(path: name)) }
    }

    /// B0's tensors for two labels, with timm's names: values of no meaning, but finite.
    private static let tensors: [TorchFixture.Tensor] = Architecture(.b0, padding: .same)
        .parameters(side: 224, head: .linear, labels: 2)
        .enumerated().map { index, parameter in
            let isVariance = parameter.name.hasSuffix("running_var")
            return (
                parameter.name, parameter.shape,
                (0..<parameter.count).map { isVariance ? 1 : Float(($0 * 31 + index * 7) % 101 - 50) / 1000 }
            )
        }

    @Test("Both formats of PyTorch become the same package, whose self-test passes and whose run the network reads")
    func checkpoints() throws {
        let folder = try Folder()
        try folder.write(TorchFixture.zip(Self.tensors, place: "state_dict"), "today.pth")
        try folder.write(TorchFixture.legacy(Self.tensors), "before.pt")
        for (file, package) in [("today.pth", "a"), ("before.pt", "b")] {
            let done = try Program.run(
                [
                    "import", file, "--output", package, "--labels", "no,yes", "--convention", "same",
                    "--preprocessing", "resolution=64",
                ], in: folder.url)
            #expect(done.status == 0, "\(done.error)")
            #expect(done.out.contains("b0, recognised from"))
            let model = try ModelPackage.open(folder.url.appending(path: package))
            #expect(model.manifest.labels == ["no", "yes"])
            #expect(model.manifest.padding == .same)
            for tensor in Self.tensors.prefix(40) {
                #expect(try model.tensors()[tensor.name]?.scalars == tensor.values)
            }
        }
        // The run's workers reproduce the self-test before the first scan.
        #expect(
            try Program.run(["phantom", "study", "--count", "3", "--seed", "1", "--quiet"], in: folder.url).status == 0)
        try folder.write(
            Array(
                """
                study: s
                inputs: [{path: study, patterns: ["*.png"]}]
                model: a
                store: s.sqlite
                report: {csv: f.csv}
                """.utf8), "s.yaml")
        let run = try Program.run(["run", "s.yaml"], in: folder.url)
        #expect(run.status == 0, "\(run.error)")
        #expect(run.out.contains("self-test passed (2 pictures)"))
    }

    @Test("A dry run lists every tensor and writes nothing")
    func dryRun() throws {
        let folder = try Folder()
        try folder.write(TorchFixture.legacy(Self.tensors), "w.pth")
        let done = try Program.run(["import", "w.pth", "--dry-run", "--output", "model"], in: folder.url)
        #expect(done.status == 0, "\(done.error)")
        #expect(done.lines.count { $0.contains(" → ") } == Self.tensors.count)
        #expect(!FileManager.default.fileExists(atPath: folder.url.appending(path: "model").path))
    }

    @Test("Whatever is wrong with a file, it is said in one line, the status is 64, and nothing is written")
    func refused() throws {
        let folder = try Folder()
        var hostile = PickleWriter()
        hostile.global("os", "system")
        hostile.op("(")
        hostile.text("touch ran")
        hostile.op("t")
        hostile.op("R")
        try folder.write(hostile.stop(), "hostile.pth")
        var module = PickleWriter()
        module.global("torchvision.models.efficientnet", "EfficientNet")
        try folder.write(module.stop(), "module.pth")
        let whole = TorchFixture.zip(Self.tensors)
        try folder.write(Array(whole[..<(whole.count / 2)]), "cut.pth")
        try folder.write([0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A, 1, 2, 3], "cut.h5")
        try folder.write(Array("no weights at all".utf8), "text.safetensors")
        try folder.write(TorchFixture.zip([("fc.weight", [1], [1])]), "other.pth")
        try folder.write([], "empty.pth")
        for (file, reason) in [
            ("hostile.pth", "os.system at byte 2"), ("module.pth", "torch.save(model.state_dict(), FILE)"),
            ("cut.pth", "zip archive"), ("cut.h5", "HDF5"), ("text.safetensors", "safetensors"),
            ("other.pth", "no EfficientNet that is known"), ("empty.pth", "safetensors"),
        ] {
            let done = try Program.run(["import", file, "--output", "model"], in: folder.url)
            #expect(done.status == 64, "\(file): \(done.status) \(done.error)")
            #expect(done.error.contains(reason), "\(file): \(done.error)")
            #expect(done.error.split(separator: "\n").count == 1, "\(done.error)")
        }
        #expect(try Program.run(["import", "absent.pth", "--output", "model"], in: folder.url).status == 66)
        #expect(try Program.run(["import", "cut.pth"], in: folder.url).status == 64)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        #expect(!left.contains("model") && !left.contains("model.part") && !left.contains("ran"))
    }

    @Test("A package is exported to ONNX; to torchvision only where that computes the same")
    func exports() throws {
        let folder = try Folder()
        try folder.write(TorchFixture.legacy(Self.tensors), "w.pth")
        let options = ["--labels", "no,yes", "--preprocessing", "resolution=64"]
        #expect(
            try Program.run(["import", "w.pth", "--output", "same", "--convention", "same"] + options, in: folder.url)
                .status == 0)
        #expect(
            try Program.run(
                ["import", "w.pth", "--output", "even", "--convention", "symmetric"] + options, in: folder.url
            ).status == 0)
        #expect(try Program.run(["model", "export", "same", "m.onnx", "--to", "onnx"], in: folder.url).status == 0)
        let refused = try Program.run(
            ["model", "export", "same", "t.safetensors", "--to", "torchvision"], in: folder.url)
        #expect(refused.status == 64)
        #expect(refused.error.contains("pads symmetrically"))
        #expect(
            try Program.run(["model", "export", "even", "t.safetensors", "--to", "torchvision"], in: folder.url).status
                == 0)
        let file = try SafetensorsFile(contentsOf: folder.url.appending(path: "t.safetensors"))
        #expect(
            try file.tensor("features.0.0.weight").scalars
                == Self.tensors.first { $0.name == "conv_stem.weight" }?.values)
        #expect(try Program.run(["model", "export", "absent", "m.onnx", "--to", "onnx"], in: folder.url).status == 66)
    }
}
