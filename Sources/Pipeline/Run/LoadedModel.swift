import Crypto
import EfficientNet
import Foundation
import Store
import Tensors

/// A model package as a run uses it: what the store records of it, and the preprocessing with the pipeline file's overrides.
struct LoadedModel {
    let path: String
    let record: ModelRecord
    let activation: ModelManifest.Activation
    let preprocessing: Preprocessing
    /// Of the preprocessing and of what the network computes in: the part of a reading's identity beside model, scan and frame.
    let preprocessingDigest: String
    let preprocessingJSON: String
    /// What is asked for: the pipeline file's, or the model's own. Workers compute in float where the machine cannot.
    let precision: Precision
    /// Whether no call is made of scans unlike what the model was trained on.
    let abstains: Bool
    /// The weights, packed once for all workers.
    let packed: SharedModel
    /// What to tell people: that this machine computes in another precision than asked for, or that the model cannot abstain.
    let notes: [String]

    /// Opens the package that `pipeline` names for `variant`.
    ///
    /// - Throws: `PipelineError.usage` when the file offers no such model, `.model` for a package that cannot be used.
    init(_ pipeline: PipelineFile, variant: Variant?) throws(PipelineError) {
        let model = try pipeline.model(for: variant)
        path = model.path
        let package: ModelPackage
        do throws(EfficientNetError) {
            package = try ModelPackage.open(URL(fileURLWithPath: model.path))
        } catch {
            throw .model(path: model.path, reason: "\(error)")
        }
        let manifest = package.manifest
        guard (variant ?? model.variant ?? manifest.variant) == manifest.variant else {
            throw .usage(
                "\(pipeline.path): expected a model of variant \((variant ?? manifest.variant).rawValue), found "
                    + "\(manifest.variant.rawValue) in \(model.path): list the right package under models")
        }
        guard (1...WorkerMessage.maxLabels).contains(manifest.labels.count) else {
            throw .model(
                path: model.path,
                reason: "expected 1 to \(WorkerMessage.maxLabels) labels, found \(manifest.labels.count)")
        }
        preprocessing = pipeline.preprocessing.applied(to: manifest.preprocessing)
        activation = manifest.activation
        precision = pipeline.precision ?? manifest.precision ?? .f32
        packed = try SharedModel(package, precision: precision)
        let statistics = packed.statistics
        abstains = statistics != nil && pipeline.abstain != false
        var notes: [String] = []
        do {
            let selected = try InstructionSet.selected()
            if let note = precision.note(on: selected) { notes.append(note) }
            if pipeline.abstain == true, statistics == nil {
                notes.append(
                    "\(model.path): it has no features.safetensors, so that abstain: true has no effect; train it anew, or leave "
                        + "the key out")
            }
            let settings = Settings(
                preprocessing: preprocessing, precision: precision.effective(on: selected),
                callsAll: statistics != nil && !abstains)
            preprocessingDigest = try settings.digest
            preprocessingJSON = try Self.json(settings)
            record = ModelRecord(
                digest: package.digest, name: manifest.name, variant: manifest.variant.rawValue,
                labels: manifest.labels,
                thresholds: manifest.thresholds, negativeLabel: manifest.negativeLabel,
                abstainLimit: statistics.map {
                    AbstainLimit(distance: $0.abstainDistance, falseAbstainRate: $0.falseAbstainRate)
                },
                manifestJSON: try Self.json(manifest),
                path: model.path)
            self.notes = notes
        } catch {
            throw .model(path: model.path, reason: "its settings cannot be written as JSON: \(error)")
        }
    }

    /// What a run's record says of how it read.
    private struct Settings: Encodable {
        let preprocessing: Preprocessing
        let precision: Precision
        /// Whether calls are made of scans, too, that a model could tell to be unlike its training's.
        let callsAll: Bool

        private enum CodingKeys: String, CodingKey {
            case precision, abstain
        }

        /// A reading in bfloat16 is another than one in float, in its last digits at least, and one without a call another than one
        /// with it. What nobody chooses leaves the digest that of the preprocessing alone.
        var digest: String {
            get throws {
                let chosen = [precision == .f32 ? nil : precision.rawValue, callsAll ? "abstain: false" : nil]
                return try chosen.compactMap(\.self).reduce(preprocessing.digest) { digest, choice in
                    hexadecimal(SHA256.hash(data: Data("\(digest) \(choice)\n".utf8)))
                }
            }
        }

        func encode(to encoder: any Encoder) throws {
            try preprocessing.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            if precision != .f32 { try container.encode(precision, forKey: .precision) }
            if callsAll { try container.encode(false, forKey: .abstain) }
        }
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
