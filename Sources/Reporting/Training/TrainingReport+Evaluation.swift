public import EfficientNet
import Store
public import Training

extension TrainingReport {
    /// Mistakes that a page shows.
    public static let shownMistakes = 24

    /// The report of an evaluation.
    ///
    /// - Parameters:
    ///   - data: The data, in words: `held-out, split test`.
    ///   - pictures: Of the first mistakes, as many as there are.
    public init(_ evaluated: ModelEvaluation, data: String, pictures: [[UInt8]?] = []) {
        let manifest = evaluated.manifest
        self.init(model: manifest.name, data: data, evaluation: evaluated.evaluation)
        abstention = evaluated.abstention
        sides = ["scans"]
        classes = evaluated.evaluation.labels.map { ClassCount(label: $0.label, counts: [$0.positives]) }
        mistakeCount = evaluated.mistakes.count
        mistakes = Self.cards(
            evaluated.mistakes, predictions: evaluated.predictions, temperature: manifest.temperature,
            paths: evaluated.frames.map { $0.scan.path }, pictures: pictures)
        if !evaluated.unreadable.isEmpty {
            let shown = evaluated.unreadable.prefix(10).map { "\($0.path): \($0.reason)" }.joined(separator: "; ")
            let rest = evaluated.unreadable.count > 10 ? "; and more" : ""
            notes.append(
                "\(Words.count(evaluated.unreadable.count, "scan")) could not be read and \(evaluated.unreadable.count == 1 ? "counts" : "count") "
                    + "nowhere here: \(shown)\(rest).")
        }
        facts = [Self.settings(manifest), Self.provenance(manifest, digest: evaluated.digest)]
    }

    /// The first mistakes with their pictures.
    ///
    /// - Parameters:
    ///   - paths: One per scan of `predictions`.
    ///   - pictures: Of the first mistakes, as many as there are.
    public static func cards(
        _ mistakes: [Predictions.Mistake], predictions: Predictions, temperature: Double, paths: [String],
        pictures: [[UInt8]?]
    ) -> [Mistake] {
        mistakes.prefix(shownMistakes).enumerated().map { index, mistake in
            Mistake(
                path: paths[mistake.scan],
                truth: predictions.truths[mistake.scan].sorted().map { predictions.labels[$0] },
                call: mistake.call.sorted().map { predictions.labels[$0] },
                probabilities: predictions.probabilities(mistake.scan, temperature: temperature),
                picture: index < pictures.count ? pictures[index] : nil)
        }
    }

    /// What a model is, for the column of settings.
    public static func settings(_ manifest: ModelManifest) -> [Fact] {
        let preprocessing = manifest.preprocessing
        return [
            Fact("Network", Words.network(manifest.variant.rawValue)), Fact("Padding", manifest.padding.rawValue),
            Fact("Input", "\(preprocessing.resolution) × \(preprocessing.resolution), \(preprocessing.intensity)"),
            Fact("Activation", manifest.activation.rawValue), Fact("Temperature", Words.fixed(manifest.temperature, 3)),
        ]
    }

    /// Where a model comes from, for the column of provenance.
    public static func provenance(_ manifest: ModelManifest, digest: String) -> [Fact] {
        let provenance = manifest.provenance
        var facts = [Fact("Model digest", digest, isCode: true)]
        for (name, value) in [
            ("Trained on", provenance.trainedOn), ("Trained by", provenance.trainedBy),
            ("Trained at", provenance.trainedAt),
        ] {
            if let value { facts.append(Fact(name, value)) }
        }
        return facts
    }

    /// The report for a terminal.
    public var text: String {
        func line(_ name: String, _ value: String) -> String { "\(name.padding(22))\(value)" }
        var lines = [
            line("model", model), line("scans", Words.grouped(evaluation.scans)),
            line("accuracy", TrainingPage.interval(evaluation.accuracy)),
        ]
        if let balanced = evaluation.balancedAccuracy {
            lines.append(line("balanced accuracy", TrainingPage.interval(balanced)))
        }
        lines.append(line("mean AUC", TrainingPage.interval(evaluation.meanAUC)))
        lines.append(
            line(
                "calibration error",
                "\(Words.fixed(evaluation.calibrated.error, 3)) (\(Words.fixed(evaluation.uncalibrated.error, 3)) without temperature)"
            ))
        if let abstention {
            lines.append(line("abstained", "\(abstention.abstained) of \(abstention.scans)"))
            if let unlike = abstention.unlikeScans {
                lines.append(
                    line(
                        "of other scans",
                        "\(abstention.unlikeAbstained ?? 0) of \(unlike), AUROC \(TrainingPage.number(abstention.auroc))"
                    ))
            }
        }
        lines += ["", "label                 scans  AUC                  sensitivity          specificity"]
        for label in evaluation.labels {
            lines.append(
                OneLine.text(label.label).padding(22) + Words.grouped(label.positives).padding(7)
                    + TrainingPage.interval(label.auc).padding(21)
                    + (label.sensitivity.map(TrainingPage.interval) ?? "–").padding(21)
                    + (label.specificity.map(TrainingPage.interval) ?? "–"))
        }
        return (lines + notes.map { "\n" + OneLine.text($0) }).joined(separator: "\n")
    }
}

extension String {
    /// Filled up with spaces to `width` characters, at least one.
    fileprivate func padding(_ width: Int) -> String { self + String(repeating: " ", count: max(width - count, 1)) }
}
