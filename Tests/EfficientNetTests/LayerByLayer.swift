import Foundation

@testable import EfficientNet

/// A forward pass that follows the list of layers one by one, in [H, W, C], with no thought of speed.
final class LayerByLayer {
    private let description: NetworkDescription
    private let weights: Weights

    init(description: NetworkDescription, weights: Weights) {
        self.description = description
        self.weights = weights
    }

    func forward(_ image: [Float], height: Int, width: Int) -> [Float] {
        let layers = description.architecture.layers(
            height: height, width: width, head: description.head, labels: description.labels)
        var size = (height: height, width: width)
        var map = [Float](repeating: 0, count: image.count)
        for c in 0..<3 {
            for i in 0..<height * width { map[i * 3 + c] = image[c * height * width + i] }
        }
        var blockInput: [Float] = []
        var unscaled: [Float] = []
        var block = ""
        for layer in layers {
            let prefix = layer.name.split(separator: ".").prefix(3).joined(separator: ".")
            if layer.name.hasPrefix("blocks."), prefix != block {
                block = prefix
                blockInput = map
            }
            switch layer.operation {
            case .input, .flatten, .dropout: break
            case .convolution(let input, let output, let kernel, let stride, let groups):
                map = convolution(
                    map, size, input: input, output: output, kernel: kernel, stride: stride, depthwise: groups > 1,
                    weights["\(layer.name).weight"])
                size = (layer.output[0], layer.output[1])
            case .pointwise(let input, let output), .dense(let input, let output):
                let matrix = weights["\(layer.name).weight"]
                let bias = weights["\(layer.name).bias"]
                map = (0..<output).map { o in
                    var sum = bias[o]
                    for i in 0..<input { sum += matrix[o * input + i] * map[i] }
                    return sum
                }
            case .batchNorm(let channels):
                let (gamma, beta) = (weights["\(layer.name).weight"], weights["\(layer.name).bias"])
                let (mean, variance) = (weights["\(layer.name).running_mean"], weights["\(layer.name).running_var"])
                let scale = (0..<channels).map {
                    gamma[$0] / (variance[$0] + Float(description.batchNormEpsilon)).squareRoot()
                }
                for i in map.indices {
                    let c = i % channels
                    map[i] = (map[i] - mean[c]) * scale[c] + beta[c]
                }
            case .swish: map = map.map { $0 / (1 + exp(-$0)) }
            case .relu6: map = map.map { $0 < 0 ? 0 : min($0, 6) }
            case .relu: map = map.map { $0 < 0 ? 0 : $0 }
            case .sigmoid: map = map.map { 1 / (1 + exp(-$0)) }
            case .globalAverage:
                unscaled = map
                let channels = layer.output[0]
                var sums = [Float](repeating: 0, count: channels)
                for i in map.indices { sums[i % channels] += map[i] }
                map = sums.map { $0 / Float(size.height * size.width) }
            case .scale:
                let scale = map
                map = unscaled.indices.map { unscaled[$0] * scale[$0 % scale.count] }
            case .residual:
                for i in map.indices { map[i] += blockInput[i] }
            }
        }
        return map
    }

    private func convolution(
        _ map: [Float], _ size: (height: Int, width: Int), input: Int, output: Int, kernel: Int, stride: Int,
        depthwise: Bool, _ matrix: [Float]
    ) -> [Float] {
        let padding = description.architecture.padding
        let top = padding.zeros(size: size.height, kernel: kernel, stride: stride).before
        let left = padding.zeros(size: size.width, kernel: kernel, stride: stride).before
        let (rows, columns) = ((size.height + stride - 1) / stride, (size.width + stride - 1) / stride)
        var result = [Float](repeating: 0, count: rows * columns * output)
        let inputs = depthwise ? 1 : input
        let area = kernel * kernel
        for y in 0..<rows {
            for x in 0..<columns {
                for ky in 0..<kernel {
                    let sourceY = y * stride + ky - top
                    guard (0..<size.height).contains(sourceY) else { continue }
                    for kx in 0..<kernel {
                        let sourceX = x * stride + kx - left
                        guard (0..<size.width).contains(sourceX) else { continue }
                        let from = (sourceY * size.width + sourceX) * input
                        let to = (y * columns + x) * output
                        for o in 0..<output {
                            var sum: Float = 0
                            for i in 0..<inputs {
                                sum +=
                                    map[from + (depthwise ? o : i)] * matrix[(o * inputs + i) * area + ky * kernel + kx]
                            }
                            result[to + o] += sum
                        }
                    }
                }
            }
        }
        return result
    }
}
