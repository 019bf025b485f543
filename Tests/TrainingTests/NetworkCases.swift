import Foundation
import Tensors
import WeightFixtures

@testable import EfficientNet
@testable import Training

/// Small networks with every kind of block, for comparisons with the reference.
enum NetworkCases {
    private static func network(
        _ stages: [BaseNetwork.Stage], activation: Architecture.Activation = .swish, squeezes: Bool = true,
        stem: Int = 8,
        padding: ModelManifest.Padding
    ) -> Architecture {
        Architecture(
            BaseNetwork(
                stem: stem, features: 56, stages: stages, activation: activation, squeezes: squeezes, keepsWidth: false),
            width: 1, depth: 1, padding: padding)
    }

    private static let mbConv = [
        BaseNetwork.Stage(expansion: 1, stride: 1, channels: 8, repeats: 2),
        BaseNetwork.Stage(expansion: 6, stride: 2, channels: 16, repeats: 2),
        BaseNetwork.Stage(expansion: 7, kernel: 5, stride: 2, channels: 24, repeats: 2),
        BaseNetwork.Stage(expansion: 1, kernel: 5, stride: 1, channels: 40, repeats: 1),
    ]

    /// MBConv with squeeze-and-excite, as in B0.
    static func original(_ padding: ModelManifest.Padding) -> Architecture {
        network(mbConv, stem: 16, padding: padding)
    }

    /// MBConv with ReLU6 and nothing else, as in Lite.
    static func lite(_ padding: ModelManifest.Padding) -> Architecture {
        network(mbConv, activation: .relu6, squeezes: false, stem: 16, padding: padding)
    }

    /// Plain convolutions, fused blocks, then MBConv, as in V2.
    static func second(_ padding: ModelManifest.Padding) -> Architecture {
        network(
            [
                BaseNetwork.Stage(kind: .convolution, expansion: 1, stride: 1, channels: 8, repeats: 2),
                BaseNetwork.Stage(kind: .fused, expansion: 4, stride: 2, channels: 16, repeats: 2),
                BaseNetwork.Stage(expansion: 4, stride: 2, channels: 24, repeats: 2),
            ], padding: padding)
    }

    /// A plain convolution that reads the stem itself.
    static func widening(_ padding: ModelManifest.Padding) -> Architecture {
        network(
            [
                BaseNetwork.Stage(kind: .convolution, expansion: 1, stride: 2, channels: 16, repeats: 1),
                BaseNetwork.Stage(kind: .fused, expansion: 2, stride: 1, channels: 24, repeats: 1),
            ], padding: padding)
    }

    static func description(
        _ architecture: Architecture, head: ModelManifest.Head = .linear, labels: Int = 5, side: Int = 33
    ) -> NetworkDescription {
        NetworkDescription(
            architecture: architecture, batchNormEpsilon: architecture.padding.batchNormEpsilon, head: head,
            labels: labels, resolution: side)
    }

    static func weights(_ parameters: [String: [Double]], _ description: NetworkDescription) throws -> Weights {
        var tensors: [String: Tensor] = [:]
        for parameter in description.parameters {
            tensors[parameter.name] = try Tensor(
                shape: parameter.shape, scalars: parameters.needed(parameter.name).map { Float($0) })
        }
        return try Weights(tensors, parameters: description.parameters)
    }

    static func images(_ count: Int, side: Int, seed: UInt64) -> [Float] {
        SeededWeights.uniform("images", seed: seed, count: count * 3 * side * side).map { Float(2 * $0) }
    }

    /// One class each, in turn.
    static func targets(_ count: Int, labels: Int) -> [Float] {
        (0..<count * labels).map { $0 % labels == ($0 / labels * 3 + 1) % labels ? 1 : 0 }
    }

    static func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// The distance of two tensors, relative to the second's norm or to `scale`.
    static func distance(_ found: [Float], _ expected: [Double], scale: Double? = nil) -> Double {
        guard found.count == expected.count else { return .infinity }
        return norm(zip(found, expected).map { Double($0) - $1 }) / (scale ?? norm(expected))
    }
}

extension Trainer {
    func gradient(_ entry: ParameterLayout.Entry) -> [Float] {
        entry.range.map { machine.gradients[$0] }
    }

    func weight(_ entry: ParameterLayout.Entry) -> [Float] {
        entry.range.map { machine.weights[$0] }
    }
}
