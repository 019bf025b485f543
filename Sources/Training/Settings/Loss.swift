import Foundation

/// What training makes small.
///
/// Targets are as many values as labels for each sample, in 0…1: a 1 for the sample's class (softmax), or for each of its labels
/// (sigmoid). Both are PyTorch's `CrossEntropyLoss` and `BCEWithLogitsLoss`.
public struct Loss: Sendable, Hashable, Codable {
    /// How logits become probabilities.
    public enum Kind: String, Sendable, Hashable, Codable {
        /// One label per sample.
        case softmax
        /// Each label by itself.
        case sigmoid
    }

    /// How logits become probabilities.
    public var kind: Kind
    /// The share of the target that is spread over all labels (softmax) or over yes and no (sigmoid), in 0..<1.
    public var smoothing: Double
    /// One weight per label, over 0: of a class' samples (softmax), of a label's presence (sigmoid). Empty: 1.
    public var weights: [Float]

    /// Softmax and cross-entropy; the batch's loss is the weighted mean over its samples.
    public static func softmax(smoothing: Double = 0, weights: [Float] = []) -> Loss {
        Loss(kind: .softmax, smoothing: smoothing, weights: weights)
    }

    /// Sigmoid and binary cross-entropy; the batch's loss is the mean over samples and labels.
    public static func sigmoid(smoothing: Double = 0, weights: [Float] = []) -> Loss {
        Loss(kind: .sigmoid, smoothing: smoothing, weights: weights)
    }

    private func weight(_ label: Int) -> Double { weights.isEmpty ? 1 : Double(weights[label]) }

    func check(labels: Int) throws(TrainingError) {
        guard smoothing >= 0, smoothing < 1 else {
            throw .invalidSetting(name: "label smoothing", expected: "0 to under 1", found: "\(smoothing)")
        }
        guard weights.isEmpty || weights.count == labels, weights.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .invalidSetting(
                name: "class weights", expected: "\(labels) numbers over 0", found: "\(weights)")
        }
    }

    /// What the sum of the samples' losses is divided by.
    func normaliser(targets: UnsafeBufferPointer<Float>, labels: Int) -> Double {
        switch kind {
        case .sigmoid: Double(targets.count)
        case .softmax: targets.enumerated().reduce(0) { $0 + Double($1.element) * weight($1.offset % labels) }
        }
    }

    /// One sample's loss before the division, and its gradient with respect to the logits.
    func loss(
        logits: UnsafePointer<Float>, targets: UnsafePointer<Float>, count: Int, gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        switch kind {
        case .softmax: softmaxLoss(logits, targets, count, gradient)
        case .sigmoid: sigmoidLoss(logits, targets, count, gradient)
        }
    }

    private func softmaxLoss(
        _ logits: UnsafePointer<Float>, _ targets: UnsafePointer<Float>, _ count: Int,
        _ gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        var largest = -Double.infinity
        for n in 0..<count { largest = max(largest, Double(logits[n])) }
        var sum = 0.0
        for n in 0..<count { sum += exp(Double(logits[n]) - largest) }
        let logSum = largest + log(sum)
        var loss = 0.0, all = 0.0
        for n in 0..<count {
            let share = ((1 - smoothing) * Double(targets[n]) + smoothing / Double(count)) * weight(n)
            loss += share * (logSum - Double(logits[n]))
            all += share
            gradient[n] = Float(share)
        }
        for n in 0..<count {
            gradient[n] = Float(exp(Double(logits[n]) - logSum) * all - Double(gradient[n]))
        }
        return loss
    }

    private func sigmoidLoss(
        _ logits: UnsafePointer<Float>, _ targets: UnsafePointer<Float>, _ count: Int,
        _ gradient: UnsafeMutablePointer<Float>
    ) -> Double {
        var loss = 0.0
        for n in 0..<count {
            let x = Double(logits[n])
            let target = (1 - smoothing) * Double(targets[n]) + smoothing / 2
            // −log σ(x) and −log(1 − σ(x)), without a difference of large numbers.
            let rest = log1p(exp(-abs(x)))
            let yes = max(-x, 0) + rest, no = max(x, 0) + rest
            let probability = 1 / (1 + exp(-x))
            loss += weight(n) * target * yes + (1 - target) * no
            gradient[n] = Float((1 - target) * probability - weight(n) * target * (1 - probability))
        }
        return loss
    }
}
