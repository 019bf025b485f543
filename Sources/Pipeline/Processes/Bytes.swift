/// Builds a message's bytes, native byte order.
struct ByteWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes.append(contentsOf: $0) }
    }
}

/// Takes a message apart; every step checks that the bytes are there.
struct ByteReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func next<Number: FixedWidthInteger>(_: Number.Type) throws(ProtocolError) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - position >= size else { throw ProtocolError(reason: "a message of \(bytes.count) bytes") }
        defer { position += size }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Number.self) }
    }

    /// Everything that is left.
    mutating func rest() -> [UInt8] {
        defer { position = bytes.count }
        return Array(bytes[position...])
    }

    /// Checks that nothing is left.
    func finish() throws(ProtocolError) {
        guard position == bytes.count else {
            throw ProtocolError(reason: "\(bytes.count - position) bytes more than expected")
        }
    }
}
