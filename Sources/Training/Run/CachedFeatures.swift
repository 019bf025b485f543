import EfficientNet
import Foundation

/// What the head reads of each frame, kept on disk: each training frame has passed the frozen part once per round of augmentation, each
/// validation frame once.
final class CachedFeatures {
    private let file: FloatFile
    private let batches: BatchMaker
    private let description: NetworkDescription
    private let count: Int
    private let rounds: Int
    private let places: [Int: Int]

    /// - Parameters:
    ///   - rounds: Of augmentation; the first is without where there is one alone and nothing is changed.
    ///   - folder: On the disk that gets them.
    /// - Throws: `TrainingError`, `DataError.cache`.
    init(
        _ batches: BatchMaker, _ description: NetworkDescription, weights: Weights, rounds: Int, folder: String,
        display: TrainingDisplay
    ) throws {
        self.batches = batches
        self.description = description
        self.rounds = rounds
        file = try FloatFile(in: folder)
        let settings = TrainerSettings(
            loss: .sigmoid(), optimizer: Optimizer(.sgd(momentum: 0)), schedule: .constant(0),
            freezing: Freezing(.head, freezesBatchNorm: true))
        let trainer = try Trainer(
            description, weights: weights, settings: settings, batch: batches.recipe.batch, threads: batches.threads)
        count = trainer.featuresCount
        places = Dictionary(uniqueKeysWithValues: batches.train.enumerated().map { ($1, $0) })
        let total = batches.train.count * rounds + batches.validation.count
        var done = 0
        display.start()
        for round in 0...rounds {
            let frames = round < rounds ? batches.train : batches.validation
            for first in stride(from: 0, to: frames.count, by: batches.recipe.batch) {
                let part = Array(frames[first..<min(first + batches.recipe.batch, frames.count)])
                let found = try trainer.features(images: batches.inputs(part, round: round < rounds ? round : nil))
                _ = try found.withUnsafeBufferPointer { try file.append($0) }
                done += part.count
                display.show("features", done: done, of: total)
            }
        }
    }

    /// Features of training frames, [frames, count], as round `round` (counted on from the last to the first again) changed them.
    func training(_ frames: [Int], round: Int) throws -> [Float] {
        let base = round % rounds * batches.train.count
        return try read(frames.map { base + (places[$0] ?? 0) })
    }

    /// Logits of the validation frames, [frames, labels], by the head of `weights`.
    func validationLogits(_ weights: Weights, settings: TrainerSettings) throws -> [Float] {
        let trainer = try Trainer(
            description, weights: weights, settings: settings, batch: batches.recipe.batch, threads: batches.threads,
            headOnly: true)
        let base = rounds * batches.train.count
        var logits: [Float] = []
        for first in stride(from: 0, to: batches.validation.count, by: batches.recipe.batch) {
            let part = Array(first..<min(first + batches.recipe.batch, batches.validation.count))
            let targets = batches.targets(part.map { batches.validation[$0] })
            logits += try trainer.evaluate(images: read(part.map { base + $0 }), targets: targets).logits
        }
        return logits
    }

    private func read(_ places: [Int]) throws -> [Float] {
        var result = [Float](repeating: 0, count: places.count * count)
        let isRead = result.withUnsafeMutableBufferPointer { buffer in
            places.enumerated().allSatisfy { index, place in
                file.read(
                    place * count,
                    into: UnsafeMutableBufferPointer(rebasing: buffer[index * count..<(index + 1) * count]))
            }
        }
        guard isRead else {
            throw DataError.cache(path: "features", bytes: file.count * 4, reason: "they cannot be read back")
        }
        return result
    }
}
