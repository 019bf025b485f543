import EfficientNet
import Foundation
import Imaging
import Tensors

/// A folder with a small model, a pipeline file and scans; removed afterwards.
final class Study {
    let folder: URL
    let pipeline = "night.yaml"

    init(extra: String = "", store: String = "out/night.sqlite") throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightread-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("scans"), withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            at: Models.folder.appendingPathComponent("b0"), to: folder.appendingPathComponent("model"))
        try write(extra: extra, store: store)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func write(
        extra: String = "", store: String = "out/night.sqlite",
        report: String = "report: {html: out/report, csv: out/findings.csv}"
    ) throws {
        let text = """
            study: night
            inputs: [{path: scans}]
            model: model
            store: \(store)
            \(report)
            \(extra)
            """
        try Data(text.utf8).write(to: folder.appendingPathComponent(pipeline))
    }

    func path(_ name: String) -> URL { folder.appendingPathComponent(name) }

    /// A PNG of random gray samples; every `seed` gives another content.
    static func png(seed: UInt64, side: Int = 40) throws -> Data {
        var random = SeededGenerator(seed: seed)
        let samples = (0..<side * side).map { _ in UInt8.random(in: 0...255, using: &random) }
        return Data(try Thumbnail(width: side, height: side, channels: 1, pixels: samples).png())
    }

    @discardableResult
    func scan(_ name: String, seed: UInt64, side: Int = 40) throws -> URL {
        let file = folder.appendingPathComponent("scans").appendingPathComponent(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Self.png(seed: seed, side: side).write(to: file)
        return file
    }

    @discardableResult
    func file(_ name: String, _ content: Data) throws -> URL {
        let file = folder.appendingPathComponent(name)
        try content.write(to: file)
        return file
    }

    func run(_ arguments: [String] = [], environment: [String: String] = [:]) throws -> Program.Output {
        try Program.run(["run", pipeline, "--json"] + arguments, environment: environment, in: folder)
    }

    func start(
        _ command: String = "run", _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> Program.Started {
        try Program.start([command, pipeline, "--json"] + arguments, environment: environment, in: folder)
    }

    var storeFile: URL { folder.appendingPathComponent("out/night.sqlite") }
}

/// Model packages with random weights, made once per test run. An input of 32 pixels keeps them quick.
enum Models {
    static let folder: URL = {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightread-models-\(getpid())")
        do {
            for variant in [Variant.b0, .b1] { try write(variant, to: folder.appendingPathComponent(variant.rawValue)) }
        } catch {
            print("model packages could not be written: \(error)")
        }
        atexit { try? FileManager.default.removeItem(at: Models.folder) }
        return folder
    }()

    static func write(_ variant: Variant, to folder: URL, selfTest: SelfTest? = nil) throws {
        var preprocessing = Preprocessing.standard(for: variant)
        preprocessing.resolution = 32
        let manifest = ModelManifest(
            name: "random-\(variant.rawValue)", variant: variant, padding: .symmetric, labels: ["normal", "nodule"],
            negativeLabel: "normal", thresholds: variant == .b0 ? ["nodule": 0.5] : [:], preprocessing: preprocessing)
        var random = SeededGenerator(seed: 7)
        var weights: [String: Tensor] = [:]
        for parameter in manifest.parameters {
            // Variances of 1 and fans of some size keep activations finite through every layer.
            let scale = 1 / Float(max(parameter.count / max(parameter.shape[0], 1), 1)).squareRoot()
            weights[parameter.name] = try Tensor(
                shape: parameter.shape,
                scalars: (0..<parameter.count).map { _ in
                    parameter.name.hasSuffix("running_var")
                        || (parameter.shape.count == 1 && parameter.name.hasSuffix("weight"))
                        ? 1 : Float.random(in: -1.7...1.7, using: &random) * scale
                })
        }
        try ModelPackage.write(manifest: manifest, weights: weights, selfTest: selfTest, to: folder)
    }
}
