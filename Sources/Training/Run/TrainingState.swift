import EfficientNet
import Foundation
import Store
import Tensors

/// One epoch's course.
public struct EpochRecord: Sendable, Hashable, Codable {
    /// Of the recipe's phases, from 1.
    public var phase: Int
    /// Of the phase, from 1.
    public var epoch: Int
    /// The mean of the batches' losses.
    public var loss: Double
    /// On the validation scans.
    public var validation: ValidationScore
    /// The learning rate at the epoch's end.
    public var rate: Double
    /// Its duration, validation included.
    public var seconds: Double
}

/// What a training goes on from, beside the trainer's own state.
struct TrainingState: Codable {
    /// What must not have changed meanwhile.
    struct Identity: Codable, Equatable {
        var recipe: Recipe
        var data: String
        var start: String
        var preprocessing: String
        var labels: [String]
        var head: ModelManifest.Head
        var threads: Int
    }

    var identity: Identity
    /// Finished epochs.
    var history: [EpochRecord] = []
    /// Of the phase that is under way, from 0.
    var phase = 0
    /// Finished epochs of it.
    var epoch = 0
    /// The best epoch's score, of all phases.
    var best: ValidationScore?
    /// Epochs of this phase since its best one, and that one's score.
    var waiting = 0
    var phaseBest: ValidationScore?
}

/// The file that holds it.
struct TrainingCheckpoint {
    let path: String

    /// Writes trainer and state, the weights that the trainer does not hold and those of the best epoch; the file before it stands until
    /// this one is whole.
    ///
    /// - Throws: `DataError.checkpoint`, `TrainingError`.
    func write(
        _ trainer: Trainer, _ state: TrainingState, rest: [String: Tensor], best: [String: Tensor]
    ) throws {
        var writer = try trainer.checkpoint(note: try JSONEncoder().encode(state))
        for (name, tensor) in rest { writer.add("rest/" + name, tensor) }
        for (name, tensor) in best { writer.add("best/" + name, tensor) }
        do throws(StoreError) {
            try OutputFile.publish([UInt8](writer.serialized()), to: URL(fileURLWithPath: path))
        } catch {
            throw DataError.checkpoint(error)
        }
    }

    /// A file that was written, its state, and the tensors under `rest` and `best`.
    struct Found {
        var file: SafetensorsFile
        var state: TrainingState
        var rest: [String: Tensor]
        var best: [String: Tensor]
    }

    /// Reads the file; nil where there is none.
    ///
    /// - Throws: `TrainingError`.
    func read() throws -> Found? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let file = try SafetensorsFile(contentsOf: URL(fileURLWithPath: path))
        let note = try Trainer.note(of: file)
        guard let state = try? JSONDecoder().decode(TrainingState.self, from: note) else {
            throw TrainingError.wrongCheckpoint(path: path, expected: "one that this version wrote", found: "another")
        }
        func tensors(_ prefix: String) throws -> [String: Tensor] {
            var result: [String: Tensor] = [:]
            for name in file.names where name.hasPrefix(prefix) {
                result[String(name.dropFirst(prefix.count))] = try file.tensor(name)
            }
            return result
        }
        return Found(file: file, state: state, rest: try tensors("rest/"), best: try tensors("best/"))
    }
}
