import Foundation
import Tensors
import Testing

@testable import EfficientNet
@testable import Training

@Suite("Parts of a network, and the network as inference has it")
struct FreezingTests {
    private let description = NetworkCases.description(NetworkCases.original(.same), head: .mlp(hidden: 12), side: 24)
    private let targets = NetworkCases.targets(4, labels: 5)
    private var images: [Float] { NetworkCases.images(4, side: 24, seed: 3) }

    private func trainer(_ freezing: Freezing, headOnly: Bool = false) throws -> Trainer {
        let parameters = ReferenceNetwork.parameters(description, seed: 2)
        return try Trainer(
            description, weights: NetworkCases.weights(parameters, description),
            settings: TrainerSettings(
                loss: .softmax(), optimizer: Optimizer(.sgd(momentum: 0)), schedule: .constant(0.1), freezing: freezing),
            batch: 4, threads: 2, headOnly: headOnly)
    }

    /// The biases of projections, which have no effect behind the next batch norm.
    private func idle(_ trainer: Trainer) -> Set<String> {
        let plan = trainer.machine.plan
        return Set(plan.units.filter { $0.gradient == .map }.map { plan.layout.entries[$0.norm + 1].name })
    }

    @Test("Every layer of a head is the head's, and no other")
    func headNames() {
        for name in ["classifier.weight", "head.bias", "head2.weight", "head8.act", "classifier"] {
            #expect(ModelManifest.Head.owns(name), "\(name)")
        }
        for name in ["conv_head.weight", "headless.weight", "blocks.0.0.conv_dw.weight", "bn2.bias"] {
            #expect(!ModelManifest.Head.owns(name), "\(name)")
        }
    }

    @Test(
        "Only the chosen part changes",
        arguments: [
            (Freezing(.head), ["head.", "classifier."]),
            (Freezing(.lastStages(1)), ["blocks.3.", "conv_head", "bn2.", "head.", "classifier."]),
            (Freezing(.lastStages(0)), ["conv_head", "bn2.", "head.", "classifier."]),
            (Freezing(.all), [""]),
        ])
    func parts(_ freezing: Freezing, _ prefixes: [String]) throws {
        let trainer = try trainer(freezing)
        let before = trainer.weights()
        _ = try trainer.step(images: images, targets: targets)
        let idle = idle(trainer)
        for (name, tensor) in trainer.weights() where !idle.contains(name) {
            let isTrained = prefixes.contains { name.hasPrefix($0) }
            #expect((tensor != before[name]) == isTrained, "\(freezing): \(name)")
        }
    }

    @Test("Frozen batch norm keeps its numbers; the other gradients are those through running statistics")
    func frozenNorm() throws {
        let trainer = try trainer(Freezing(freezesBatchNorm: true))
        let before = trainer.weights()
        let result = try trainer.accumulate(images: images, targets: targets)
        trainer.machine.collect()
        var reference = ReferenceNetwork(description, ReferenceNetwork.parameters(description, seed: 2))
        reference.isFrozen = true
        let outputs = reference.forward(images, count: 4)
        let logits = try #require(outputs.last).data
        #expect(NetworkCases.distance(result.logits, logits) < 1e-5)
        func loss(_ logits: [Double]) -> Double {
            ReferenceLoss.value(
                isSoftmax: true, logits, targets.map(Double.init), labels: 5, smoothing: 0, weights: [1, 1, 1, 1, 1])
        }
        let expected = reference.backward(outputs, ReferenceLoss.gradient(logits, loss))
        let norms = Set(reference.layers.filter { $0.name.contains("bn") }.flatMap(\.parameters).map(\.name))
        for entry in trainer.layout.entries where !norms.contains(entry.name) {
            let distance = NetworkCases.distance(trainer.gradient(entry), try #require(expected[entry.name]))
            #expect(distance < 2e-5, "\(entry.name): \(distance)")
        }
        trainer.update()
        for name in norms { #expect(trainer.weights()[name] == before[name], "\(name)") }
    }

    @Test("Evaluated, the network gives the logits of the inference engine")
    func inference() throws {
        let trainer = try trainer(Freezing())
        // After a step, so that running statistics and weights are not those that it began with.
        _ = try trainer.step(images: images, targets: targets)
        let result = try trainer.evaluate(images: images, targets: targets)
        let network = try Network(
            description, weights: Weights(trainer.weights(), parameters: description.parameters))
        let expected = try network.logits(Tensor(shape: [4, 3, 24, 24], scalars: images)).scalars
        #expect(NetworkCases.distance(result.logits, expected.map(Double.init)) < 1e-4)
        // Evaluation leaves no trace: the next step is the same with it or without.
        let other = try self.trainer(Freezing())
        for each in [trainer, other] where each === other { _ = try each.step(images: images, targets: targets) }
        _ = try trainer.step(images: images, targets: targets)
        _ = try other.step(images: images, targets: targets)
        #expect(trainer.weights() == other.weights())
    }

    @Test("A head trained on cached features changes as in the whole network")
    func cachedFeatures() throws {
        let whole = try trainer(Freezing(.head))
        let features = try whole.features(images: images)
        #expect(features.count == 4 * whole.featuresCount)
        let head = try trainer(Freezing(.head), headOnly: true)
        #expect(head.inputCount == whole.featuresCount)
        for _ in 0..<3 {
            let expected = try whole.step(images: images, targets: targets)
            let found = try head.step(images: features, targets: targets)
            #expect(abs(found.loss - expected.loss) < 1e-6 * expected.loss)
        }
        #expect(Set(head.weights().keys) == ["head.weight", "head.bias", "classifier.weight", "classifier.bias"])
        for (name, tensor) in head.weights() {
            let expected = try #require(whole.weights()[name]).scalars.map(Double.init)
            #expect(NetworkCases.distance(tensor.scalars, expected) < 1e-6, "\(name)")
        }
    }

    @Test("Thawed after the head, all of the network is trained")
    func thaw() throws {
        let trainer = try trainer(Freezing(.head))
        _ = try trainer.step(images: images, targets: targets)
        let before = trainer.weights()
        trainer.freeze(Freezing())
        _ = try trainer.step(images: images, targets: targets)
        let idle = idle(trainer)
        for (name, tensor) in trainer.weights() where !idle.contains(name) {
            #expect(tensor != before[name], "\(name)")
        }
    }
}
