public import EfficientNet
import Foundation
public import Tensors

/// How many images per second a training takes: whole steps, with all layers trained and their weights updated.
public struct TrainingThroughput: Sendable, Hashable {
    /// Images per second, all threads together.
    public let imagesPerSecond: Double
    /// Milliseconds of one step: the median.
    public let millisecondsPerStep: Double
    /// Processor milliseconds per image, of all threads together.
    public let processorMillisecondsPerImage: Double
    /// Steps taken.
    public let steps: Int
    /// Bytes that the trainer holds.
    public let bytes: Int
    /// The kernels in use.
    public let instructionSet: InstructionSet

    /// A trainer of a variant at its own resolution, with 1000 labels, weights that a formula makes and what training usually
    /// takes: AdamW, label smoothing, dropout, drop-connect, an average of the weights.
    ///
    /// - Throws: `TrainingError` for a batch or number of threads out of range.
    public static func trainer(
        _ variant: Variant, padding: ModelManifest.Padding = .same, batch: Int, threads: Int
    ) throws(TrainingError) -> Trainer {
        let description = NetworkDescription(
            architecture: Architecture(variant, padding: padding), batchNormEpsilon: padding.batchNormEpsilon,
            head: .linear, labels: 1000, resolution: variant.coefficients.resolution)
        let weights: Weights
        do {
            weights = try Weights(evenly: description.parameters)
        } catch {
            throw .weights(error)
        }
        return try Trainer(
            description, weights: weights,
            settings: TrainerSettings(
                loss: .softmax(smoothing: 0.1), optimizer: Optimizer(.adamW(), weightDecay: 0.01, largestNorm: 5),
                schedule: .constant(1e-4), dropout: variant.coefficients.dropout, dropConnect: 0.2,
                averageDecay: 0.999),
            batch: batch, threads: threads)
    }

    /// Takes steps for about `seconds` seconds, one at least, after one that does not count.
    ///
    /// - Throws: as `Trainer.step` does.
    public static func measure(_ trainer: Trainer, seconds: Double) throws(TrainingError) -> TrainingThroughput {
        let (batch, labels) = (trainer.batch, trainer.machine.plan.labels)
        let images = (0..<batch * trainer.inputCount).map { Float($0 % 251) / 125 - 1 }
        let targets = (0..<batch * labels).map { $0 % labels == $0 / labels * 37 % labels ? Float(1) : 0 }
        _ = try trainer.step(images: images, targets: targets)
        var times: [Double] = []
        let start = ContinuousClock.now, processor = clock()
        var elapsed = 0.0
        repeat {
            let begin = ContinuousClock.now
            _ = try trainer.step(images: images, targets: targets)
            times.append((ContinuousClock.now - begin) / .seconds(1))
            elapsed = (ContinuousClock.now - start) / .seconds(1)
        } while elapsed < seconds
        let taken = Double(clock() - processor) / Double(CLOCKS_PER_SEC)
        return TrainingThroughput(
            imagesPerSecond: Double(times.count * batch) / elapsed,
            millisecondsPerStep: 1000 * times.sorted()[times.count / 2],
            processorMillisecondsPerImage: 1000 * taken / Double(times.count * batch), steps: times.count,
            bytes: trainer.bytes,
            instructionSet: trainer.instructionSet)
    }
}
