public import EfficientNet
public import Foundation
import Imaging
import Tensors

/// What a training came to.
public struct TrainingOutcome: Sendable {
    /// The package that was written.
    public var package: URL
    /// Its manifest.
    public var manifest: ModelManifest
    /// All epochs.
    public var history: [EpochRecord]
    /// What the model says of the validation frames.
    public var evaluation: ValidationReading
    /// The same in numbers.
    public var score: ValidationScore
    /// The validation frames' names, in the evaluation's order.
    public var names: [String]
    /// The validation frames' labels, [frames, labels], 0 or 1.
    public var targets: [Float]
}

extension TrainingRun {
    private var identity: TrainingState.Identity {
        get throws {
            TrainingState.Identity(
                recipe: file.recipe, data: prepared.digest(division.sides, labels: data.labels), start: start.origin,
                preprocessing: try start.manifest.preprocessing.digest, labels: data.labels, head: start.manifest.head,
                threads: threads)
        }
    }

    /// Trains, phase by phase, and writes the model package.
    ///
    /// - Parameter resume: Whether to go on from the state of an interrupted training, where there is one: the result is then the same, bit
    ///   for bit, as without the break.
    /// - Throws: `TrainingError`, `DataError`, `EfficientNetError`.
    public func train(resume: Bool) throws -> TrainingOutcome {
        let checkpoint = TrainingCheckpoint(path: file.checkpoint)
        var state = TrainingState(identity: try identity)
        var tensors = start.tensors, best: [String: Tensor] = [:]
        var found = resume ? try checkpoint.read() : nil
        if let resumed = found {
            try compare(resumed.state.identity, state.identity)
            state = resumed.state
            tensors.merge(resumed.rest) { $1 }
            best = resumed.best
            display.line("going on after epoch \(state.epoch) of phase \(state.phase + 1)")
        }
        while state.phase < file.recipe.phases.count {
            let phase = try TrainingPhase(self, number: state.phase, tensors: tensors)
            if let resumed = found { _ = try phase.trainer.restore(resumed.file) }
            found = nil
            try phase.train(&state, best: &best, checkpoint: checkpoint)
            tensors = file.recipe.keep == .best ? best : phase.tensors
            state.phase += 1
            (state.epoch, state.waiting, state.phaseBest) = (0, 0, nil)
        }
        let outcome = try write(tensors, state)
        try? FileManager.default.removeItem(atPath: checkpoint.path)
        return outcome
    }

    private func compare(_ old: TrainingState.Identity, _ new: TrainingState.Identity) throws(TrainingError) {
        var changed: [String] = []
        if old.recipe != new.recipe { changed.append("the recipe (phases, batch, seed, …)") }
        if old.data != new.data { changed.append("scans, labels or their division") }
        if old.start != new.start { changed.append("the start") }
        if old.preprocessing != new.preprocessing || old.labels != new.labels || old.head != new.head {
            changed.append("preprocessing, labels or head")
        }
        if old.threads != new.threads { changed.append("threads (\(old.threads), now \(new.threads))") }
        guard changed.isEmpty else {
            throw .wrongCheckpoint(
                path: file.checkpoint, expected: "with everything as it was",
                found:
                    "other \(changed.joined(separator: ", ")); set them back, or remove the checkpoint to begin again")
        }
    }

    private func write(_ tensors: [String: Tensor], _ state: TrainingState) throws -> TrainingOutcome {
        var manifest = start.manifest
        let tensors = try rounded(tensors)
        let description = start.description
        let evaluation = try ValidationReading(
            manifest, description, tensors: tensors, batches: batches, frames: batches.validation)
        let targets = batches.targets(batches.validation)
        let score = ValidationScore(
            loss: evaluation.loss, probabilities: evaluation.probabilities, targets: targets, labels: data.labels.count,
            isMultiple: data.isMultiple)
        let sides = division.sides
        manifest.provenance = ModelManifest.Provenance(
            trainedOn: "\(sides.filter { $0 == .train }.count) scans, \(data.labels.count) labels",
            trainedBy: version, trainedAt: ISO8601DateFormatter().string(from: Date()),
            metrics: [
                "validation_scans": Double(sides.filter { $0 == .validation }.count),
                "validation_accuracy": score.accuracy,
                "validation_auc": score.auc, "validation_loss": score.loss, "epochs": Double(state.history.count),
            ],
            dataSHA256: state.identity.data, seed: file.recipe.seed, settings: file.text)
        let network = try Network(description, weights: Weights(tensors, parameters: description.parameters))
        let folder = URL(fileURLWithPath: file.output)
        try ModelPackage.write(
            manifest: manifest, weights: tensors, selfTest: SelfTest.made(for: manifest, network: network), to: folder,
            precision: file.weights)
        return TrainingOutcome(
            package: folder, manifest: manifest, history: state.history, evaluation: evaluation, score: score,
            names: batches.names(batches.validation), targets: targets)
    }

    /// What a reader of the package will get of the weights: validation and self-test are about those.
    private func rounded(_ tensors: [String: Tensor]) throws -> [String: Tensor] {
        guard file.weights != .float32 else { return tensors }
        var writer = SafetensorsWriter()
        for (name, tensor) in tensors { writer.add(name, tensor, as: file.weights) }
        let stored = try SafetensorsFile(path: file.output, contents: writer.serialized())
        return Dictionary(uniqueKeysWithValues: try tensors.keys.map { ($0, try stored.tensor($0)) })
    }
}
