import Testing
import WeightFixtures

@testable import EfficientNet

/// The reference's backward passes are what the trainer is compared with; they themselves are checked here.
@Suite("Backward passes by definition")
struct GradientTests {
    struct Case: Sendable, CustomStringConvertible {
        var operation: Layer.Operation
        var input: [Int]
        var side: [Int]?
        var padding = ModelManifest.Padding.same
        var isFrozen = false
        var factors: [Double] = []

        var description: String {
            "\(operation) of \(input)\(padding == .same ? "" : ", symmetric")\(isFrozen ? ", frozen" : "")"
        }
    }

    /// Every kind of layer; [N, H, W, C].
    static let cases: [Case] =
        ModelManifest.Padding.allCases.flatMap { padding in
            [
                Case(
                    operation: .convolution(input: 3, output: 4, kernel: 3, stride: 2, groups: 1), input: [2, 6, 7, 3],
                    padding: padding),
                Case(
                    operation: .convolution(input: 4, output: 3, kernel: 3, stride: 1, groups: 1), input: [2, 5, 4, 4],
                    padding: padding),
                Case(
                    operation: .convolution(input: 3, output: 3, kernel: 3, stride: 1, groups: 3), input: [2, 5, 6, 3],
                    padding: padding),
                Case(
                    operation: .convolution(input: 3, output: 3, kernel: 3, stride: 2, groups: 3), input: [2, 7, 6, 3],
                    padding: padding),
                Case(
                    operation: .convolution(input: 2, output: 2, kernel: 5, stride: 1, groups: 2), input: [2, 4, 7, 2],
                    padding: padding),
                Case(
                    operation: .convolution(input: 2, output: 2, kernel: 5, stride: 2, groups: 2), input: [1, 8, 9, 2],
                    padding: padding),
            ]
        } + [
            Case(
                operation: .convolution(input: 5, output: 4, kernel: 1, stride: 1, groups: 1), input: [2, 3, 4, 5]),
            Case(operation: .pointwise(input: 5, output: 3), input: [3, 1, 1, 5]),
            Case(operation: .dense(input: 4, output: 6), input: [3, 1, 1, 4]),
            Case(operation: .batchNorm(channels: 3), input: [2, 3, 4, 3]),
            Case(operation: .batchNorm(channels: 3), input: [2, 3, 4, 3], isFrozen: true),
            Case(operation: .swish, input: [2, 3, 4, 3]),
            Case(operation: .relu6, input: [2, 3, 4, 3]),
            Case(operation: .relu, input: [2, 3, 4, 3]),
            Case(operation: .sigmoid, input: [2, 1, 1, 3]),
            Case(operation: .globalAverage, input: [2, 3, 4, 3]),
            Case(operation: .flatten, input: [2, 3, 4, 3]),
            Case(operation: .scale, input: [2, 1, 1, 3], side: [2, 3, 4, 3]),
            Case(operation: .residual, input: [2, 3, 4, 3], side: [2, 3, 4, 3]),
            Case(operation: .residual, input: [3, 2, 2, 3], side: [3, 2, 2, 3], factors: [1.25, 0, 1.25]),
            Case(operation: .dropout, input: [2, 1, 1, 3], factors: [2, 0, 0, 2, 2, 0]),
        ]

    private func values(_ name: String, _ shape: [Int]) -> Values {
        // Up to 7, so that both ends of ReLU6 take part.
        let data = SeededWeights.uniform(name, seed: 11, count: shape.reduce(1, *)).map { 7 * $0 }
        return Values(shape[0], shape[1], shape[2], shape[3], data)
    }

    @Test("Every layer's backward pass is what central differences give", arguments: cases)
    func centralDifferences(_ test: Case) throws {
        let layer = ReferenceLayer(
            operation: test.operation, padding: test.padding, isFrozen: test.isFrozen,
            factors: test.factors)
        let x = values("x", test.input), side = test.side.map { values("side", $0) }
        var parameters: [String: [Double]] = [:]
        for parameter in Layer(name: "l", operation: test.operation, output: []).parameters {
            let isVariance = parameter.name == "l.running_var"
            parameters[String(parameter.name.dropFirst(2))] = SeededWeights.uniform(
                parameter.name, seed: 11, count: parameter.count
            ).map { isVariance ? 2 + $0 : $0 }
        }
        let weights = SeededWeights.uniform("sum", seed: 11, count: layer.forward(x, side: side, parameters).data.count)
        /// A sum of the outputs, each with a weight of its own: its gradient is theirs.
        func sum(_ x: Values, _ side: Values?, _ parameters: [String: [Double]]) -> Double {
            zip(layer.forward(x, side: side, parameters).data, weights).reduce(0) { $0 + $1.0 * $1.1 }
        }
        var dy = layer.forward(x, side: side, parameters)
        dy.data = weights
        let found = layer.backward(x, side: side, parameters, dy)

        func expect(_ gradient: [Double], _ name: String, _ moved: (_ index: Int, _ by: Double) -> Double) {
            let scale = gradient.reduce(1e-3) { max($0, abs($1)) }
            for index in gradient.indices {
                let h = 1e-5
                let difference = (moved(index, h) - moved(index, -h)) / (2 * h)
                #expect(
                    abs(gradient[index] - difference) < 1e-7 * scale,
                    "\(test): \(name)[\(index)] is \(gradient[index]), by differences \(difference)")
            }
        }
        expect(found.input, "input") { index, h in
            var moved = x
            moved.data[index] += h
            return sum(moved, side, parameters)
        }
        if let side {
            expect(found.side, "side") { index, h in
                var moved = side
                moved.data[index] += h
                return sum(x, moved, parameters)
            }
        }
        for (name, gradient) in found.parameters {
            expect(gradient, name) { index, h in
                var moved = parameters
                moved[name]?[index] += h
                return sum(x, side, moved)
            }
        }
    }
}
