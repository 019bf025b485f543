import EfficientNet
import Foundation
public import Training

extension TrainingReport {
    /// The report of a training.
    ///
    /// - Parameter pictures: Of the first mistakes, as many as there are.
    public init(_ outcome: TrainingOutcome, of run: TrainingRun, pictures: [[UInt8]?] = []) {
        let judgement = outcome.judgement, manifest = outcome.package.manifest, recipe = run.file.recipe
        self.init(model: manifest.name, data: "the validation scans", evaluation: judgement.evaluation)
        course = Course(
            epochs: outcome.history.enumerated().map { index, record in
                Epoch(
                    number: index + 1, trainingLoss: record.loss, validationLoss: record.validation.loss,
                    metric: recipe.metric == .accuracy ? record.validation.accuracy : record.validation.auc)
            },
            metric: recipe.metric == .accuracy ? "accuracy" : "AUC", kept: outcome.kept)
        thresholdRule = run.file.thresholdRule.description
        abstention = judgement.abstention
        let shown = DataSide.allCases.filter { side in run.sides.contains(side) }
        sides = shown.map { $0 == .train ? "training" : $0.rawValue }
        classes = run.data.labels.enumerated().map { label, name in
            ClassCount(
                label: name,
                counts: shown.map { side in
                    run.sides.indices.filter {
                        run.sides[$0] == side && run.prepared.scans[$0].labels.contains(label)
                    }.count
                })
        }
        mistakeCount = judgement.mistakes.count
        mistakes = Self.cards(
            judgement.mistakes, predictions: judgement.predictions, temperature: manifest.temperature,
            paths: judgement.frames.map(\.scan.path), pictures: pictures)
        notes = [
            "Temperature, thresholds and the epoch that was kept were chosen on these same scans; what the model is worth on others, "
                + "nightread evaluate says of scans that took no part in this."
        ]
        if !run.prepared.unreadable.isEmpty {
            notes.append("\(Words.count(run.prepared.unreadable.count, "scan")) could not be read and took no part.")
        }
        scans = run.sides.enumerated().map { index, side in
            let scan = run.prepared.scans[index]
            return Scan(
                path: scan.name, labels: scan.labels.map { run.data.labels[$0] }, split: side.rawValue,
                digest: run.prepared.digests[index])
        }
        facts = [
            Self.settings(manifest) + Self.settings(run),
            Self.provenance(manifest, digest: outcome.package.digest) + Self.provenance(run, outcome),
        ]
    }

    private static func settings(_ run: TrainingRun) -> [Fact] {
        let recipe = run.file.recipe
        let phases = recipe.phases.map { phase in
            let part =
                switch phase.freezing.part {
                case .all: "all layers"
                case .head: "the head"
                case .lastStages(let count): "the last \(Words.count(count, "stage"))"
                }
            return "\(part), \(Words.count(phase.epochs, "epoch")), rate \(phase.rate)"
        }
        return [
            Fact("Start", run.file.start.source ?? "random weights"), Fact("Phases", phases.joined(separator: "; ")),
            Fact("Batch", "\(recipe.batch)" + (recipe.accumulate > 1 ? " × \(recipe.accumulate)" : "")),
            Fact("Seed", "\(recipe.seed)"), Fact("Threads", "\(run.threads)"),
        ]
    }

    private static func provenance(_ run: TrainingRun, _ outcome: TrainingOutcome) -> [Fact] {
        var facts = [Fact("Model package", outcome.package.folder.path), Fact("Training file", run.file.path)]
        if let data = outcome.package.manifest.provenance.dataSHA256 {
            facts.append(Fact("Data digest", data, isCode: true))
        }
        let seconds = outcome.history.reduce(0) { $0 + $1.seconds }
        facts.append(
            Fact("Time", "\(Words.fixed(seconds / 60, 1)) minutes in \(Words.count(outcome.history.count, "epoch"))"))
        return facts
    }
}
