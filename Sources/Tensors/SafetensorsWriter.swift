public import Foundation

/// Writes safetensors files.
///
///     var writer = SafetensorsWriter()
///     writer.add("input", tensor)
///     try writer.write(to: url)
public struct SafetensorsWriter: Sendable {
    private struct Entry: Sendable {
        var name: String
        var type: ElementType
        var shape: [Int]
        var bytes: Data
    }

    private var entries: [Entry] = []

    /// An empty file.
    public init() {}

    /// Adds a tensor as F32, or rounded to nearest-even as F16 or BF16. A name added before is replaced.
    public mutating func add(_ name: String, _ tensor: Tensor, as precision: Precision = .float32) {
        set(Entry(name: name, type: precision.type, shape: tensor.shape, bytes: precision.encode(tensor.scalars)))
    }

    /// Adds a U8 tensor.
    ///
    /// - Throws: `TensorError.shapeMismatch`.
    public mutating func add(_ name: String, shape: [Int], bytes: [UInt8]) throws(TensorError) {
        guard Tensor.count(of: shape) == bytes.count else { throw .shapeMismatch(shape: shape, found: bytes.count) }
        set(Entry(name: name, type: .uint8, shape: shape, bytes: Data(bytes)))
    }

    /// Adds a U16 tensor.
    ///
    /// - Throws: `TensorError.shapeMismatch`.
    public mutating func add(_ name: String, shape: [Int], words: [UInt16]) throws(TensorError) {
        guard Tensor.count(of: shape) == words.count else { throw .shapeMismatch(shape: shape, found: words.count) }
        let bytes = words.map(\.littleEndian).withUnsafeBytes { Data($0) }
        set(Entry(name: name, type: .uint16, shape: shape, bytes: bytes))
    }

    /// How floats are stored.
    public enum Precision: String, Sendable, Hashable, CaseIterable {
        case float32 = "f32"
        case float16 = "f16"
        case bfloat16 = "bf16"

        var type: ElementType {
            switch self {
            case .float32: .float32
            case .float16: .float16
            case .bfloat16: .bfloat16
            }
        }

        func encode(_ scalars: [Float]) -> Data {
            FloatConversion.encode(scalars, type: type)
        }
    }

    /// The whole file: header padded with spaces to a multiple of 8, tensors in order of their names.
    public func serialized() -> Data {
        let ordered = entries.sorted { $0.name < $1.name }
        let header = Self.header(of: ordered.map { ($0.name, $0.type, $0.shape) })
        var data = Data(capacity: header.count + ordered.reduce(0) { $0 + $1.bytes.count })
        data.append(header)
        for entry in ordered { data.append(entry.bytes) }
        return data
    }

    /// What a file of these tensors begins with: length and header, padded with spaces to a multiple of 8. The tensors' bytes
    /// follow in the same order, without gaps.
    package static func header(of tensors: [(name: String, type: ElementType, shape: [Int])]) -> Data {
        var fields: [String] = []
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.shape.reduce(tensor.type.size, *)
            fields.append(
                "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":\(list(tensor.shape)),"
                    + "\"data_offsets\":\(list([offset, end]))}")
            offset = end
        }
        var header = Array("{\(fields.joined(separator: ","))}".utf8)
        header += [UInt8](repeating: 0x20, count: (8 - header.count % 8) % 8)
        var data = Data(capacity: 8 + header.count)
        withUnsafeBytes(of: UInt64(header.count).littleEndian) { data.append(contentsOf: $0) }
        data.append(contentsOf: header)
        return data
    }

    /// Writes the file beside its final name and renames it, so that no reader sees half of it.
    ///
    /// - Throws: `TensorError.cannotWrite`.
    public func write(to url: URL) throws(TensorError) {
        do {
            try serialized().write(to: url, options: .atomic)
        } catch {
            throw .cannotWrite(path: url.path(percentEncoded: false), reason: TensorError.reason(error))
        }
    }

    private mutating func set(_ entry: Entry) {
        entries.removeAll { $0.name == entry.name }
        entries.append(entry)
    }

    private static func list(_ values: [Int]) -> String {
        "[\(values.map(String.init).joined(separator: ","))]"
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\u{0}"..<"\u{20}":
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
