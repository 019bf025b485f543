import Foundation
import Testing

@testable import EfficientNet

@Suite struct ScalingTests {
    /// Read off the published checkpoints: stem; blocks × channels by stage (C: plain convolutions, F: fused MBConv); features; parameters
    /// with 1000 classes.
    static let published: [(variant: Variant, stem: Int, stages: String, features: Int, parameters: Int)] = [
        (.b0, 32, "1×16 2×24 2×40 3×80 3×112 4×192 1×320", 1280, 5_288_548),
        (.b1, 32, "2×16 3×24 3×40 4×80 4×112 5×192 2×320", 1280, 7_794_184),
        (.b2, 32, "2×16 3×24 3×48 4×88 4×120 5×208 2×352", 1408, 9_109_994),
        (.b3, 40, "2×24 3×32 3×48 5×96 5×136 6×232 2×384", 1536, 12_233_232),
        (.b4, 48, "2×24 4×32 4×56 6×112 6×160 8×272 2×448", 1792, 19_341_616),
        (.b5, 48, "3×24 5×40 5×64 7×128 7×176 9×304 3×512", 2048, 30_389_784),
        (.b6, 56, "3×32 6×40 6×72 8×144 8×200 11×344 3×576", 2304, 43_040_704),
        (.b7, 64, "4×32 7×48 7×80 10×160 10×224 13×384 4×640", 2560, 66_347_960),
        (.lite0, 32, "1×16 2×24 2×40 3×80 3×112 4×192 1×320", 1280, 4_652_008),
        (.lite1, 32, "1×16 3×24 3×40 4×80 4×112 5×192 1×320", 1280, 5_416_680),
        (.lite2, 32, "1×16 3×24 3×48 4×88 4×120 5×208 1×352", 1280, 6_092_072),
        (.lite3, 32, "1×24 3×32 3×48 5×96 5×136 6×232 1×384", 1280, 8_197_096),
        (.lite4, 32, "1×24 4×32 4×56 6×112 6×160 8×272 1×448", 1280, 13_006_568),
        (.v2b0, 32, "1×16C 2×32F 2×48F 3×96 5×112 8×192", 1280, 7_139_704),
        (.v2b1, 32, "2×16C 3×32F 3×48F 4×96 6×112 9×192", 1280, 8_141_052),
        (.v2b2, 32, "2×16C 3×32F 3×56F 4×104 6×120 10×208", 1408, 10_096_086),
        (.v2b3, 40, "2×16C 3×40F 3×56F 5×112 7×136 12×232", 1536, 14_358_406),
        (.v2s, 24, "2×24C 4×48F 4×64F 6×128 9×160 15×256", 1280, 21_458_488),
        (.v2m, 24, "3×24C 5×48F 5×80F 7×160 14×176 18×304 5×512", 1280, 54_139_356),
        (.v2l, 32, "4×32C 7×64F 7×96F 10×192 19×224 25×384 7×640", 1280, 118_515_272),
    ]

    @Test("Compound scaling makes the published widths, depths and parameter counts", arguments: Variant.allCases)
    func scaling(_ variant: Variant) throws {
        let expected = try #require(Self.published.first { $0.variant == variant })
        let network = Architecture(expected.variant, padding: .symmetric)
        #expect(network.stem == expected.stem)
        #expect(network.features == expected.features)
        let letters: [Architecture.Block.Kind: String] = [.convolution: "C", .fused: "F", .mbConv: ""]
        let stages = (0...(network.blocks.last?.stage ?? 0)).map { stage in
            let blocks = network.blocks.filter { $0.stage == stage }
            return "\(blocks.count)×\(blocks[0].output)\(letters[blocks[0].kind] ?? "?")"
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

    /// Strides 2 1 2 1 …: the sides of V2-S's maps at 384 pixels; which blocks add their input (timm's `has_skip`).
    @Test("V2-S has the published strides, squeeze widths and residuals; Lite0 has no squeeze-and-excite")
    func blocks() {
        let small = Architecture(.v2s, padding: .same)
        #expect(small.activation == .swish)
        #expect(
            small.blocks.filter { $0.stride == 2 }.map(\.name) == [
                "blocks.1.0", "blocks.2.0", "blocks.3.0", "blocks.5.0",
            ])
        #expect(small.blocks.allSatisfy { $0.kernel == 3 })
        #expect(
            small.blocks.filter { !$0.hasResidual }.map(\.name) == [
                "blocks.1.0", "blocks.2.0", "blocks.3.0", "blocks.4.0", "blocks.5.0",
            ])
        #expect(small.blocks.first { $0.stage == 3 }?.squeezed == 16)
        #expect(small.blocks.first { $0.stage == 2 }?.squeezed == nil)
        let lite = Architecture(.lite0, padding: .same)
        #expect(lite.activation == .relu6)
        #expect(lite.blocks.allSatisfy { $0.squeezed == nil && $0.kind == .mbConv })
    }

    @Test(
        "Variants are found by the names that people and libraries write",
        arguments: [
            ("b0", Variant.b0), ("EfficientNetB7", .b7), ("tf_efficientnet_lite0", .lite0),
            ("efficientnet-lite4", .lite4),
            ("v2-b0", .v2b0), ("EfficientNetV2B3", .v2b3), ("tf_efficientnetv2_s", .v2s), ("efficientnet_v2_m", .v2m),
            ("V2-L", .v2l),
        ])
    func names(_ text: String, _ variant: Variant) {
        #expect(Variant(name: text) == variant)
        #expect(Variant(name: variant.rawValue) == variant)
        #expect(Variant(name: variant.title) == variant)
    }

    @Test(
        "Other names are no variants", arguments: ["", "b8", "lite5", "v2", "v2-b4", "s", "efficientnet", "resnet50"])
    func wrongNames(_ text: String) {
        #expect(Variant(name: text) == nil)
    }

    /// timm's configurations of the ImageNet weights (`tf_efficientnet*`, tag in1k); of Lite3 and Lite4 tensorflow/tpu's resolutions.
    @Test("Each variant has its published preprocessing")
    func preprocessing() {
        let (imageNet, halves) = (Preprocessing.imageNetMean, [0.5, 0.5, 0.5])
        for (variant, resolution, training, crop, interpolation, fit, mean) in [
            (Variant.b0, 224, 224, 0.875, Preprocessing.Interpolation.bicubic, Preprocessing.Fit.crop, imageNet),
            (.b4, 380, 380, 0.922, .bicubic, .crop, imageNet), (.lite0, 224, 224, 0.875, .bicubic, .crop, halves),
            (.lite2, 260, 260, 0.89, .bicubic, .crop, halves), (.lite3, 280, 280, 0.904, .bilinear, .crop, halves),
            (.lite4, 300, 300, 0.92, .bilinear, .crop, halves), (.v2b0, 224, 192, 0.875, .bicubic, .crop, imageNet),
            (.v2b1, 240, 192, 0.882, .bicubic, .crop, imageNet), (.v2b2, 260, 208, 0.89, .bicubic, .crop, imageNet),
            (.v2b3, 300, 240, 0.904, .bicubic, .crop, imageNet), (.v2s, 384, 300, 1, .bicubic, .crop, halves),
            (.v2m, 480, 384, 1, .bicubic, .squash, halves), (.v2l, 480, 384, 1, .bicubic, .squash, halves),
        ] {
            let found = Preprocessing.standard(for: variant)
            #expect(found.resolution == resolution, "\(variant)")
            #expect(variant.coefficients.trainingResolution == training, "\(variant)")
            #expect(
                found.cropFraction == crop && found.interpolation == interpolation && found.fit == fit, "\(variant)")
            #expect(found.mean == mean, "\(variant)")
            #expect(found.std == (mean == halves ? halves : Preprocessing.imageNetStd), "\(variant)")
        }
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
        arguments: Variant.allCases.filter { $0 != .v2l })
    func names(_ variant: Variant) throws {
        let all = try JSONDecoder().decode([String: [String: [Int]]].self, from: Data(contentsOf: Self.shapes))
        let found = Architecture(variant, padding: .same)
            .parameters(side: variant.coefficients.resolution, head: .linear, labels: 1000)
        #expect(Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.shape) }) == all[variant.rawValue])
    }
}
