import EfficientNet
import Foundation
import Imaging
import Tensors
import Testing

@testable import Pipeline

/// Real weights over real pictures, where `make pretrained` has brought them.
@Suite("Pretrained weights")
struct PretrainedTests {
    private static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples")
    private static let model = examples.appending(path: "models/efficientnet-lite0")

    static var isThere: Bool {
        [model.path, examples.appending(path: "pictures/chelsea.png").path].allSatisfy {
            FileManager.default.fileExists(atPath: $0)
        }
    }

    @Test(
        "Lite0 sees the cat, the coffee and the tripod, as surely as PyTorch does",
        .enabled(if: isThere, "make pretrained brings Examples/models/efficientnet-lite0"),
        arguments: [
            // timm's tf_efficientnet_lite0 with the same weights; pictures resized to 256 × 256 by Pillow, cut to the middle 224.
            ("chelsea.png", 285, "Egyptian cat", 0.749), ("coffee.png", 967, "espresso", 0.870),
            ("camera.png", 872, "tripod", 0.939),
        ])
    func pictures(file: String, index: Int, label: String, probability: Double) throws {
        let package = try ModelPackage.open(Self.model)
        #expect(package.manifest.labels[index] == label)
        let scan = try IsolatedDecoder(
            limits: PipelineFile.Limits(), program: ChildProgram(executable: Program.executable)
        ).decode(Self.examples.appending(path: "pictures/\(file)").path)
        let whole = try FramePreparation(
            Preprocessing(resolution: 256, fit: .squash, cropFraction: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5])
        ).input(of: scan, frame: 0, named: file).scalars
        var middle: [Float] = []
        for channel in 0..<3 {
            for y in 16..<240 { middle += whole[((channel * 256 + y) * 256 + 16)..<((channel * 256 + y) * 256 + 240)] }
        }
        let network = try package.makeNetwork()
        let logits = try network.logits(Tensor(shape: [1, 3, 224, 224], scalars: middle)).scalars
        let probabilities = Probabilities.of(logits: logits, manifest: package.manifest)
        #expect(probabilities.indices.max { probabilities[$0] < probabilities[$1] } == index)
        #expect(abs(Double(probabilities[index]) - probability) < 0.01, "\(probabilities[index])")
    }
}
