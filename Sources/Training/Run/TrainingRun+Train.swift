import EfficientNet
import Foundation
import Imaging
import Tensors

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
        let tensors = try rounded(tensors)
        let network = try Network(
            start.description, weights: Weights(tensors, parameters: start.description.parameters))
        display.start()
        let judgement = try TrainingJudgement(self, network)
        let sides = division.sides
        var manifest = judgement.manifest
        manifest.provenance = ModelManifest.Provenance(
            trainedOn: "\(sides.filter { $0 == .train }.count) scans, \(data.labels.count) labels",
            trainedBy: version, trainedAt: ISO8601DateFormatter().string(from: Date()),
            metrics: judgement.metrics.merging([
                "validation_scans": Double(sides.filter { $0 == .validation }.count),
                "epochs": Double(state.history.count),
            ]) { $1 },
            dataSHA256: state.identity.data, seed: file.recipe.seed, settings: file.text)
        let folder = URL(fileURLWithPath: file.output)
        try ModelPackage.write(
            manifest: manifest, weights: tensors, selfTest: SelfTest.made(for: manifest, network: network),
            statistics: judgement.statistics, to: folder, precision: file.weights)
        return TrainingOutcome(
            package: try ModelPackage.open(folder), history: state.history, kept: kept(state.history),
            judgement: judgement)
    }

    /// The epoch whose weights became the model, from 1 over all phases.
    private func kept(_ history: [EpochRecord]) -> Int {
        guard file.recipe.keep == .best else { return history.count }
        var best = 0
        for (index, record) in history.enumerated()
        where record.validation.isBetter(than: history[best].validation, by: file.recipe.metric) {
            best = index
        }
        return best + 1
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
