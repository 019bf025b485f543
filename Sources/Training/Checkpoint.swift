public import Foundation
public import Tensors

/// Everything a training goes on from, in one safetensors file: weights, moments, average, counters, settings.
extension Trainer {
    /// What a checkpoint says beside its tensors.
    private struct Record: Codable {
        var format: Int
        var updates: Int
        var batches: Int
        var threads: Int
        var instructionSet: String
        var settings: TrainerSettings
        /// Of whoever trains: the place in the data, best results.
        var note: Data
    }

    private static let format = 1

    /// The weights by name, as weight files have them; `averaged`: their running average, where one is kept.
    public func weights(averaged: Bool = false) -> [String: Tensor] {
        let block = averaged && settings.averageDecay != nil ? average.floats : machine.weights
        return tensors(block, prefix: "")
    }

    private func tensors(_ block: UnsafeMutablePointer<Float>, prefix: String) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for entry in layout.entries {
            let values = Array(UnsafeBufferPointer(start: block + entry.offset, count: entry.count))
            // The shape is the entry's own: as many values as it says.
            result[prefix + entry.name] = try? Tensor(shape: entry.shape, scalars: values)
        }
        return result
    }

    private var blocks: [(prefix: String, block: UnsafeMutablePointer<Float>)] {
        [
            ("weights/", machine.weights), ("first/", first.floats), ("second/", second.floats),
            ("average/", average.floats),
        ]
    }

    /// The training as it is now, between two updates; `note` is handed back by `restore`.
    ///
    /// - Throws: `TrainingError.tensors` where it cannot be encoded.
    public func checkpoint(note: Data = Data()) throws(TrainingError) -> SafetensorsWriter {
        var writer = SafetensorsWriter()
        for (prefix, block) in blocks {
            for (name, tensor) in tensors(block, prefix: prefix) { writer.add(name, tensor) }
        }
        let record = Record(
            format: Self.format, updates: updates, batches: batches, threads: threads,
            instructionSet: instructionSet.rawValue, settings: settings, note: note)
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            let bytes = [UInt8](try encoder.encode(record))
            try writer.add("record", shape: [bytes.count], bytes: bytes)
        } catch {
            throw .wrongCheckpoint(path: "checkpoint", expected: "settings that can be written", found: "\(error)")
        }
        return writer
    }

    /// Goes on from a checkpoint of the same network with the same settings, threads and instruction set: bit for bit as if there
    /// had been no break.
    ///
    /// - Returns: The note.
    /// - Throws: `TrainingError.wrongCheckpoint`, `.tensors`; the trainer is then as it was.
    public func restore(_ file: SafetensorsFile) throws(TrainingError) -> Data {
        let record = try record(file)
        var values: [(UnsafeMutablePointer<Float>, [Float])] = []
        for (prefix, block) in blocks {
            for entry in layout.entries {
                let tensor: Tensor
                do {
                    tensor = try file.tensor(prefix + entry.name)
                } catch {
                    throw .tensors(error)
                }
                guard tensor.shape == entry.shape else {
                    throw .wrongCheckpoint(
                        path: file.path, expected: "\(prefix + entry.name) of shape \(entry.shape)",
                        found: "\(tensor.shape)")
                }
                values.append((block + entry.offset, tensor.scalars))
            }
        }
        for (target, scalars) in values { target.update(from: scalars, count: scalars.count) }
        updates = record.updates
        batches = record.batches
        forget()
        return record.note
    }

    /// The note of a checkpoint, whatever training it is of.
    ///
    /// - Throws: `TrainingError.wrongCheckpoint`, `.tensors`.
    public static func note(of file: SafetensorsFile) throws(TrainingError) -> Data { try decode(file).note }

    private static func decode(_ file: SafetensorsFile) throws(TrainingError) -> Record {
        let bytes: [UInt8]
        do {
            bytes = try file.bytes("record")
        } catch {
            throw .tensors(error)
        }
        guard let record = try? JSONDecoder().decode(Record.self, from: Data(bytes)), record.format == format
        else {
            throw .wrongCheckpoint(
                path: file.path, expected: "a record of format \(format)",
                found: "\(bytes.count) bytes of something else")
        }
        return record
    }

    private func record(_ file: SafetensorsFile) throws(TrainingError) -> Record {
        let record = try Self.decode(file)
        guard record.settings == settings else {
            throw .wrongCheckpoint(
                path: file.path, expected: "the settings \(settings)", found: "\(record.settings)")
        }
        guard record.threads == threads, record.instructionSet == instructionSet.rawValue else {
            throw .wrongCheckpoint(
                path: file.path, expected: "\(threads) threads with \(instructionSet.rawValue)",
                found: "\(record.threads) with \(record.instructionSet)")
        }
        return record
    }
}
