import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import EfficientNet
@testable import Training

/// Fixtures/training_*.json: three steps of AdamW by PyTorch and timm in double precision (make_training.py).
@Suite("Training beside PyTorch")
struct TorchTests {
    struct Reference: Decodable {
        var losses: [Double]
        var logits: [Double]
        var gradients: [String: [Double]]
        var statistics: [String: [Double]]
        var weights: [String: [Double]]
    }

    static func load(_ variant: Variant) throws -> Reference {
        let file = try #require(
            Bundle.module.url(
                forResource: "training_\(variant.rawValue)", withExtension: "json", subdirectory: "Fixtures"))
        return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    }

    /// How far a tensor is from its numbers: a norm and two products with vectors of signs, relative to the norm.
    ///
    /// `scale`: what to take for the norm where the tensor is 0 but for rounding.
    static func distance(
        _ name: String, _ values: [Float], _ numbers: [Double], scale: Double = 0
    ) -> Double {
        let norm = values.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        var worst = abs(norm - numbers[0])
        for k in 0..<2 {
            let signs = SeededWeights.uniform("\(name)/signs\(k)", seed: 3, count: values.count)
            let product = zip(values, signs).reduce(0) { $0 + ($1.1 < 0 ? -1 : 1) * Double($1.0) }
            worst = max(worst, abs(product - numbers[1 + k]))
        }
        return worst / max(numbers[0], scale)
    }

    @Test(
        "Loss, gradients, running statistics and three steps of AdamW agree to 1e-4 of each tensor's norm",
        arguments: [Variant.b0, .lite0], InstructionSet.available)
    func threeSteps(_ variant: Variant, _ isa: InstructionSet) throws {
        let reference = try Self.load(variant)
        let (side, labels, batch) = (96, 10, 6)
        let description = NetworkDescription(
            architecture: Architecture(variant, padding: .same), batchNormEpsilon: 1e-3, head: .linear,
            labels: labels, resolution: side)
        var tensors = try SeededWeights.tensors(description.parameters, variant: variant, seed: 3)
        if variant == .lite0 {
            for (name, tensor) in tensors where name.contains("bn") && name.hasSuffix(".bias") {
                tensors[name] = Tensor(tensor.scalars.map { $0 + 3 })
            }
        }
        let trainer = try Trainer(
            description, weights: Weights(tensors, parameters: description.parameters),
            settings: TrainerSettings(
                loss: .softmax(smoothing: 0.1), optimizer: Optimizer(.adamW(epsilon: 1e-4), weightDecay: 0.05),
                schedule: .constant(1e-3)),
            batch: batch, threads: 2, isa: isa)
        var worst = (gradient: 0.0, statistics: 0.0, weights: 0.0)
        for step in 0..<3 {
            let images = try (0..<batch).flatMap { index in
                try SeededWeights.image(seed: UInt64(100 * step + index), height: side, width: side).scalars
            }
            let targets = (0..<batch * labels).map { place in
                place % labels == (3 * (place / labels) + step) % labels ? Float(1) : 0
            }
            let result = try trainer.accumulate(images: images, targets: targets)
            #expect(abs(result.loss - reference.losses[step]) < 1e-4 * reference.losses[step], "step \(step)")
            if step == 0 {
                trainer.machine.collect()
                #expect(NetworkCases.distance(result.logits, reference.logits) < 1e-4)
                for entry in trainer.layout.entries {
                    if let numbers = reference.gradients[entry.name] {
                        // A projection's bias has a gradient of 0: the next batch norm takes it out.
                        let weight = entry.name.replacingOccurrences(of: ".bias", with: ".weight")
                        let isZero = numbers[0] < 1e-12
                        let distance = Self.distance(
                            entry.name, trainer.gradient(entry), numbers,
                            scale: isZero ? try #require(reference.gradients[weight])[0] : 0)
                        #expect(distance < 1e-4, "gradient of \(entry.name): \(distance)")
                        worst.gradient = max(worst.gradient, distance)
                    } else {
                        let numbers = try #require(reference.statistics[entry.name])
                        let distance = Self.distance(entry.name, trainer.weight(entry), numbers)
                        #expect(distance < 1e-4, "\(entry.name): \(distance)")
                        worst.statistics = max(worst.statistics, distance)
                    }
                }
            }
            trainer.update()
        }
        for entry in trainer.layout.entries {
            let distance = Self.distance(
                entry.name, trainer.weight(entry), try #require(reference.weights[entry.name]))
            #expect(distance < 1e-4, "\(entry.name) after three steps: \(distance)")
            worst.weights = max(worst.weights, distance)
        }
        print("\(variant) \(isa): worst of gradients, statistics, weights: \(worst)")
    }
}
