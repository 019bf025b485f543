import EfficientNet
import Foundation
import Tensors

/// What a model says of prepared frames, with the engine that reads scans at night.
struct ValidationReading: Sendable {
    /// [frames, labels].
    var logits: [Float]
    /// [frames, labels], as reading makes them of the logits.
    var probabilities: [Double]
    /// The mean loss, without smoothing and weights.
    var loss: Double

    /// Reads frames on all threads.
    ///
    /// - Throws: `EfficientNetError` for weights that are not finite.
    init(
        _ manifest: ModelManifest, _ description: NetworkDescription, tensors: [String: Tensor], batches: BatchMaker,
        frames: [Int]
    ) throws {
        let network = try Network(description, weights: Weights(tensors, parameters: description.parameters))
        let readings = FrameReadings(network, batches: batches, frames: frames)
        self.init(logits: readings.logits, manifest: manifest, targets: batches.targets(frames))
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
