import Foundation
import Tensors
import Testing

@testable import EfficientNet
@testable import Training

@Suite("A batch's gradients")
struct TrainerTests {
    struct Case: Sendable, CustomStringConvertible {
        var name: String
        var architecture: Architecture
        var head = ModelManifest.Head.linear
        var count = 3
        var threads = 2
        var side = 33
        var description: String {
            "\(name), \(architecture.padding), \(count) images of \(side) on \(threads) threads"
        }
    }

    static let cases: [Case] =
        ModelManifest.Padding.allCases.flatMap { padding in
            [
                Case(name: "original", architecture: NetworkCases.original(padding)),
                Case(name: "original", architecture: NetworkCases.original(padding), count: 4, threads: 3, side: 40),
                Case(name: "lite", architecture: NetworkCases.lite(padding), threads: 1, side: 38),
                Case(name: "V2", architecture: NetworkCases.second(padding)),
                Case(name: "widening", architecture: NetworkCases.widening(padding), side: 29),
                Case(
                    name: "mlp", architecture: NetworkCases.original(padding), head: .mlp(hidden: 12), count: 2,
                    threads: 4, side: 24),
                Case(
                    name: "flatten-mlp", architecture: NetworkCases.lite(padding), head: .flattenMLP(hidden: 20),
                    side: 24),
                Case(
                    name: "flatten-linear", architecture: NetworkCases.original(padding), head: .flattenLinear, side: 40
                ),
                Case(
                    name: "three dense layers", architecture: NetworkCases.original(padding),
                    head: ModelManifest.Head(flattens: true, hidden: [12, 10]), side: 24),
            ]
        }

    static func trainer(
        _ test: Case, _ parameters: [String: [Double]], loss: Loss = .softmax(smoothing: 0.1),
        freezing: Freezing = Freezing(), isa: InstructionSet? = nil
    ) throws -> Trainer {
        let description = NetworkCases.description(test.architecture, head: test.head, side: test.side)
        return try Trainer(
            description, weights: NetworkCases.weights(parameters, description),
            settings: TrainerSettings(
                loss: loss, optimizer: Optimizer(.sgd(momentum: 0)), schedule: .constant(0), freezing: freezing,
                batchNormMomentum: 0.03),
            batch: test.count, threads: test.threads, isa: isa)
    }

    static func reference(_ test: Case, seed: UInt64 = 5) -> ReferenceNetwork {
        let description = NetworkCases.description(test.architecture, head: test.head, side: test.side)
        return ReferenceNetwork(description, ReferenceNetwork.parameters(description, seed: seed))
    }

    @Test(
        "Loss, gradients and running statistics are the reference's, with each instruction set", arguments: cases,
        InstructionSet.available)
    func gradients(_ test: Case, _ isa: InstructionSet) throws {
        let reference = Self.reference(test)
        let images = NetworkCases.images(test.count, side: test.side, seed: 5)
        let targets = NetworkCases.targets(test.count, labels: 5)
        let outputs = reference.forward(images, count: test.count)
        let logits = try #require(outputs.last).data
        func loss(_ logits: [Double]) -> Double {
            ReferenceLoss.value(
                isSoftmax: true, logits, targets.map(Double.init), labels: 5, smoothing: 0.1,
                weights: [1, 1, 1, 1, 1])
        }
        let expected = reference.backward(outputs, ReferenceLoss.gradient(logits, loss))
        let statistics = reference.statistics(outputs, momentum: 0.03)

        let trainer = try Self.trainer(test, reference.parameters, isa: isa)
        let result = try trainer.accumulate(images: images, targets: targets)
        trainer.machine.collect()
        #expect(abs(result.loss - loss(logits)) < 1e-5 * abs(loss(logits)))
        #expect(NetworkCases.distance(result.logits, logits) < 2e-5)
        for entry in trainer.layout.entries {
            if entry.isTrainable {
                let numbers = try #require(expected[entry.name])
                // A projection's bias has a gradient of 0: the next batch norm takes it out.
                let weight = entry.name.replacingOccurrences(of: ".bias", with: ".weight")
                let isZero = NetworkCases.norm(numbers) < 1e-12
                let scale = NetworkCases.norm(try #require(expected[isZero ? weight : entry.name]))
                let distance = NetworkCases.distance(trainer.gradient(entry), numbers, scale: scale)
                #expect(distance < 5e-5, "\(test), \(isa): gradient of \(entry.name): \(distance)")
            } else {
                let distance = NetworkCases.distance(trainer.weight(entry), try #require(statistics[entry.name]))
                #expect(distance < 1e-5, "\(test), \(isa): \(entry.name): \(distance)")
            }
        }
    }
}
