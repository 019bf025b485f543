import EfficientNet
import Foundation
import Tensors

/// One phase of a training: a part of the network, a schedule, epochs.
final class TrainingPhase {
    let trainer: Trainer
    private let run: TrainingRun
    private let number: Int
    private let phase: Recipe.Phase
    /// The weights that the trainer does not hold: the frozen part, where only the head is trained.
    private let rest: [String: Tensor]
    /// Features of training frames, round by round, and of validation frames; nil where images are trained on.
    private let features: CachedFeatures?
    private let updatesPerEpoch: Int

    init(_ run: TrainingRun, number: Int, tensors: [String: Tensor]) throws {
        self.run = run
        self.number = number
        let recipe = run.file.recipe
        phase = recipe.phases[number]
        updatesPerEpoch = (run.batches.batchesCount + recipe.accumulate - 1) / recipe.accumulate
        let description = run.start.description
        let variant = run.start.manifest.variant
        let settings = TrainerSettings(
            loss: run.batches.loss(isMultiple: run.data.isMultiple), optimizer: recipe.optimizer,
            schedule: Self.schedule(phase, updates: updatesPerEpoch * phase.epochs), freezing: phase.freezing,
            dropout: recipe.dropout ?? variant.coefficients.dropout, dropConnect: recipe.dropConnect,
            batchNormMomentum: recipe.batchNormMomentum, averageDecay: recipe.averageDecay,
            seed: Draws.mix(recipe.seed &+ UInt64(number)))
        let weights = try Weights(tensors, parameters: description.parameters)
        let isHeadOnly = phase.freezing.part == .head
        features =
            isHeadOnly
            ? try CachedFeatures(
                run.batches, description, weights: weights, rounds: recipe.augmentation.isNone ? 1 : phase.rounds,
                folder: URL(fileURLWithPath: run.file.output).deletingLastPathComponent().path, display: run.display)
            : nil
        trainer = try Trainer(
            description, weights: weights, settings: settings, batch: recipe.batch, threads: run.threads,
            headOnly: isHeadOnly)
        let layout = trainer.layout
        rest = tensors.filter { layout.index(of: $0.key) == nil }
    }

    /// The learning rate of each update.
    static func schedule(_ phase: Recipe.Phase, updates: Int) -> Schedule {
        let updates = max(updates, 1)
        let warmUp = phase.warmUp.map { $0 * Double(updates) / Double(phase.epochs) }
        var schedule: Schedule
        switch phase.shape {
        case .constant: schedule = .constant(phase.rate)
        case .cosine: schedule = .cosine(peak: phase.rate, steps: updates)
        case .oneCycle: schedule = .oneCycle(peak: phase.rate, steps: updates)
        }
        schedule.warmUp = min(warmUp ?? schedule.warmUp, Double(schedule.steps))
        schedule.endShare = phase.endShare ?? schedule.endShare
        return schedule
    }

    /// All weights as they are now; the average, where one is kept.
    var tensors: [String: Tensor] { rest.merging(trainer.weights(averaged: true)) { $1 } }

    /// Trains until the phase's end, or until nothing gets better.
    func train(_ state: inout TrainingState, best: inout [String: Tensor], checkpoint: TrainingCheckpoint) throws {
        let recipe = run.file.recipe
        run.display.start(done: state.epoch * run.batches.train.count)
        while state.epoch < phase.epochs, recipe.patience.map({ state.waiting < $0 }) ?? true {
            let begin = ContinuousClock.now
            let loss = try epoch(state.epoch)
            let tensors = tensors
            let score = try validate(tensors, epoch: state.epoch)
            state.epoch += 1
            if state.best.map({ score.isBetter(than: $0, by: recipe.metric) }) ?? true {
                state.best = score
                best = tensors
            }
            if state.phaseBest.map({ score.isBetter(than: $0, by: recipe.metric) }) ?? true {
                (state.phaseBest, state.waiting) = (score, 0)
            } else {
                state.waiting += 1
            }
            let record = EpochRecord(
                phase: number + 1, epoch: state.epoch, loss: loss, validation: score,
                rate: trainer.settings.schedule.rate(trainer.updates - 1),
                seconds: (ContinuousClock.now - begin) / .seconds(1))
            state.history.append(record)
            try checkpoint.write(trainer, state, rest: rest, best: best)
            // After the state is on disk: who sees the line can rely on it.
            run.display.line(line(record))
        }
        if state.epoch < phase.epochs {
            run.display.line(
                "no better \(recipe.metric.rawValue) for \(state.waiting) epochs: phase \(number + 1) ends")
        }
    }

    private func line(_ record: EpochRecord) -> String {
        String(
            format: "phase %d, epoch %d of %d: loss %.4f, validation loss %.4f, accuracy %.4f, AUC %.4f, %.1f s",
            record.phase,
            record.epoch, phase.epochs, record.loss, record.validation.loss, record.validation.accuracy,
            record.validation.auc, record.seconds)
    }

    /// - Returns: The mean of the batches' losses.
    private func epoch(_ epoch: Int) throws -> Double {
        let recipe = run.file.recipe, maker = run.batches
        let batches = maker.batches(phase: number, epoch: epoch)
        // Other changes in every epoch of every phase.
        let round = recipe.phases[..<number].reduce(0) { $0 + $1.epochs } + epoch
        var total = 0.0, frames = 0
        for (index, batch) in batches.enumerated() {
            let first = index / recipe.accumulate * recipe.accumulate
            let group = batches[first..<min(first + recipe.accumulate, batches.count)]
            let share = Double(batch.count) / Double(group.reduce(0) { $0 + $1.count })
            let images: [Float]
            if let features {
                images = try features.training(batch, round: epoch)
            } else {
                images = maker.inputs(batch, round: round)
            }
            let result: Trainer.Result
            do throws(TrainingError) {
                result = try trainer.accumulate(images: images, targets: maker.targets(batch), share: share)
            } catch {
                guard case .notFinite(_, let samples) = error else { throw error }
                let names = maker.names(batch)
                throw DataError.notFinite(phase: number + 1, epoch: epoch + 1, scans: samples.map { names[$0] })
            }
            if index + 1 == first + group.count { trainer.update() }
            total += result.loss * Double(batch.count)
            frames += batch.count
            run.display.show(
                "phase \(number + 1)/\(recipe.phases.count) epoch \(epoch + 1)/\(phase.epochs)",
                done: epoch * maker.train.count + frames, of: phase.epochs * maker.train.count,
                facts: [String(format: "loss %.3f", total / Double(frames))])
        }
        return total / Double(max(frames, 1))
    }

    private func validate(_ tensors: [String: Tensor], epoch: Int) throws -> ValidationScore {
        let maker = run.batches, manifest = run.start.manifest
        let targets = maker.targets(maker.validation)
        let evaluation: ValidationReading
        if let features {
            let weights = try Weights(tensors, parameters: run.start.description.parameters)
            evaluation = ValidationReading(
                logits: try features.validationLogits(weights, settings: trainer.settings), manifest: manifest,
                targets: targets)
        } else {
            evaluation = try ValidationReading(
                manifest, run.start.description, tensors: tensors, batches: maker, frames: maker.validation)
        }
        guard evaluation.logits.allSatisfy(\.isFinite) else {
            let labels = manifest.labels.count
            let bad = maker.validation.indices.filter { place in
                !evaluation.logits[place * labels..<(place + 1) * labels].allSatisfy(\.isFinite)
            }
            throw DataError.notFinite(
                phase: number + 1, epoch: epoch + 1,
                scans: maker.names(bad.prefix(maker.recipe.batch).map { maker.validation[$0] }))
        }
        return ValidationScore(
            loss: evaluation.loss, probabilities: evaluation.probabilities, targets: targets,
            labels: manifest.labels.count, isMultiple: run.data.isMultiple)
    }
}
