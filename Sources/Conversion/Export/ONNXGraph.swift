import Foundation
import Tensors

/// An ONNX graph in the making, written as it grows. Field numbers: onnx/onnx.proto of ONNX 1.16, operators of opset 13.
struct ONNXGraph {
    /// An attribute of a node.
    enum Attribute {
        case integer(Int)
        case float(Float)
        case text(String)
        case integers([Int])
    }

    private var nodes: [Data] = []
    private var initializers: [Data] = []

    /// Adds a node and returns its output's name.
    mutating func node(
        _ operation: String, _ name: String, _ inputs: [String],
        _ attributes: KeyValuePairs<String, Attribute> = [:]
    ) -> String {
        var writer = ProtobufWriter()
        for input in inputs { writer.add(1, input) }
        writer.add(2, name)
        writer.add(3, name)
        writer.add(4, operation)
        for (key, value) in attributes {
            writer.add(5) { attribute in
                attribute.add(1, key)
                switch value {
                case .float(let value):
                    attribute.add(2, value)
                    attribute.add(20, 1)
                case .integer(let value):
                    attribute.add(3, value)
                    attribute.add(20, 2)
                case .text(let value):
                    attribute.add(4, value)
                    attribute.add(20, 3)
                case .integers(let values):
                    for value in values { attribute.add(8, value) }
                    attribute.add(20, 7)
                }
            }
        }
        nodes.append(writer.data)
        return name
    }

    /// Adds numbers and returns their name.
    @discardableResult
    mutating func constant(_ name: String, _ tensor: Tensor) -> String {
        var writer = ProtobufWriter()
        for extent in tensor.shape { writer.add(1, extent) }
        writer.add(2, 1)  // FLOAT
        writer.add(8, name)
        writer.add(9, bytes: tensor.scalars.withUnsafeBytes { Data($0) })
        initializers.append(writer.data)
        return name
    }

    /// The model: one input and one output, of floats, for any number of images.
    func model(
        input: (name: String, shape: [Int]), output: (name: String, shape: [Int]), producer: String,
        metadata: [(key: String, value: String)]
    ) -> Data {
        var writer = ProtobufWriter()
        writer.add(1, 7)  // IR version, of opset 13's time
        writer.add(2, producer)
        writer.add(7) { graph in
            for node in nodes { graph.add(1, bytes: node) }
            graph.add(2, "efficientnet")
            for initializer in initializers { graph.add(5, bytes: initializer) }
            graph.add(11) { Self.value(&$0, input.name, input.shape) }
            graph.add(12) { Self.value(&$0, output.name, output.shape) }
        }
        writer.add(8) { opset in
            opset.add(1, "")
            opset.add(2, 13)
        }
        for (key, value) in metadata {
            writer.add(14) { entry in
                entry.add(1, key)
                entry.add(2, value)
            }
        }
        return writer.data
    }

    private static func value(_ writer: inout ProtobufWriter, _ name: String, _ shape: [Int]) {
        writer.add(1, name)
        writer.add(2) { type in
            type.add(1) { tensor in
                tensor.add(1, 1)  // FLOAT
                tensor.add(2) { extents in
                    extents.add(1) { $0.add(2, "N") }
                    for extent in shape { extents.add(1) { $0.add(1, extent) } }
                }
            }
        }
    }
}
