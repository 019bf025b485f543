import Foundation
import Testing

@testable import EfficientNet

@Suite("Fresh weights")
struct InitialWeightsTests {
    private func statistics(_ values: [Float]) -> (mean: Double, deviation: Double) {
        let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
        let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
        return (mean, variance.squareRoot())
    }

    @Test("Convolutions have the deviations that the reference starts with, batch norm changes nothing")
    func deviations() throws {
        let labels = (0..<100).map { "label \($0)" }
        let manifest = ModelManifest(name: "new", variant: .b0, padding: .same, labels: labels)
        var random = SystemRandomNumberGenerator()
        let weights = try InitialWeights.make(for: manifest, using: &random)
        #expect(weights.count == manifest.parameters.count)
        // Outputs times kernel, or (dense) thrice the outputs: 2 / fan is the variance of the one, 1 / fan of the other.
        let fans: [(name: String, variance: Double)] = [
            ("conv_head.weight", 2.0 / 1280), ("blocks.5.1.conv_pw.weight", 2.0 / 1152),
            ("blocks.5.1.conv_dw.weight", 2.0 / 25), ("blocks.6.0.conv_dw.weight", 2.0 / 9),
            ("conv_stem.weight", 2.0 / 288), ("classifier.weight", 1.0 / 300),
        ]
        for (name, variance) in fans {
            let expected = variance.squareRoot()
            let values = try #require(weights[name]).scalars
            let found = statistics(values)
            let error = 4 / Double(values.count).squareRoot()
            #expect(abs(found.deviation / expected - 1) < error, "\(name): \(found), expected \(expected)")
            #expect(abs(found.mean) < error * expected, "\(name): \(found)")
        }
        #expect(weights["bn1.weight"]?.scalars.allSatisfy { $0 == 1 } == true)
        #expect(weights["bn1.running_var"]?.scalars.allSatisfy { $0 == 1 } == true)
        for name in ["bn1.bias", "bn1.running_mean", "classifier.bias", "blocks.1.0.se.conv_reduce.bias"] {
            #expect(weights[name]?.scalars.allSatisfy { $0 == 0 } == true, "\(name)")
        }
    }
}
