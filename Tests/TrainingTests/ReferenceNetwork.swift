import Foundation
import WeightFixtures

@testable import EfficientNet

/// A whole network of `ReferenceLayer`s: the loss of a batch and its gradient, in double precision.
struct ReferenceNetwork {
    let description: NetworkDescription
    let layers: [Layer]
    /// By name.
    var parameters: [String: [Double]]
    var isFrozen = false
    /// By layer: see `ReferenceLayer.factors`.
    var factors: [String: [Double]] = [:]

    init(_ description: NetworkDescription, _ parameters: [String: [Double]]) {
        self.description = description
        self.parameters = parameters
        layers = description.architecture.layers(
            height: description.resolution, width: description.resolution, head: description.head,
            labels: description.labels)
    }

    /// Weights that a formula makes, so that every number takes part.
    static func parameters(_ description: NetworkDescription, seed: UInt64) -> [String: [Double]] {
        var result: [String: [Double]] = [:]
        for parameter in description.parameters {
            let values = SeededWeights.uniform(parameter.name, seed: seed, count: parameter.count)
            let isScale = parameter.name.hasSuffix(".weight") || parameter.name.hasSuffix("running_var")
            let fan = Double(parameter.shape.dropFirst().reduce(1, *))
            // Rounded to a float, as the trainer has them.
            result[parameter.name] = values.map { value in
                parameter.shape.count > 1
                    ? Double(Float(value * (6 / fan).squareRoot()))
                    : Double(Float(isScale ? 1 + 0.3 * value : 0.2 * value))
            }
        }
        return result
    }

    private func own(_ layer: Layer) -> [String: [Double]] {
        var result: [String: [Double]] = [:]
        for parameter in layer.parameters {
            result[String(parameter.name.dropFirst(layer.name.count + 1))] = parameters[parameter.name]
        }
        return result
    }

    private func reference(_ layer: Layer) -> ReferenceLayer {
        ReferenceLayer(
            operation: layer.operation, padding: description.architecture.padding,
            epsilon: description.batchNormEpsilon, isFrozen: isFrozen, factors: factors[layer.name] ?? [])
    }

    /// The layer whose output a layer reads beside the one before it.
    private func side(_ index: Int) -> Int? {
        let name = layers[index].name
        switch layers[index].operation {
        case .scale:
            // se.squeeze reads the block's map.
            let squeeze = name.replacingOccurrences(of: "se.scale", with: "se.squeeze")
            return layers.firstIndex { $0.name == squeeze }.map { $0 - 1 }
        case .residual:
            let block = name.dropLast("add".count)
            return layers.firstIndex { $0.name.hasPrefix(block) }.map { $0 - 1 }
        default: return nil
        }
    }

    /// Every layer's output; `images` are [N, 3, H, W].
    func forward(_ images: [Float], count: Int) -> [Values] {
        let side = description.resolution
        var outputs: [Values] = []
        for (index, layer) in layers.enumerated() {
            if case .input = layer.operation {
                var input = Values(count, side, side, 3)
                for n in 0..<count {
                    for c in 0..<3 {
                        for y in 0..<side {
                            for x in 0..<side {
                                input.data[input.place(n, y, x, c)] = Double(
                                    images[((n * 3 + c) * side + y) * side + x])
                            }
                        }
                    }
                }
                outputs.append(input)
            } else {
                outputs.append(
                    reference(layer).forward(
                        outputs[index - 1], side: self.side(index).map { outputs[$0] }, own(layer)))
            }
        }
        return outputs
    }

    /// Gradients by name, from the one of the logits.
    func backward(_ outputs: [Values], _ logitsGradient: [Double]) -> [String: [Double]] {
        var pending = outputs.map { [Double](repeating: 0, count: $0.data.count) }
        pending[pending.count - 1] = logitsGradient
        var result: [String: [Double]] = [:]
        for index in layers.indices.reversed() where index > 0 {
            var gradient = outputs[index]
            gradient.data = pending[index]
            let found = reference(layers[index]).backward(
                outputs[index - 1], side: side(index).map { outputs[$0] }, own(layers[index]), gradient)
            pending[index - 1] = zip(pending[index - 1], found.input).map(+)
            if let side = side(index) { pending[side] = zip(pending[side], found.side).map(+) }
            for (suffix, values) in found.parameters { result["\(layers[index].name).\(suffix)"] = values }
        }
        return result
    }

    /// Running statistics after the batch, by name (momentum in PyTorch's sense, variance without bias).
    func statistics(_ outputs: [Values], momentum: Double) -> [String: [Double]] {
        var result: [String: [Double]] = [:]
        for (index, layer) in layers.enumerated() {
            guard case .batchNorm = layer.operation else { continue }
            let input = outputs[index - 1]
            let (mean, variance) = ReferenceLayer.moments(input)
            let total = Double(input.data.count / input.channels)
            func mix(_ name: String, _ values: [Double]) {
                result[name] = zip(parameters.needed(name), values).map { (1 - momentum) * $0 + momentum * $1 }
            }
            mix("\(layer.name).running_mean", mean)
            mix("\(layer.name).running_var", variance.map { $0 * total / (total - 1) })
        }
        return result
    }
}

/// Losses as PyTorch documents them, in double precision; gradients by central differences.
enum ReferenceLoss {
    /// CrossEntropyLoss(weight, label_smoothing), targets one-hot; or BCEWithLogitsLoss(pos_weight).
    static func value(
        isSoftmax: Bool, _ logits: [Double], _ targets: [Double], labels: Int, smoothing: Double, weights: [Double]
    ) -> Double {
        var sum = 0.0, norm = 0.0
        for first in stride(from: 0, to: logits.count, by: labels) {
            let x = Array(logits[first..<first + labels]), t = Array(targets[first..<first + labels])
            if isSoftmax {
                let total = x.reduce(0) { $0 + exp($1) }
                for c in 0..<labels {
                    let q = (1 - smoothing) * t[c] + smoothing / Double(labels)
                    sum -= q * weights[c] * log(exp(x[c]) / total)
                    norm += t[c] * weights[c]
                }
            } else {
                for c in 0..<labels {
                    let q = (1 - smoothing) * t[c] + smoothing / 2, p = 1 / (1 + exp(-x[c]))
                    sum -= weights[c] * q * log(p) + (1 - q) * log(1 - p)
                    norm += 1
                }
            }
        }
        return sum / norm
    }

    static func gradient(_ logits: [Double], _ value: ([Double]) -> Double) -> [Double] {
        logits.indices.map { i in
            var up = logits, down = logits
            up[i] += 1e-5
            down[i] -= 1e-5
            return (value(up) - value(down)) / 2e-5
        }
    }
}
