/// Takes a pickle's bytes one after the other; every step checks that they are there.
struct PickleCursor {
    private let bytes: UnsafeRawBufferPointer
    private(set) var position: Int

    init(_ bytes: UnsafeRawBufferPointer, position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    var remaining: Int { bytes.count - position }

    mutating func byte() throws(ContainerError) -> UInt8 { try take(1)[0] }

    /// The next `count` bytes.
    mutating func take(_ count: Int) throws(ContainerError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= remaining else {
            throw ContainerError(
                "the pickle is cut short: expected \(count) bytes at byte \(position), found \(remaining)")
        }
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    /// A little-endian number.
    mutating func number<Number: FixedWidthInteger>(_: Number.Type) throws(ContainerError) -> Number {
        Number(littleEndian: try take(MemoryLayout<Number>.size).loadUnaligned(as: Number.self))
    }

    /// A length of up to 64 bits.
    mutating func length<Number: FixedWidthInteger>(_: Number.Type) throws(ContainerError) -> Int {
        Int(clamping: try number(Number.self))
    }

    /// Text up to the next line feed, which is taken too.
    mutating func line(limit: Int) throws(ContainerError) -> String {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[position..<min(position + limit, bytes.count)])
        guard let end = rest.firstIndex(of: 0x0A) else {
            throw ContainerError("the pickle is damaged: expected the end of a line after byte \(position)")
        }
        let text = try text(end)
        position += 1
        return text
    }

    /// Text of `count` bytes in UTF-8.
    mutating func text(_ count: Int) throws(ContainerError) -> String {
        let start = position
        guard let text = String(validating: try take(count), as: UTF8.self) else {
            throw ContainerError("the pickle is damaged: expected text in UTF-8 at byte \(start)")
        }
        return text
    }
}
