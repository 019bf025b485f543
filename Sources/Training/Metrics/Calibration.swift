import EfficientNet
import Foundation

/// How well probabilities keep what they promise.
///
/// Softmax: the most probable label's probability against how often it is right (Guo et al. 2017, arXiv 1706.04599). Sigmoid: every
/// label's probability against how often the label is there.
public struct Calibration: Sendable, Hashable, Codable {
    /// One bin of the reliability diagram.
    public struct Bin: Sendable, Hashable, Codable {
        /// Predictions in the bin.
        public let count: Int
        /// Their mean probability; 0 in an empty bin.
        public let confidence: Double
        /// The share of them that came true; 0 in an empty bin.
        public let accuracy: Double
    }

    /// Bins of equal width over 0…1, each with its upper end.
    public static let binCount = 15

    /// Expected calibration error: mean |accuracy − confidence| over all predictions, in 0…1.
    public let error: Double
    /// Mean negative log-likelihood, in nats: of a scan's class (softmax), of a label's presence (sigmoid).
    public let logLoss: Double
    /// From the least probable to the most.
    public let bins: [Bin]

    private enum CodingKeys: String, CodingKey {
        case error, bins
        case logLoss = "log_loss"
    }

    /// The calibration of `predictions` whose logits are divided by `temperature`.
    public init(_ predictions: Predictions, temperature: Double) {
        var count = [Int](repeating: 0, count: Self.binCount)
        var confidence = [Double](repeating: 0, count: Self.binCount)
        var right = [Double](repeating: 0, count: Self.binCount)
        func add(_ probability: Double, _ isRight: Bool) {
            let place = (probability * Double(Self.binCount)).rounded(.up)
            let bin = min(max(Int(place.isNaN ? 0 : place) - 1, 0), Self.binCount - 1)
            count[bin] += 1
            confidence[bin] += probability
            right[bin] += isRight ? 1 : 0
        }
        for scan in 0..<predictions.count {
            let probabilities = predictions.probabilities(scan, temperature: temperature)
            switch predictions.activation {
            case .softmax:
                let call = Predictions.largest(probabilities)
                add(probabilities[call], predictions.truths[scan].contains(call))
            case .sigmoid:
                for (label, probability) in probabilities.enumerated() {
                    add(probability, predictions.truths[scan].contains(label))
                }
            }
        }
        let total = Double(max(count.reduce(0, +), 1))
        error = (0..<Self.binCount).reduce(0) { $0 + abs(right[$1] - confidence[$1]) / total }
        bins = (0..<Self.binCount).map { bin in
            let all = Double(max(count[bin], 1))
            return Bin(count: count[bin], confidence: confidence[bin] / all, accuracy: right[bin] / all)
        }
        logLoss = Temperature.loss(predictions, inverse: 1 / temperature).value
    }
}

/// Temperature scaling: the one number that logits are divided by so that probabilities keep what they promise.
public enum Temperature {
    /// What is found lies in this range; a validation set without a single error would ask for 0.
    public static let range = 0.05...20.0

    /// The temperature with the least mean negative log-likelihood on `predictions`; 1 without any.
    ///
    /// The loss is convex in 1 / T, so that its slope has one zero: found by halving, to 1e-12.
    public static func fit(_ predictions: Predictions) -> Double {
        guard predictions.count > 0 else { return 1 }
        var low = log(1 / range.upperBound), high = log(1 / range.lowerBound)
        if loss(predictions, inverse: exp(low)).slope >= 0 { return range.upperBound }
        if loss(predictions, inverse: exp(high)).slope <= 0 { return range.lowerBound }
        for _ in 0..<48 {
            let middle = (low + high) / 2
            if loss(predictions, inverse: exp(middle)).slope > 0 { high = middle } else { low = middle }
        }
        return exp(-(low + high) / 2)
    }

    /// What a model gets of `fit`: never under 1 where there is not one mistake. Such scans would have it as sure as can be, and cannot
    /// know that.
    public static func chosen(by predictions: Predictions) -> Double {
        let isFaultless = predictions.mistakes(temperature: 1, thresholds: [:]).isEmpty
        return max(fit(predictions), isFaultless ? 1 : range.lowerBound)
    }

    /// Mean negative log-likelihood and its derivative by `inverse`, 1 / T.
    static func loss(_ predictions: Predictions, inverse: Double) -> (value: Double, slope: Double) {
        var value = 0.0, slope = 0.0
        for scan in 0..<predictions.count {
            let logits = predictions.logits(scan).map { Double($0) }
            let truth = predictions.truths[scan]
            switch predictions.activation {
            case .softmax:
                guard let largest = logits.max(), let right = truth.first else { continue }
                let powers = logits.map { exp(($0 - largest) * inverse) }
                let sum = powers.reduce(0, +)
                value += log(sum) + (largest - logits[right]) * inverse
                slope += zip(powers, logits).reduce(0) { $0 + $1.0 * $1.1 } / sum - logits[right]
            case .sigmoid:
                for (label, logit) in logits.enumerated() {
                    let x = logit * inverse, isThere = truth.contains(label)
                    value += max(isThere ? -x : x, 0) + log1p(exp(-abs(x)))
                    slope += (1 / (1 + exp(-x)) - (isThere ? 1 : 0)) * logit
                }
            }
        }
        let all = Double(
            max(
                predictions.activation == .softmax ? predictions.count : predictions.count * predictions.labels.count, 1
            ))
        return (value / all, slope / all)
    }
}
