public import EfficientNet
public import Foundation
import Tensors

/// A package's network as an ONNX model: input `input`, [N, 3, R, R], normalised as the package says; output `logits`, [N, labels].
public enum ONNXExport {
    /// The model's bytes. Batch norms stay layers of their own, with the package's epsilon; labels, activation, mean and std are in the
    /// model's metadata.
    ///
    /// - Throws: weights that are not finite.
    public static func model(of package: ModelPackage) throws(ConversionError) -> Data {
        let manifest = package.manifest
        let side = manifest.preprocessing.resolution
        let tensors: [String: Tensor]
        do throws(EfficientNetError) { tensors = try package.tensors() } catch { throw .model(error) }
        let layers = Architecture(manifest.variant, padding: manifest.padding)
            .layers(height: side, width: side, head: manifest.head, labels: manifest.labels.count)
        var builder = Builder(manifest, tensors: tensors)
        for layer in layers { builder.add(layer) }
        let list = { (values: [Double]) in values.map { "\($0)" }.joined(separator: ",") }
        return builder.graph.model(
            input: ("input", [3, side, side]), output: (builder.last, [manifest.labels.count]), producer: "nightread",
            metadata: [
                ("name", manifest.name), ("variant", manifest.variant.rawValue),
                ("labels", manifest.labels.joined(separator: "\n")), ("activation", manifest.activation.rawValue),
                ("temperature", "\(manifest.temperature)"), ("mean", list(manifest.preprocessing.mean)),
                ("std", list(manifest.preprocessing.std)), ("model_digest", package.digest),
            ])
    }

    /// Follows the layers one by one.
    private struct Builder {
        var graph = ONNXGraph()
        /// The output of the layer before.
        var last = "input"
        private let manifest: ModelManifest
        private let tensors: [String: Tensor]
        /// The block that layers are being added of, and its input.
        private var block = (name: "", input: "")
        /// The map that squeeze-and-excite scales.
        private var squeezed = ""

        init(_ manifest: ModelManifest, tensors: [String: Tensor]) {
            self.manifest = manifest
            self.tensors = tensors
        }

        mutating func add(_ layer: Layer) {
            let parts = layer.name.split(separator: ".")
            let name = parts.count > 3 || parts.last == "add" ? parts.prefix(3).joined(separator: ".") : ""
            if name != block.name { block = (name, last) }
            for parameter in layer.parameters {
                if let tensor = tensors[parameter.name] { graph.constant(parameter.name, tensor) }
            }
            let inputs = [last] + layer.parameters.map(\.name)
            switch layer.operation {
            case .input, .dropout: break
            case .convolution(_, _, let kernel, let stride, let groups):
                let padding: (String, ONNXGraph.Attribute) =
                    manifest.padding == .same
                    ? ("auto_pad", .text("SAME_UPPER"))
                    : ("pads", .integers([Int](repeating: kernel / 2, count: 4)))
                last = graph.node(
                    "Conv", layer.name, inputs,
                    KeyValuePairs(
                        dictionaryLiteral: ("kernel_shape", .integers([kernel, kernel])),
                        ("strides", .integers([stride, stride])), ("group", .integer(groups)), padding))
            case .pointwise: last = graph.node("Conv", layer.name, inputs, ["kernel_shape": .integers([1, 1])])
            case .batchNorm:
                last = graph.node(
                    "BatchNormalization", layer.name, inputs, ["epsilon": .float(Float(manifest.batchNormEpsilon))])
            case .swish:
                let gate = graph.node("Sigmoid", "\(layer.name).sigmoid", [last])
                last = graph.node("Mul", layer.name, [last, gate])
            case .relu6:
                let bounds = [("low", Float(0)), ("high", Float(6))].map { name, value in
                    graph.constant("\(layer.name).\(name)", Tensor(scalar: value))
                }
                last = graph.node("Clip", layer.name, [last] + bounds)
            case .relu: last = graph.node("Relu", layer.name, [last])
            case .sigmoid: last = graph.node("Sigmoid", layer.name, [last])
            case .globalAverage:
                squeezed = last
                last = graph.node("GlobalAveragePool", layer.name, [last])
                // The head's dense layers take vectors; squeeze-and-excite's 1×1 convolutions take maps of one pixel.
                if block.name.isEmpty { last = graph.node("Flatten", "\(layer.name).flatten", [last]) }
            case .flatten:
                let turned = graph.node(
                    "Transpose", "\(layer.name).order", [last], ["perm": .integers([0, 2, 3, 1])])
                last = graph.node("Flatten", layer.name, [turned])
            case .scale: last = graph.node("Mul", layer.name, [squeezed, last])
            case .residual: last = graph.node("Add", layer.name, [last, block.input])
            case .dense:
                let output = layer.name == "classifier" ? "logits" : layer.name
                last = graph.node("Gemm", output, inputs, ["transB": .integer(1)])
            }
        }
    }
}
