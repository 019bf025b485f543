import Foundation

@testable import EfficientNet

/// A batch of maps, [N][H][W][C], or of vectors (H and W are 1), in double precision.
struct Values {
    var count: Int
    var height: Int
    var width: Int
    var channels: Int
    var data: [Double]

    init(_ count: Int, _ height: Int, _ width: Int, _ channels: Int, _ data: [Double]? = nil) {
        self.count = count
        self.height = height
        self.width = width
        self.channels = channels
        self.data = data ?? [Double](repeating: 0, count: count * height * width * channels)
    }

    func place(_ n: Int, _ y: Int, _ x: Int, _ c: Int) -> Int { ((n * height + y) * width + x) * channels + c }
}

/// Every layer of the network and its backward pass by definition, in double precision, one plain loop per index.
///
/// `GradientTests` checks each backward pass by central differences.
struct ReferenceLayer {
    let operation: Layer.Operation
    var padding = ModelManifest.Padding.same
    var epsilon = 1e-3
    /// Whether batch norm takes the running statistics.
    var isFrozen = false
    /// What a residual's block (by sample) or dropout (by value) is multiplied with; empty: 1.
    var factors: [Double] = []

    /// What a backward pass gives.
    struct Gradients {
        var input: [Double]
        var side: [Double] = []
        var parameters: [String: [Double]] = [:]
    }

    private typealias Window = (kernel: Int, stride: Int, top: Int, left: Int)

    private func window(_ x: Values, kernel: Int, stride: Int) -> Window {
        (
            kernel, stride, padding.zeros(size: x.height, kernel: kernel, stride: stride).before,
            padding.zeros(size: x.width, kernel: kernel, stride: stride).before
        )
    }

    /// Calls `body` for every pair of an input and an output that a weight joins.
    private func forEachProduct(
        _ x: Values, _ y: Values, groups: Int, _ window: Window, _ body: (_ x: Int, _ w: Int, _ y: Int) -> Void
    ) {
        let (inputs, outputs) = (x.channels / groups, y.channels / groups)
        for n in 0..<y.count {
            for oy in 0..<y.height {
                for ox in 0..<y.width {
                    for ky in 0..<window.kernel {
                        for kx in 0..<window.kernel {
                            let iy = oy * window.stride + ky - window.top
                            let ix = ox * window.stride + kx - window.left
                            guard (0..<x.height).contains(iy), (0..<x.width).contains(ix) else { continue }
                            for o in 0..<y.channels {
                                for i in 0..<inputs {
                                    let weight = ((o * inputs + i) * window.kernel + ky) * window.kernel + kx
                                    body(
                                        x.place(n, iy, ix, o / outputs * inputs + i), weight, y.place(n, oy, ox, o))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Mean and variance of each channel over the batch.
    static func moments(_ x: Values) -> (mean: [Double], variance: [Double]) {
        let total = Double(x.data.count / x.channels)
        var mean = [Double](repeating: 0, count: x.channels), variance = mean
        for (i, value) in x.data.enumerated() { mean[i % x.channels] += value / total }
        for (i, value) in x.data.enumerated() {
            variance[i % x.channels] += (value - mean[i % x.channels]) * (value - mean[i % x.channels]) / total
        }
        return (mean, variance)
    }

    private func statistics(_ x: Values, _ parameters: [String: [Double]]) -> (mean: [Double], inverse: [Double]) {
        let own = Self.moments(x)
        let mean = isFrozen ? parameters.needed("running_mean") : own.mean
        let variance = isFrozen ? parameters.needed("running_var") : own.variance
        return (mean, variance.map { 1 / ($0 + epsilon).squareRoot() })
    }

    /// The factors, one for each value.
    private func factors(_ x: Values) -> [Double] {
        x.data.indices.map { factors.isEmpty ? 1 : factors[$0 * factors.count / x.data.count] }
    }

    func forward(_ x: Values, side: Values? = nil, _ parameters: [String: [Double]] = [:]) -> Values {
        var y = x
        switch operation {
        case .input: break
        case .dropout: y.data = zip(x.data, factors(x)).map(*)
        case .convolution(_, let outputs, let kernel, let stride, let groups):
            y = Values(x.count, (x.height + stride - 1) / stride, (x.width + stride - 1) / stride, outputs)
            let weights = parameters.needed("weight")
            var sums = y.data
            forEachProduct(x, y, groups: groups, window(x, kernel: kernel, stride: stride)) { i, w, o in
                sums[o] += x.data[i] * weights[w]
            }
            y.data = sums
        case .pointwise(let inputs, let outputs), .dense(let inputs, let outputs):
            y = Values(x.count, 1, 1, outputs)
            for n in 0..<x.count {
                for o in 0..<outputs {
                    var sum = parameters.needed("bias")[o]
                    for i in 0..<inputs { sum += x.data[n * inputs + i] * parameters.needed("weight")[o * inputs + i] }
                    y.data[n * outputs + o] = sum
                }
            }
        case .batchNorm(let channels):
            let (mean, inverse) = statistics(x, parameters)
            for i in x.data.indices {
                let c = i % channels
                let normalised = (x.data[i] - mean[c]) * inverse[c]
                y.data[i] = normalised * parameters.needed("weight")[c] + parameters.needed("bias")[c]
            }
        case .swish: y.data = x.data.map { $0 / (1 + exp(-$0)) }
        case .relu6: y.data = x.data.map { min(max($0, 0), 6) }
        case .relu: y.data = x.data.map { max($0, 0) }
        case .sigmoid: y.data = x.data.map { 1 / (1 + exp(-$0)) }
        case .globalAverage:
            y = Values(x.count, 1, 1, x.channels)
            let area = x.height * x.width
            for i in x.data.indices {
                y.data[i / (area * x.channels) * x.channels + i % x.channels] += x.data[i] / Double(area)
            }
        case .flatten: y = Values(x.count, 1, 1, x.data.count / x.count, x.data)
        case .scale:
            y = side ?? x
            let area = y.height * y.width
            for i in y.data.indices {
                y.data[i] *= x.data[i / (area * y.channels) * y.channels + i % y.channels]
            }
        case .residual: y.data = zip(zip(x.data, factors(x)).map(*), (side ?? x).data).map(+)
        }
        return y
    }

    func backward(
        _ x: Values, side: Values? = nil, _ parameters: [String: [Double]] = [:], _ dy: Values
    ) -> Gradients {
        var result = Gradients(input: dy.data)
        func chain(_ slope: (Double) -> Double) { result.input = zip(x.data, dy.data).map { slope($0) * $1 } }
        switch operation {
        case .input: break
        case .dropout: result.input = zip(dy.data, factors(dy)).map(*)
        case .convolution(_, _, let kernel, let stride, let groups):
            let weights = parameters.needed("weight")
            var dx = [Double](repeating: 0, count: x.data.count), dw = [Double](repeating: 0, count: weights.count)
            forEachProduct(x, dy, groups: groups, window(x, kernel: kernel, stride: stride)) { i, w, o in
                dx[i] += weights[w] * dy.data[o]
                dw[w] += x.data[i] * dy.data[o]
            }
            result.input = dx
            result.parameters["weight"] = dw
        case .pointwise(let inputs, let outputs), .dense(let inputs, let outputs):
            var dx = [Double](repeating: 0, count: x.data.count)
            var dw = [Double](repeating: 0, count: inputs * outputs), db = [Double](repeating: 0, count: outputs)
            for n in 0..<x.count {
                for o in 0..<outputs {
                    let d = dy.data[n * outputs + o]
                    db[o] += d
                    for i in 0..<inputs {
                        dx[n * inputs + i] += d * parameters.needed("weight")[o * inputs + i]
                        dw[o * inputs + i] += d * x.data[n * inputs + i]
                    }
                }
            }
            result.input = dx
            result.parameters = ["weight": dw, "bias": db]
        case .batchNorm(let channels):
            let (mean, inverse) = statistics(x, parameters)
            let weight = parameters.needed("weight")
            var dw = [Double](repeating: 0, count: channels), db = dw
            for i in x.data.indices {
                let c = i % channels
                db[c] += dy.data[i]
                dw[c] += dy.data[i] * (x.data[i] - mean[c]) * inverse[c]
            }
            let total = Double(x.data.count / channels)
            for i in x.data.indices {
                let c = i % channels
                let own = (x.data[i] - mean[c]) * inverse[c]
                let through = isFrozen ? 0 : db[c] / total + own * dw[c] / total
                result.input[i] = weight[c] * inverse[c] * (dy.data[i] - through)
            }
            result.parameters = ["weight": dw, "bias": db]
        case .swish:
            chain { x in
                let s = 1 / (1 + exp(-x))
                return s + x * s * (1 - s)
            }
        case .relu6: chain { $0 > 0 && $0 < 6 ? 1 : 0 }
        case .relu: chain { $0 > 0 ? 1 : 0 }
        case .sigmoid:
            chain { x in
                let s = 1 / (1 + exp(-x))
                return s * (1 - s)
            }
        case .globalAverage:
            let area = x.height * x.width
            result.input = x.data.indices.map { i in
                dy.data[i / (area * x.channels) * x.channels + i % x.channels] / Double(area)
            }
        case .flatten: break
        case .scale:
            let area = dy.height * dy.width
            result.input = [Double](repeating: 0, count: x.data.count)
            result.side = dy.data
            for i in dy.data.indices {
                let gate = i / (area * dy.channels) * dy.channels + i % dy.channels
                result.input[gate] += dy.data[i] * (side ?? x).data[i]
                result.side[i] *= x.data[gate]
            }
        case .residual:
            result.side = dy.data
            result.input = zip(dy.data, factors(dy)).map(*)
        }
        return result
    }
}

extension [String: [Double]] {
    /// What is kept under `name`; a reference without it is a mistake of the test.
    func needed(_ name: String) -> [Double] {
        guard let values = self[name] else { preconditionFailure("the test gives no \(name)") }
        return values
    }
}
