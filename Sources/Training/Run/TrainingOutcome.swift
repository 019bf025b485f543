public import EfficientNet
import Tensors

/// What a training came to.
public struct TrainingOutcome: Sendable {
    /// The package that was written.
    public let package: ModelPackage
    /// All epochs.
    public let history: [EpochRecord]
    /// The epoch whose weights became the model, from 1 over all phases.
    public let kept: Int
    /// What the model is worth on the validation scans.
    public let judgement: TrainingJudgement
}

/// What a trained network is worth on the validation scans, and what is set by them: temperature, thresholds, the distance over
/// which the model abstains.
public struct TrainingJudgement: Sendable {
    /// Training scans, evenly chosen, whose features the statistics are made of at most: more would not sharpen them.
    static let mostFeatures = 10_000

    /// One validation frame.
    public struct Frame: Sendable {
        /// Its scan.
        public let scan: LabelledScan
        /// Of the frame in its scan, from 0.
        public let number: Int
    }

    /// With temperature and thresholds.
    public let manifest: ModelManifest
    /// What `predictions` are about.
    public let frames: [Frame]
    /// What the network says of them.
    public let predictions: Predictions
    /// The numbers.
    public let evaluation: Evaluation
    /// The surest mistakes first.
    public let mistakes: [Predictions.Mistake]
    /// Where the training scans' features lie; nil where the model turns no scan away.
    public let statistics: FeatureStatistics?
    /// How many of the validation scans are turned away.
    public let abstention: Abstention?

    /// - Throws: `TrainingError.wrongBatch` for a network whose logits are not finite.
    init(_ run: TrainingRun, _ network: Network) throws {
        let batches = run.batches, prepared = run.prepared, file = run.file
        let frames = batches.validation
        let readsFeatures = file.falseAbstainRate != nil
        let known = readsFeatures ? Self.chosen(batches.train) : []
        let total = frames.count + known.count
        let readings = FrameReadings(network, batches: batches, frames: frames, keepsFeatures: readsFeatures) {
            run.display.show("judging", done: $0, of: total)
        }
        var manifest = run.start.manifest
        var predictions = Predictions(labels: manifest.labels, activation: manifest.activation)
        let labels = manifest.labels.count
        let counts = Dictionary(prepared.frames.map { ($0.scan, 1) }, uniquingKeysWith: +)
        for (place, index) in frames.enumerated() {
            let number = prepared.frames[index].scan, scan = prepared.scans[number]
            try predictions.add(
                logits: Array(readings.logits[place * labels..<(place + 1) * labels]), truth: Set(scan.labels),
                patient: scan.unit(patient: scan.patient, frames: counts[number] ?? 1))
        }
        manifest.temperature = Temperature.chosen(by: predictions)
        manifest.thresholds = predictions.thresholds(by: file.thresholdRule, temperature: manifest.temperature)
        if let negative = manifest.negativeLabel { manifest.thresholds[negative] = nil }
        if let rate = file.falseAbstainRate {
            let training = FrameReadings(network, batches: batches, frames: known, keepsFeatures: true) {
                run.display.show("judging", done: frames.count + $0, of: total)
            }
            let statistics = try FeatureStatistics(
                training: training.features,
                groups: FeatureStatistics.groups(
                    of: known.map { Set(prepared.scans[prepared.frames[$0].scan].labels) }),
                validation: readings.features, falseAbstainRate: rate)
            self.statistics = statistics
            abstention = Abstention(statistics, distances: readings.features.map(statistics.distance))
        } else {
            (statistics, abstention) = (nil, nil)
        }
        self.frames = frames.map { index in
            let frame = prepared.frames[index]
            return Frame(scan: prepared.scans[frame.scan], number: frame.number)
        }
        self.manifest = manifest
        self.predictions = predictions
        evaluation = Evaluation(
            predictions, temperature: manifest.temperature, thresholds: manifest.thresholds, seed: file.recipe.seed)
        mistakes = predictions.mistakes(temperature: manifest.temperature, thresholds: manifest.thresholds)
    }

    /// For the package: what was found on the validation scans.
    var metrics: [String: Double] {
        var metrics = [
            "validation_accuracy": evaluation.accuracy.value, "validation_auc": evaluation.meanAUC.value,
            "validation_loss": evaluation.calibrated.logLoss,
            "validation_calibration_error": evaluation.calibrated.error,
        ].compactMapValues(\.self)
        metrics["validation_balanced_accuracy"] = evaluation.balancedAccuracy?.value
        return metrics
    }

    private static func chosen(_ frames: [Int]) -> [Int] {
        guard frames.count > mostFeatures else { return frames }
        return (0..<mostFeatures).map { frames[$0 * frames.count / mostFeatures] }
    }
}
