import EfficientNet
import Foundation
import Tensors
import Testing

@testable import Training

@Suite("A training from step to step")
struct TrainingRunTests {
    private static let description = NetworkCases.description(NetworkCases.original(.same), side: 24)

    private func trainer(
        _ settings: TrainerSettings, threads: Int = 2, batch: Int = 4, headOnly: Bool = false,
        description: NetworkDescription = description
    ) throws -> Trainer {
        let parameters = ReferenceNetwork.parameters(description, seed: 2)
        return try Trainer(
            description, weights: NetworkCases.weights(parameters, description), settings: settings, batch: batch,
            threads: threads, headOnly: headOnly)
    }

    /// Everything at once: draws, moments, average. The epsilon is large, since Adam would divide a projection's bias, whose gradient
    /// is 0 but for rounding, by itself.
    private let everything = TrainerSettings(
        loss: .softmax(smoothing: 0.1), optimizer: Optimizer(.adamW(epsilon: 1e-4), weightDecay: 0.05, largestNorm: 1),
        schedule: .oneCycle(peak: 1e-2, steps: 8), dropout: 0.3, dropConnect: 0.5, averageDecay: 0.9, seed: 77)

    private func images(_ step: Int) -> [Float] { NetworkCases.images(4, side: 24, seed: UInt64(step)) }
    private let targets = NetworkCases.targets(4, labels: 5)

    private func take(_ trainer: Trainer, _ steps: Range<Int>) throws {
        for step in steps { _ = try trainer.step(images: images(step), targets: targets) }
    }

    @Test("Restored from a checkpoint, a training goes on bit for bit as without a break", arguments: [1, 2, 3])
    func resume(_ threads: Int) throws {
        let whole = try trainer(everything, threads: threads)
        try take(whole, 0..<3)
        let file = try SafetensorsFile(
            path: "checkpoint", contents: whole.checkpoint(note: Data("epoch 3".utf8)).serialized())
        try take(whole, 3..<6)

        let resumed = try trainer(everything, threads: threads)
        // What it has done before must not matter.
        try take(resumed, 6..<7)
        #expect(try resumed.restore(file) == Data("epoch 3".utf8))
        #expect(resumed.updates == 3)
        try take(resumed, 3..<6)
        #expect(resumed.weights() == whole.weights())
        #expect(resumed.weights(averaged: true) == whole.weights(averaged: true))
        #expect(try resumed.checkpoint().serialized() == whole.checkpoint().serialized())
    }

    @Test("The number of threads changes rounding alone, the seed more than that")
    func threadsAndSeeds() throws {
        let first = try trainer(everything, threads: 1), second = try trainer(everything, threads: 3)
        try take(first, 0..<1)
        try take(second, 0..<1)
        for (name, tensor) in first.weights() {
            let other = try #require(second.weights()[name]).scalars.map(Double.init)
            #expect(NetworkCases.distance(tensor.scalars, other) < 1e-3, "\(name)")
        }
        var settings = everything
        settings.seed = 78
        let third = try trainer(settings, threads: 1)
        let result = try third.step(images: images(0), targets: targets)
        let again = try trainer(everything, threads: 1)
        #expect(try again.step(images: images(0), targets: targets).loss != result.loss)
    }

    @Test("A checkpoint of another training is refused, and changes nothing")
    func refusal() throws {
        let whole = try trainer(everything)
        try take(whole, 0..<1)
        let file = try SafetensorsFile(path: "checkpoint", contents: whole.checkpoint().serialized())
        var settings = everything
        settings.seed = 5
        for other in [
            try trainer(settings), try trainer(everything, threads: 1),
            try trainer(
                everything, description: NetworkCases.description(NetworkCases.original(.same), labels: 6, side: 24)),
        ] {
            let before = other.weights()
            #expect(throws: TrainingError.self) { try other.restore(file) }
            #expect(other.weights() == before)
        }
        let unlike = SafetensorsWriter()
        let empty = try SafetensorsFile(path: "empty", contents: unlike.serialized())
        #expect(throws: TrainingError.self) { try whole.restore(empty) }
    }

    @Test("Drop-connect and dropout: loss and gradients are the reference's with the same draws")
    func draws() throws {
        let description = NetworkCases.description(NetworkCases.original(.symmetric), side: 24)
        let parameters = ReferenceNetwork.parameters(description, seed: 2)
        var settings = everything
        settings.dropConnect = 0.9
        let trainer = try trainer(settings, description: description)
        let result = try trainer.accumulate(images: images(1), targets: targets)
        trainer.machine.collect()

        let machine = trainer.machine, lane = machine.lanes[0]
        var reference = ReferenceNetwork(description, parameters)
        var dropped = 0
        for (index, unit) in machine.plan.units.enumerated() where unit.residual != nil {
            let block = unit.name.split(separator: ".").prefix(3).joined(separator: ".")
            let factors = (0..<4).map { Double(lane.keep(index, $0)) }
            let survival = 1 - 0.9 * unit.dropShare
            for factor in factors { #expect(factor == 0 || abs(factor - 1 / survival) < 1e-6) }
            dropped += factors.count { $0 == 0 }
            reference.factors["\(block).add"] = factors
        }
        #expect(dropped > 0)
        let features = machine.plan.featuresCount
        reference.factors["dropout"] = (0..<4 * features).map { place in
            let factor = Double(lane.survival(0, place / features, place % features))
            #expect(factor == 0 || abs(factor - 1 / 0.7) < 1e-6)
            return factor
        }
        let outputs = reference.forward(images(1), count: 4)
        let logits = try #require(outputs.last).data
        func loss(_ logits: [Double]) -> Double {
            ReferenceLoss.value(
                isSoftmax: true, logits, targets.map(Double.init), labels: 5, smoothing: 0.1,
                weights: [1, 1, 1, 1, 1])
        }
        #expect(abs(result.loss - loss(logits)) < 1e-5)
        let expected = reference.backward(outputs, ReferenceLoss.gradient(logits, loss))
        for entry in trainer.layout.entries where entry.isTrainable {
            let numbers = try #require(expected[entry.name])
            guard NetworkCases.norm(numbers) > 1e-12 else { continue }
            let distance = NetworkCases.distance(trainer.gradient(entry), numbers)
            #expect(distance < 5e-5, "\(entry.name): \(distance)")
        }
    }

    @Test("Draws have the chances they are asked for")
    func chances() {
        for rate in [0.1, 0.5, 0.8] {
            let count = 20_000
            let hits = (0..<count).count { Draws.uniform(3, stream: 5, position: UInt64($0)) < rate }
            // Four standard deviations.
            #expect(abs(Double(hits) - rate * Double(count)) < 4 * (Double(count) * rate * (1 - rate)).squareRoot())
        }
    }

    @Test("Batches that are accumulated give the gradient of one batch of them all, where batch norm is frozen")
    func accumulation() throws {
        let settings = TrainerSettings(
            loss: .softmax(), optimizer: Optimizer(.sgd(momentum: 0)), schedule: .constant(0.1),
            freezing: Freezing(freezesBatchNorm: true))
        let whole = try trainer(settings), parts = try trainer(settings)
        let (images, half) = (images(0), images(0).count / 2)
        _ = try whole.step(images: images, targets: targets)
        _ = try parts.accumulate(images: Array(images[..<half]), targets: Array(targets[..<10]), share: 0.5)
        _ = try parts.accumulate(images: Array(images[half...]), targets: Array(targets[10...]), share: 0.5)
        parts.update()
        for (name, tensor) in whole.weights() {
            let other = try #require(parts.weights()[name]).scalars.map(Double.init)
            #expect(NetworkCases.distance(tensor.scalars, other) < 1e-6, "\(name)")
        }
        #expect(parts.updates == 1)
    }

    @Test("The weights' average is blended by min(decay, (1 + t) / (10 + t))")
    func average() throws {
        var settings = everything
        settings.averageDecay = 0.25
        let trainer = try trainer(settings)
        var expected = trainer.weights(averaged: true).mapValues { $0.scalars.map(Double.init) }
        for (step, decay) in [0.1, 2.0 / 11, 0.25, 0.25].enumerated() {
            try take(trainer, step..<step + 1)
            for (name, tensor) in trainer.weights() {
                for index in tensor.scalars.indices {
                    expected[name]?[index] *= decay
                    expected[name]?[index] += (1 - decay) * Double(tensor.scalars[index])
                }
            }
        }
        for (name, tensor) in trainer.weights(averaged: true) {
            #expect(NetworkCases.distance(tensor.scalars, try #require(expected[name])) < 1e-6, "\(name)")
        }
    }

    @Test("NaN stops before the weights, with the samples named")
    func notFinite() throws {
        let settings = TrainerSettings(
            loss: .softmax(), optimizer: Optimizer(.adamW()), schedule: .constant(0.1),
            freezing: Freezing(freezesBatchNorm: true))
        let trainer = try trainer(settings)
        var bad = images(0)
        bad[2 * bad.count / 4 + 7] = .nan
        let before = trainer.weights()
        #expect(throws: TrainingError.notFinite(step: 0, samples: [2])) {
            try trainer.step(images: bad, targets: targets)
        }
        #expect(trainer.weights() == before)
        // And the next batch is as if nothing had been.
        let other = try self.trainer(settings)
        try take(trainer, 1..<2)
        try take(other, 1..<2)
        #expect(trainer.weights() == other.weights())
    }

    @Test("What cannot be trained is refused with its reason")
    func badInput() throws {
        let good = everything
        let trainer = try trainer(good)
        #expect(throws: TrainingError.self) { try trainer.step(images: [1, 2, 3], targets: targets) }
        #expect(throws: TrainingError.self) { try trainer.step(images: images(0), targets: [1]) }
        #expect(throws: TrainingError.self) {
            try trainer.step(
                images: NetworkCases.images(5, side: 24, seed: 1), targets: NetworkCases.targets(5, labels: 5))
        }
        // A last map of one pixel, of one image.
        let one = Array(images(0)[..<(images(0).count / 4)])
        let small = NetworkCases.description(NetworkCases.original(.same), side: 8)
        let tiny = try self.trainer(good, description: small)
        #expect(throws: TrainingError.self) {
            try tiny.step(images: NetworkCases.images(1, side: 8, seed: 1), targets: Array(targets[..<5]))
        }
        #expect(throws: Never.self) { try trainer.step(images: one, targets: Array(targets[..<5])) }
        let changes: [(inout TrainerSettings) -> Void] = [
            { $0.dropout = 1 }, { $0.dropConnect = -0.1 }, { $0.averageDecay = 1 }, { $0.batchNormMomentum = 2 },
            { $0.loss.smoothing = 1 }, { $0.loss.weights = [1, 2] }, { $0.loss.weights = [1, 1, 1, 1, 0] },
            { $0.optimizer.weightDecay = -1 }, { $0.optimizer.largestNorm = 0 },
            { $0.optimizer.rule = .sgd(momentum: 1) },
            { $0.optimizer.rule = .adam(epsilon: 0) }, { $0.schedule.peak = .nan }, { $0.schedule.steps = 0 },
            { $0.schedule.warmUp = 100 }, { $0.freezing.part = .lastStages(-1) },
        ]
        for change in changes {
            var settings = good
            change(&settings)
            #expect(throws: TrainingError.self, "\(settings)") { try self.trainer(settings) }
        }
        #expect(throws: TrainingError.self) { try self.trainer(good, threads: 0) }
        #expect(throws: TrainingError.self) { try self.trainer(good, batch: 0) }
        for (side, labels) in [(0, 5), (5000, 5), (24, 0)] {
            let odd = NetworkCases.description(NetworkCases.original(.same), labels: labels, side: side)
            #expect(throws: TrainingError.self) { try Trainer.bytes(odd, batch: 4, threads: 1) }
        }
        // Weights of another head than the description's.
        let weights = try NetworkCases.weights(ReferenceNetwork.parameters(small, seed: 2), small)
        let other = NetworkCases.description(NetworkCases.original(.same), labels: 6, side: 8)
        #expect(throws: TrainingError.self) {
            try Trainer(other, weights: weights, settings: good, batch: 4, threads: 1)
        }
    }
}
