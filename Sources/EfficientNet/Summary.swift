/// The layers of a network as a table for people: what each puts out and how many parameters it has.
public struct Summary: Sendable, Hashable, CustomStringConvertible {
    /// What the table is headed with.
    public let title: String
    /// All layers, in order.
    public let layers: [Layer]
    /// Parameters that training changes.
    public let trainable: Int
    /// Batch norm's running statistics.
    public let statistics: Int

    /// The summary of a variant at a side of `resolution` pixels; without `head` it ends with the last convolution's activation.
    public init(_ variant: Variant, head: ModelManifest.Head?, labels: Int, resolution: Int? = nil) {
        let side = resolution ?? variant.coefficients.resolution
        title = "\(variant.title), input \(side) × \(side) × 3"
        layers = Architecture(variant, padding: .symmetric)
            .layers(height: side, width: side, head: head, labels: labels)
        let parameters = layers.flatMap(\.parameters)
        trainable = parameters.filter(\.isTrainable).reduce(0) { $0 + $1.count }
        statistics = parameters.filter { !$0.isTrainable }.reduce(0) { $0 + $1.count }
    }

    /// The table, with a rule above and below the layers and the totals last.
    public var description: String {
        let rows = layers.map { layer in
            (
                "\(layer.name) (\(layer.operation.title))",
                "(\((["None"] + layer.output.map(String.init)).joined(separator: ", ")))",
                Self.grouped(layer.parameters.reduce(0) { $0 + $1.count })
            )
        }
        let header = ("Layer (type)", "Output Shape", "Param #")
        let widths = (
            (rows.map(\.0.count) + [header.0.count]).max() ?? 0, (rows.map(\.1.count) + [header.1.count]).max() ?? 0,
            (rows.map(\.2.count) + [header.2.count]).max() ?? 0
        )
        func line(_ row: (String, String, String)) -> String {
            " " + Self.padded(row.0, widths.0) + "  " + Self.padded(row.1, widths.1) + "  "
                + String(repeating: " ", count: widths.2 - row.2.count) + row.2
        }
        let rule = String(repeating: "─", count: widths.0 + widths.1 + widths.2 + 6)
        return
            ([title, rule, line(header), rule] + rows.map(line) + [
                rule,
                " Total params: \(Self.grouped(trainable + statistics))",
                " Trainable params: \(Self.grouped(trainable))",
                " Non-trainable params: \(Self.grouped(statistics))",
            ]).joined(separator: "\n")
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: width - text.count)
    }

    /// 4007548 as 4,007,548.
    static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        for position in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: position) }
        return String(digits)
    }
}

extension Layer.Operation {
    /// What a summary calls the operation.
    fileprivate var title: String {
        switch self {
        case .input: "Input"
        case .convolution(_, _, let kernel, let stride, let groups):
            "\(groups > 1 ? "Depthwise" : "Conv") \(kernel)×\(kernel)\(stride > 1 ? " / \(stride)" : "")"
        case .pointwise: "Conv 1×1 + bias"
        case .batchNorm: "BatchNorm"
        case .swish: "Swish"
        case .relu6: "ReLU6"
        case .relu: "ReLU"
        case .sigmoid: "Sigmoid"
        case .globalAverage: "GlobalAverage"
        case .flatten: "Flatten"
        case .scale: "Multiply"
        case .residual: "Add"
        case .dropout: "Dropout"
        case .dense: "Dense"
        }
    }
}
