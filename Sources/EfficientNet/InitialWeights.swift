import Foundation
public import Tensors

/// The weights that training from nothing starts from (tensorflow/tpu `efficientnet_model.py`): convolutions normal with standard
/// deviation √(2 / fan out), dense layers uniform in ±1/√outputs, batch norm and biases as they change nothing.
public enum InitialWeights {
    /// One tensor per parameter of `manifest`; the same generator gives the same weights.
    public static func make(
        for manifest: ModelManifest, using random: inout some RandomNumberGenerator
    ) throws(EfficientNetError) -> [String: Tensor] {
        var weights: [String: Tensor] = [:]
        for parameter in manifest.parameters {
            let values = values(of: parameter, using: &random)
            do throws(TensorError) {
                weights[parameter.name] = try Tensor(shape: parameter.shape, scalars: values)
            } catch {
                throw .tensors(error)
            }
        }
        return weights
    }

    private static func values(
        of parameter: Layer.Parameter, using random: inout some RandomNumberGenerator
    ) -> [Float] {
        let shape = parameter.shape
        switch shape.count {
        case 4:
            // [out, in / groups, height, width]; a depthwise convolution has one output per group.
            let outputs = parameter.name.hasSuffix("conv_dw.weight") ? 1 : shape[0]
            let deviation = (2 / Double(outputs * shape[2] * shape[3])).squareRoot()
            return (0..<parameter.count).map { _ in Float(deviation * normal(&random)) }
        case 2:
            let bound = 1 / Double(shape[0]).squareRoot()
            return (0..<parameter.count).map { _ in Float(Double.random(in: -bound...bound, using: &random)) }
        default:
            let isScale = parameter.name.hasSuffix(".weight") || parameter.name.hasSuffix(".running_var")
            return [Float](repeating: isScale ? 1 : 0, count: parameter.count)
        }
    }

    /// Box & Muller 1958.
    private static func normal(_ random: inout some RandomNumberGenerator) -> Double {
        let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &random))).squareRoot()
        return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
    }
}
