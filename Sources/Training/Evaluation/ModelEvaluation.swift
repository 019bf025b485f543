public import EfficientNet
import Foundation

/// A model held against labelled scans: what `nightread evaluate` reports.
public struct ModelEvaluation: Sendable {
    /// The model's manifest.
    public let manifest: ModelManifest
    /// The model's digest.
    public let digest: String
    /// The scans that `predictions` are about, one per frame that was read.
    public let frames: [(scan: LabelledScan, frame: Int)]
    /// What the model said of them.
    public let predictions: Predictions
    /// The numbers.
    public let evaluation: Evaluation
    /// How often the model abstains; nil for one without statistics.
    public let abstention: Abstention?
    /// The surest mistakes first.
    public let mistakes: [Predictions.Mistake]
    /// Scans that could not be read; they count nowhere else.
    public let unreadable: [DataError.UnreadableScan]

    /// - Parameters:
    ///   - scans: The scans of `data` that were read, in the order that the readings number them.
    ///   - unlike: Readings of scans that the model is not meant for; nil for none.
    ///   - seed: Fixes the resamples behind the intervals.
    /// - Throws: `DataError.unusable` for labels that the model does not have, `TrainingError.wrongBatch` for logits that are not
    ///   finite.
    public init(
        _ package: ModelPackage, data: LabelledScans, scans: [LabelledScan], path: String,
        readings: Evaluator.Readings, unlike: Evaluator.Readings? = nil, resamples: Int = Bootstrap.reportResamples,
        seed: UInt64 = 0
    ) throws {
        manifest = package.manifest
        digest = package.digest
        let places = try Self.places(of: data, in: manifest, path: path)
        var predictions = Predictions(labels: manifest.labels, activation: manifest.activation)
        let counts = Dictionary(readings.frames.map { ($0.scan, 1) }, uniquingKeysWith: +)
        for reading in readings.frames {
            let scan = scans[reading.scan]
            try predictions.add(
                logits: reading.logits, truth: Set(scan.labels.map { places[$0] }),
                patient: scan.unit(patient: reading.patient, frames: counts[reading.scan] ?? 1))
        }
        frames = readings.frames.map { (scans[$0.scan], $0.frame) }
        self.predictions = predictions
        evaluation = Evaluation(
            predictions, temperature: manifest.temperature, thresholds: manifest.thresholds, resamples: resamples,
            seed: seed)
        abstention = try package.statistics().map { statistics in
            Abstention(
                statistics, distances: readings.frames.compactMap(\.distance),
                unlike: unlike?.frames.compactMap(\.distance) ?? [])
        }
        mistakes = predictions.mistakes(temperature: manifest.temperature, thresholds: manifest.thresholds)
        unreadable = readings.unreadable + (unlike?.unreadable ?? [])
    }

    /// Each of the data's labels in the model.
    ///
    /// - Throws: `DataError.unusable` for labels that the model does not have, and for several labels of a scan where it chooses one.
    public static func places(
        of data: LabelledScans, in manifest: ModelManifest, path: String
    ) throws(DataError) -> [Int] {
        var problems: [String] = []
        var places: [Int] = []
        for label in data.labels {
            if let place = manifest.labels.firstIndex(of: label) {
                places.append(place)
            } else {
                problems.append(
                    "expected labels of the model (\(manifest.labels.joined(separator: ", "))), found \(label)")
            }
        }
        if manifest.activation == .softmax, data.scans.contains(where: { $0.labels.count != 1 }) {
            problems.append("expected one label per scan, as the model chooses one, found scans with several or none")
        }
        guard problems.isEmpty else { throw .unusable(path: path, problems: problems) }
        return places
    }

    /// One JSON object, keys in alphabetical order: model, evaluation, abstention, unreadable scans and the number of mistakes.
    public func json() throws -> String {
        struct Model: Encodable { let name, digest, variant: String }
        struct Unreadable: Encodable { let path, reason: String }
        struct Summary: Encodable {
            let model: Model
            let evaluation: Evaluation
            let abstention: Abstention?
            let mistakes: Int
            let unreadable: [Unreadable]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let summary = Summary(
            model: Model(name: manifest.name, digest: digest, variant: manifest.variant.rawValue),
            evaluation: evaluation,
            abstention: abstention, mistakes: mistakes.count,
            unreadable: unreadable.map { Unreadable(path: $0.path, reason: $0.reason) })
        return String(decoding: try encoder.encode(summary), as: UTF8.self)
    }
}
