import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import EfficientNet
@testable import Training

/// Fixtures/rules.json: PyTorch's losses, optimisers and schedules in double precision (make_rules.py).
@Suite("Losses, optimisers and schedules beside PyTorch")
struct RulesTests {
    struct Reference: Decodable {
        struct LossNumbers: Decodable {
            var loss: Double
            var gradient: [Double]
        }
        struct OptimizerNumbers: Decodable {
            var matrix: [Double]
            var vector: [Double]
            var norms: [Double]
        }
        var losses: [String: LossNumbers]
        var optimizers: [String: OptimizerNumbers]
        var schedules: [String: [Double]]
    }

    static func load() throws -> Reference {
        let file = try #require(
            Bundle.module.url(forResource: "rules", withExtension: "json", subdirectory: "Fixtures"))
        return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    }

    private func uniform(_ name: String, _ count: Int) -> [Double] {
        SeededWeights.uniform(name, seed: 9, count: count)
    }

    @Test("Loss and gradient of softmax and sigmoid, smoothed and weighted, are PyTorch's")
    func losses() throws {
        let (samples, labels) = (6, 5)
        let logits = uniform("logits", samples * labels).map { Float(4 * $0) }
        let classes = (0..<samples * labels).map { $0 % labels == (3 * ($0 / labels) + 1) % labels ? Float(1) : 0 }
        let multi = uniform("labels", samples * labels).map { $0 > 0 ? Float(1) : 0 }
        let weights = uniform("weights", labels).map { Float(1 + 0.5 * $0) }
        let cases: [(name: String, loss: Loss, targets: [Float])] = [
            ("softmax", .softmax(), classes), ("softmax smoothed", .softmax(smoothing: 0.1), classes),
            ("softmax weighted", .softmax(smoothing: 0.2, weights: weights), classes),
            ("sigmoid", .sigmoid(), multi), ("sigmoid smoothed", .sigmoid(smoothing: 0.1), multi),
            ("sigmoid weighted", .sigmoid(weights: weights), multi),
        ]
        let reference = try Self.load()
        for (name, loss, targets) in cases {
            let expected = try #require(reference.losses[name])
            var gradient = [Float](repeating: 0, count: labels)
            var gradients: [Float] = []
            var sum = 0.0
            let norm = targets.withUnsafeBufferPointer { loss.normaliser(targets: $0, labels: labels) }
            for sample in 0..<samples {
                let part = sample * labels..<(sample + 1) * labels
                sum += loss.loss(
                    logits: Array(logits[part]), targets: Array(targets[part]), count: labels, gradient: &gradient)
                gradients += gradient.map { Float(Double($0) / norm) }
            }
            #expect(abs(sum / norm - expected.loss) < 1e-6, "\(name): \(sum / norm), expected \(expected.loss)")
            #expect(NetworkCases.distance(gradients, expected.gradient) < 1e-6, "\(name)")
        }
    }

    @Test("Five steps of AdamW, Adam and SGD, clipped or not, are PyTorch's", arguments: InstructionSet.available)
    func optimizers(_ isa: InstructionSet) throws {
        let rules: [(name: String, rate: Double, rule: Optimizer.Rule)] = [
            ("adamW", 0.01, .adamW(beta1: 0.8, beta2: 0.95, epsilon: 1e-6)), ("adam", 0.01, .adam()),
            ("sgd", 0.05, .sgd(momentum: 0.9)),
        ]
        let reference = try Self.load()
        let description = NetworkCases.description(NetworkCases.original(.same))
        var parameters = ReferenceNetwork.parameters(description, seed: 1)
        parameters["classifier.weight"] = uniform("matrix", 5 * 56)
        parameters["classifier.bias"] = uniform("vector", 5)
        for (name, rate, rule) in rules {
            for limit in [nil, 2.0] {
                let trainer = try Trainer(
                    description, weights: NetworkCases.weights(parameters, description),
                    settings: TrainerSettings(
                        loss: .softmax(), optimizer: Optimizer(rule, weightDecay: 0.1, largestNorm: limit),
                        schedule: .constant(rate)),
                    batch: 1, threads: 2, headOnly: true, isa: isa)
                let entries = trainer.layout.entries
                let matrix = try #require(entries.first { $0.name == "classifier.weight" })
                let vector = try #require(entries.first { $0.name == "classifier.bias" })
                let expected = try #require(reference.optimizers[limit == nil ? name : "\(name) clipped"])
                for step in 0..<5 {
                    for (entry, prefix) in [(matrix, "matrix"), (vector, "vector")] {
                        for (index, value) in uniform("\(prefix) \(step)", entry.count).enumerated() {
                            trainer.machine.gradients[entry.offset + index] = Float(value)
                        }
                    }
                    if limit != nil { #expect(abs(trainer.gradientNorm() - expected.norms[step]) < 1e-5) }
                    trainer.apply()
                    trainer.updates += 1
                }
                for (entry, numbers) in [(matrix, expected.matrix), (vector, expected.vector)] {
                    let distance = NetworkCases.distance(trainer.weight(entry), numbers)
                    #expect(distance < 2e-6, "\(isa) \(name), \(entry.name), limit \(limit ?? 0): \(distance)")
                }
            }
        }
    }

    @Test("One-cycle and cosine rates are PyTorch's")
    func schedules() throws {
        let cases: [(name: String, schedule: Schedule)] = [
            ("one cycle", .oneCycle(peak: 0.3, steps: 21)), ("one cycle, odd", .oneCycle(peak: 0.3, steps: 13)),
            ("cosine", .cosine(peak: 0.3, steps: 10, endShare: 0.1)),
            ("warm-up and cosine", .cosine(peak: 0.3, steps: 13, warmUp: 4)),
        ]
        let reference = try Self.load()
        for (name, schedule) in cases {
            for (step, expected) in try #require(reference.schedules[name]).enumerated() {
                #expect(abs(schedule.rate(step) - expected) < 1e-9, "\(name), step \(step)")
            }
        }
        #expect(Schedule.constant(0.1).rate(1000) == 0.1)
        #expect(Schedule.cosine(peak: 1, steps: 5).rate(4) == 0)
        #expect(Schedule.cosine(peak: 1, steps: 5).rate(400) == 0)
    }
}
