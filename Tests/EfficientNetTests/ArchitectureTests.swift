import Foundation
import Testing

@testable import EfficientNet

@Suite struct ScalingTests {
    /// Read off the published checkpoints: stem; blocks × channels by stage; features; parameters with 1000 classes.
    static let published: [(variant: Variant, stem: Int, stages: String, features: Int, parameters: Int)] = [
        (.b0, 32, "1×16 2×24 2×40 3×80 3×112 4×192 1×320", 1280, 5_288_548),
        (.b1, 32, "2×16 3×24 3×40 4×80 4×112 5×192 2×320", 1280, 7_794_184),
        (.b2, 32, "2×16 3×24 3×48 4×88 4×120 5×208 2×352", 1408, 9_109_994),
        (.b3, 40, "2×24 3×32 3×48 5×96 5×136 6×232 2×384", 1536, 12_233_232),
        (.b4, 48, "2×24 4×32 4×56 6×112 6×160 8×272 2×448", 1792, 19_341_616),
        (.b5, 48, "3×24 5×40 5×64 7×128 7×176 9×304 3×512", 2048, 30_389_784),
        (.b6, 56, "3×32 6×40 6×72 8×144 8×200 11×344 3×576", 2304, 43_040_704),
        (.b7, 64, "4×32 7×48 7×80 10×160 10×224 13×384 4×640", 2560, 66_347_960),
    ]

    @Test("Compound scaling makes the published widths, depths and parameter counts", arguments: 0..<8)
    func scaling(_ index: Int) {
        let expected = Self.published[index]
        let network = Architecture(expected.variant, padding: .symmetric)
        #expect(network.stem == expected.stem)
        #expect(network.features == expected.features)
        let stages = (0..<7).map { stage in
            let blocks = network.blocks.filter { $0.stage == stage }
            return "\(blocks.count)×\(blocks[0].output)"
        }
        #expect(stages.joined(separator: " ") == expected.stages)
        let summary = Summary(expected.variant, head: .linear, labels: 1000)
        #expect(summary.trainable == expected.parameters)
    }

    /// Keras' B0 without its top has 4,049,571 parameters: 4,007,548 trainable, 42,016 statistics, 7 of its normalisation.
    @Test("B0 without its top has the parameters Keras counts, and the table ends with them")
    func withoutTop() {
        let summary = Summary(.b0, head: nil, labels: 0)
        #expect(summary.trainable == 4_007_548)
        #expect(summary.statistics == 42_016)
        let text = summary.description
        #expect(text.contains("Total params: 4,049,564"))
        #expect(text.contains("Trainable params: 4,007,548"))
        #expect(text.contains("(None, 7, 7, 1280)"))
    }

    @Test("SAME padding depends on the map's size: a 5×5 layer of stride 2 pads (1, 2) at 56 pixels and (2, 2) at 75")
    func padding() {
        let same = ModelManifest.Padding.same
        #expect(same.zeros(size: 56, kernel: 5, stride: 2) == (1, 2))
        #expect(same.zeros(size: 75, kernel: 5, stride: 2) == (2, 2))
        #expect(same.zeros(size: 224, kernel: 3, stride: 2) == (0, 1))
        #expect(ModelManifest.Padding.symmetric.zeros(size: 56, kernel: 5, stride: 2) == (2, 2))
    }

    static let shapes = Golden.oracle.deletingLastPathComponent().appending(path: "shapes.json")

    @Test(
        "Every tensor has the name and the shape of the published checkpoints",
        .enabled(if: FileManager.default.fileExists(atPath: shapes.path), "../shared/oracle/shapes.json is absent"),
        arguments: Variant.allCases)
    func names(_ variant: Variant) throws {
        let all = try JSONDecoder().decode([String: [String: [Int]]].self, from: Data(contentsOf: Self.shapes))
        let found = Architecture(variant, padding: .same)
            .parameters(side: variant.coefficients.resolution, head: .linear, labels: 1000)
        #expect(Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.shape) }) == all[variant.rawValue])
    }
}
