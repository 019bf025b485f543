import EfficientNet
import Foundation
import Tensors

/// What a model says of prepared frames, with the engine that reads scans at night.
public struct ValidationReading: Sendable {
    /// [frames, labels].
    public var logits: [Float]
    /// [frames, labels], as reading makes them of the logits.
    public var probabilities: [Double]
    /// The mean loss, without smoothing and weights.
    public var loss: Double

    /// Reads frames on `threads` threads.
    ///
    /// - Throws: `EfficientNetError` for weights that are not finite.
    init(
        _ manifest: ModelManifest, _ description: NetworkDescription, tensors: [String: Tensor], batches: BatchMaker,
        frames: [Int]
    ) throws {
        let weights = try Weights(tensors, parameters: description.parameters)
        let first = try Network(description, weights: weights)
        let threads = max(1, min(batches.threads, frames.count)), labels = description.labels
        let networks = (0..<threads).map { $0 == 0 ? first : Network(sharingWeightsOf: first) }
        let logits = [Float](unsafeUninitializedCapacity: frames.count * labels) { buffer, initialized in
            nonisolated(unsafe) let (buffer, networks, prepared) = (buffer, networks, batches.prepared)
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                var input = [Float](repeating: 0, count: prepared.inputCount)
                for place in thread * frames.count / threads..<(thread + 1) * frames.count / threads {
                    input.withUnsafeMutableBufferPointer {
                        prepared.input(prepared.frames[frames[place]], into: $0) { _, _ in }
                    }
                    // As many values as the network takes: it cannot refuse them.
                    let found = input.withUnsafeBufferPointer { try? networks[thread].logits(prepared: $0) }
                    for label in 0..<labels { buffer[place * labels + label] = found?[label] ?? .nan }
                }
            }
            initialized = frames.count * labels
        }
        self.init(logits: logits, manifest: manifest, targets: batches.targets(frames))
    }

    init(logits: [Float], manifest: ModelManifest, targets: [Float]) {
        self.logits = logits
        let labels = manifest.labels.count
        let kind: Loss = manifest.activation == .softmax ? .softmax() : .sigmoid()
        var total = 0.0
        var probabilities: [Double] = []
        var gradient = [Float](repeating: 0, count: labels)
        for frame in 0..<logits.count / labels {
            let range = frame * labels..<(frame + 1) * labels
            let own = Array(logits[range])
            total += kind.loss(logits: own, targets: Array(targets[range]), count: labels, gradient: &gradient)
            probabilities += Probabilities.of(logits: own, manifest: manifest)
        }
        self.probabilities = probabilities
        loss = total / Double(max(logits.count / (manifest.activation == .softmax ? labels : 1), 1))
    }
}
