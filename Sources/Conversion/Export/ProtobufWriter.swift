import Foundation

/// Writes protocol buffers' wire format: as much of it as an ONNX model needs.
///
/// Source: protobuf.dev/programming-guides/encoding.
struct ProtobufWriter {
    private(set) var data = Data()

    /// A field of a varint.
    mutating func add(_ field: Int, _ value: Int) {
        varint(UInt64(field) << 3)
        varint(UInt64(bitPattern: Int64(value)))
    }

    /// A field of 32 bits.
    mutating func add(_ field: Int, _ value: Float) {
        varint(UInt64(field) << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) }
    }

    /// A field of text.
    mutating func add(_ field: Int, _ text: String) { add(field, bytes: Data(text.utf8)) }

    /// A field of bytes.
    mutating func add(_ field: Int, bytes: Data) {
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(bytes.count))
        data.append(bytes)
    }

    /// A field that is a message.
    mutating func add(_ field: Int, _ message: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        message(&inner)
        add(field, bytes: inner.data)
    }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            data.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        data.append(UInt8(rest))
    }
}
