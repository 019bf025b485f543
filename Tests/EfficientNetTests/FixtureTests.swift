import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import EfficientNet

/// Fixtures/reference_7.json: timm's and torch's float32 outputs for `SeededWeights` of seed 7, B0.
///
/// Heads are torch linear layers on timm's features; `flatten-mlp` flattens them as [H, W, C]. `f16` and `bf16` round the
/// weights, not the arithmetic.
@Suite struct FixtureTests {
    static let file = Bundle.module.url(forResource: "reference_7", withExtension: "json", subdirectory: "Fixtures")

    static func golden(_ key: String, _ padding: ModelManifest.Padding) throws -> Golden {
        try Golden.load(#require(file), key: "b0/\(padding.rawValue)/seed7\(key)")
    }

    static func description(
        _ padding: ModelManifest.Padding, head: ModelManifest.Head = .linear, labels: Int = 1000, resolution: Int = 224
    ) -> NetworkDescription {
        NetworkDescription(
            architecture: Architecture(.b0, padding: padding), batchNormEpsilon: padding.batchNormEpsilon, head: head,
            labels: labels, resolution: resolution)
    }

    static func network(_ description: NetworkDescription, isa: InstructionSet? = nil) throws -> Network {
        let tensors = try SeededWeights.tensors(description.parameters, variant: .b0, seed: 7)
        return try Network(description, weights: Weights(tensors, parameters: description.parameters), isa: isa)
    }

    @Test(
        "B0 reproduces the reference implementation with each instruction set", arguments: InstructionSet.available,
        ModelManifest.Padding.allCases)
    func baseline(_ isa: InstructionSet, _ padding: ModelManifest.Padding) throws {
        let image = try SeededWeights.image(seed: 7, height: 224, width: 224)
        let logits = try Self.network(Self.description(padding), isa: isa).logits(image)
        #expect(logits.shape == [1, 1000])
        try Self.golden("", padding).expect(logits.scalars, "\(isa) \(padding)")
    }

    @Test("An input of odd, unequal sides gives the reference's logits too", arguments: ModelManifest.Padding.allCases)
    func oddSize(_ padding: ModelManifest.Padding) throws {
        let network = try Self.network(Self.description(padding))
        let odd = try SeededWeights.image(seed: 7, height: 97, width: 61)
        let native = try SeededWeights.image(seed: 7, height: 224, width: 224)
        try Self.golden("/97x61", padding).expect(network.logits(odd).scalars, "97 × 61")
        // The working memory is rebuilt for another size; going back must not change anything.
        try Self.golden("", padding).expect(network.logits(native).scalars, "224 after 97 × 61")
        try Self.golden("/97x61", padding).expect(network.logits(odd).scalars, "97 × 61 again")
    }

    @Test(
        "The heads mlp and flatten-mlp are torch's linear layers on timm's features",
        arguments: ModelManifest.Padding.allCases)
    func heads(_ padding: ModelManifest.Padding) throws {
        let image = try SeededWeights.image(seed: 7, height: 64, width: 64)
        for (head, key) in [
            (ModelManifest.Head.mlp(hidden: 32), "mlp32"), (.flattenMLP(hidden: 24), "flatten-mlp24"),
        ] {
            let network = try Self.network(Self.description(padding, head: head, labels: 5, resolution: 64))
            let golden = try Self.golden("/64x64/\(key)", padding)
            let logits = try network.logits(image).scalars
            #expect(logits.count == 5)
            for (found, expected) in zip(logits, golden.first) {
                #expect(abs(Double(found) - expected) <= 2e-4 * golden.std, "\(key) \(padding)")
            }
        }
    }

    /// Fixtures/heads_7.json, made by make_family.py: torch's linear layers on timm's features, in double precision.
    static let heads = Bundle.module.url(forResource: "heads_7", withExtension: "json", subdirectory: "Fixtures")

    @Test(
        "Any number of dense layers, after average or flattening, are torch's linear layers with ReLU between them",
        arguments: InstructionSet.available, ModelManifest.Padding.allCases)
    func otherHeads(_ isa: InstructionSet, _ padding: ModelManifest.Padding) throws {
        let image = try SeededWeights.image(seed: 7, height: 64, width: 64)
        for head in [
            ModelManifest.Head.flattenLinear, ModelManifest.Head(hidden: [20, 12]),
            ModelManifest.Head(flattens: true, hidden: [9, 12, 20]),
        ] {
            let description = Self.description(padding, head: head, labels: 5, resolution: 64)
            let golden = try Golden.load(#require(Self.heads), key: "\(padding.rawValue)/\(head)")
            func expect(_ logits: [Float]) {
                #expect(logits.count == 5)
                for (found, expected) in zip(logits, golden.first) {
                    #expect(abs(Double(found) - expected) <= 2e-4 * golden.std, "\(head) \(padding) \(isa)")
                }
            }
            expect(try Self.network(description, isa: isa).logits(image).scalars)
            // A weight file alone says which head it is of.
            var writer = SafetensorsWriter()
            for (name, tensor) in try SeededWeights.tensors(description.parameters, variant: .b0, seed: 7) {
                writer.add(name, tensor, as: .float32)
            }
            let file = try SafetensorsFile(path: "weights", contents: writer.serialized())
            let network = try Network(file, variant: .b0, padding: padding, input: image.shape, isa: isa)
            #expect(network.description.head == head)
            expect(try network.logits(image).scalars)
        }
    }

    @Test("A flatten-mlp head refuses an input of another size")
    func flattenSize() throws {
        let network = try Self.network(
            Self.description(.same, head: .flattenMLP(hidden: 24), labels: 5, resolution: 64))
        #expect(throws: EfficientNetError.self) {
            try network.logits(SeededWeights.image(seed: 7, height: 128, width: 64))
        }
    }

    @Test(
        "Weights stored as half or bfloat16 give the logits of the rounded weights",
        arguments: [SafetensorsWriter.Precision.float16, .bfloat16], ModelManifest.Padding.allCases)
    func halves(_ precision: SafetensorsWriter.Precision, _ padding: ModelManifest.Padding) throws {
        let description = Self.description(padding)
        var writer = SafetensorsWriter()
        for (name, tensor) in try SeededWeights.tensors(description.parameters, variant: .b0, seed: 7) {
            writer.add(name, tensor, as: precision)
        }
        let file = try SafetensorsFile(path: "weights", contents: writer.serialized())
        let image = try SeededWeights.image(seed: 7, height: 224, width: 224)
        let network = try Network(file, variant: .b0, padding: padding, input: image.shape)
        try Self.golden("/\(precision.rawValue)", padding).expect(network.logits(image).scalars, precision.rawValue)
    }

    @Test(
        "A batch gives each image's own logits, whatever stands beside it; a network over shared weights gives the same"
    )
    func batch() throws {
        let network = try Self.network(Self.description(.symmetric, labels: 7, resolution: 40))
        let (a, b) = (
            try SeededWeights.image(seed: 1, height: 40, width: 40),
            try SeededWeights.image(seed: 2, height: 40, width: 40)
        )
        let (alone, other) = (try network.logits(a).scalars, try network.logits(b).scalars)
        let both = try network.logits(Tensor(shape: [2, 3, 40, 40], scalars: a.scalars + b.scalars))
        #expect(both.shape == [2, 7])
        #expect(both.scalars == alone + other)
        #expect(alone != other)
        #expect(try Network(sharingWeightsOf: network).logits(a).scalars == alone)
        #expect(try a.scalars.withUnsafeBufferPointer { try network.logits(prepared: $0) } == alone)
    }

    @Test("An input of another rank, of other channels or without pixels is refused; NaN in gives NaN out")
    func inputs() throws {
        let network = try Self.network(Self.description(.same, labels: 3, resolution: 33))
        for shape in [[3, 33, 33], [1, 1, 33, 33], [1, 3, 0, 33], [1, 3, 33, 5000]] {
            #expect(throws: EfficientNetError.self) {
                try network.logits(Tensor(shape: shape, scalars: [Float](repeating: 0, count: shape.reduce(1, *))))
            }
        }
        #expect(try network.logits(Tensor(shape: [0, 3, 33, 33], scalars: [])).shape == [0, 3])
        for side in [1, 2, 5] {
            #expect(try network.logits(SeededWeights.image(seed: 1, height: side, width: side)).firstNonFinite == nil)
        }
        for bad in [Float.nan, .infinity, -.infinity] {
            var scalars = try SeededWeights.image(seed: 1, height: 33, width: 33).scalars
            scalars[500] = bad
            let logits = try network.logits(Tensor(shape: [1, 3, 33, 33], scalars: scalars)).scalars
            #expect(logits.allSatisfy { $0.isNaN }, "\(bad)")
        }
    }

    /// Fixtures/family_7.json, made by make_family.py: timm's outputs in double precision, at 97 × 61 pixels.
    static let family = Bundle.module.url(forResource: "family_7", withExtension: "json", subdirectory: "Fixtures")

    @Test(
        "Lite and V2 reproduce the reference implementation with each instruction set",
        arguments: InstructionSet.available, [Variant.lite0, .lite2, .v2b0, .v2b2, .v2s, .v2l])
    func family(_ isa: InstructionSet, _ variant: Variant) throws {
        // V2-L has half a gigabyte of weights.
        guard variant != .v2l || (Golden.runsLongTests && isa == InstructionSet.fastest) else { return }
        let image = try SeededWeights.image(seed: 7, height: 97, width: 61)
        for padding in ModelManifest.Padding.allCases {
            let network = try GoldenTests.network(variant, padding, seed: 7, isa: isa)
            try Golden.load(#require(Self.family), key: "\(variant.rawValue)/\(padding.rawValue)/seed7/97x61")
                .expect(network.logits(image).scalars, "\(variant) \(isa) \(padding)")
        }
    }

    @Test(
        "The engine agrees with a layer-by-layer pass at an odd size",
        arguments: [Variant.b1, .b3, .lite1, .lite4, .v2b1, .v2b3])
    func layerByLayer(_ variant: Variant) throws {
        for padding in ModelManifest.Padding.allCases {
            let description = NetworkDescription(
                architecture: Architecture(variant, padding: padding), batchNormEpsilon: padding.batchNormEpsilon,
                head: .mlp(hidden: 12), labels: 9, resolution: 32)
            let tensors = try SeededWeights.tensors(description.parameters, variant: variant, seed: 3)
            let weights = try Weights(tensors, parameters: description.parameters)
            let image = try SeededWeights.image(seed: 3, height: 37, width: 29)
            let expected = LayerByLayer(description: description, weights: weights)
                .forward(image.scalars, height: 37, width: 29)
            for isa in InstructionSet.available {
                let found = try Network(description, weights: weights, isa: isa).logits(image).scalars
                let scale = expected.map(abs).max() ?? 1
                #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-4 * scale }, "\(isa) \(padding)")
            }
        }
    }
}
