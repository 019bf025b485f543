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
    /// The weights, packed once for all workers.
    let packed: SharedModel

    /// What to tell people where this machine computes in another precision than asked for.
    var precisionNote: String? {
        guard let selected = try? InstructionSet.selected() else { return nil }
        return precision.note(on: selected)
    }

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
        do {
            let computed = precision.effective(on: try InstructionSet.selected())
            preprocessingDigest = try Self.digest(preprocessing, computed)
            preprocessingJSON = try Self.json(Settings(preprocessing: preprocessing, precision: computed))
            record = ModelRecord(
                digest: package.digest, name: manifest.name, variant: manifest.variant.rawValue,
                labels: manifest.labels,
                thresholds: manifest.thresholds, negativeLabel: manifest.negativeLabel,
                manifestJSON: try Self.json(manifest),
                path: model.path)
        } catch {
            throw .model(path: model.path, reason: "its settings cannot be written as JSON: \(error)")
        }
    }

    /// A reading in bfloat16 is another than one in float, in its last digits at least. Digests of float are those of the
    /// preprocessing alone.
    private static func digest(_ preprocessing: Preprocessing, _ precision: Precision) throws -> String {
        let digest = try preprocessing.digest
        guard precision != .f32 else { return digest }
        return hexadecimal(SHA256.hash(data: Data("\(digest) \(precision.rawValue)\n".utf8)))
    }

    /// What a run's record says of how it read.
    private struct Settings: Encodable {
        let preprocessing: Preprocessing
        let precision: Precision

        private enum CodingKeys: String, CodingKey {
            case precision
        }

        func encode(to encoder: any Encoder) throws {
            try preprocessing.encode(to: encoder)
            guard precision != .f32 else { return }
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(precision, forKey: .precision)
        }
    }

    private static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
