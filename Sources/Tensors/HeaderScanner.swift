/// A scanner for the JSON that a safetensors header may hold: objects, strings, and arrays of non-negative integers.
///
/// Nothing here recurses into what the file says; objects nest as deep as the calling code writes them.
struct HeaderScanner {
    /// Names longer than this are refused; the longest in use is 40 characters.
    static let stringLimit = 4096

    private let path: String
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    init(path: String, bytes: ArraySlice<UInt8>) {
        self.path = path
        self.bytes = bytes
        self.position = bytes.startIndex
    }

    /// `{ "key": …, … }`; `member` scans one value.
    mutating func object(
        _ member: (_ key: String, _ scanner: inout HeaderScanner) throws(TensorError) -> Void
    ) throws(TensorError) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try member(key, &self)
        } while take(",")
        try expect("}")
    }

    /// `[1, 2, …]` of at most `limit` non-negative integers.
    mutating func integers(limit: Int) throws(TensorError) -> [Int] {
        try expect("[")
        if take("]") { return [] }
        var values: [Int] = []
        repeat {
            guard values.count < limit else { throw error("at most \(limit) numbers", "more") }
            values.append(try integer())
        } while take(",")
        try expect("]")
        return values
    }

    /// `"…"` with JSON's escapes.
    mutating func string() throws(TensorError) -> String {
        try expect("\"")
        var scalars: [UInt8] = []
        while position < bytes.endIndex, scalars.count <= Self.stringLimit {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: scalars, as: UTF8.self) else {
                    throw error("text in UTF-8", "other bytes")
                }
                return text
            case UInt8(ascii: "\\"): try scalars.append(contentsOf: escape())
            case 0..<0x20: throw error("no control characters in a string", "byte \(byte)")
            default: scalars.append(byte)
            }
        }
        throw error("the end of a string within \(Self.stringLimit) bytes", "none")
    }

    /// Only spaces may follow (the format pads the header with them).
    mutating func end() throws(TensorError) {
        skipSpace()
        guard position == bytes.endIndex else { throw error("the end of the header", "more text") }
    }

    private mutating func escape() throws(TensorError) -> [UInt8] {
        guard position < bytes.endIndex else { throw error("an escape", "the end of the header") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [8]
        case UInt8(ascii: "f"): return [12]
        case UInt8(ascii: "n"): return [10]
        case UInt8(ascii: "r"): return [13]
        case UInt8(ascii: "t"): return [9]
        case UInt8(ascii: "u"):
            var unit = try hexadecimal()
            if (0xD800..<0xDC00).contains(unit), bytes[position...].starts(with: Array("\\u".utf8)) {
                position += 2
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw error("a low surrogate", "\(low)") }
                unit = 0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(unit) else { throw error("a Unicode scalar", "\(unit)") }
            return Array(String(Character(scalar)).utf8)
        default: throw error("a JSON escape", "byte \(byte)")
        }
    }

    private mutating func hexadecimal() throws(TensorError) -> UInt32 {
        let digits = bytes[position...].prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw error("four hexadecimal digits", "\(String(decoding: digits, as: UTF8.self))") }
        position += 4
        return value
    }

    private mutating func integer() throws(TensorError) -> Int {
        skipSpace()
        let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.prefix(20)
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw error("a whole number from 0 to \(Int.max)", foundHere)
        }
        position += digits.count
        return value
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(TensorError) {
        guard take(character) else { throw error("\"\(character)\"", foundHere) }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard position < bytes.endIndex, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while position < bytes.endIndex, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    private var foundHere: String {
        position < bytes.endIndex
            ? "\"\(String(decoding: bytes[position...].prefix(12), as: UTF8.self))\"" : "the end of the header"
    }

    private func error(_ expected: String, _ found: String) -> TensorError {
        .malformedHeader(
            path: path, expected: "\(expected) at byte \(position - bytes.startIndex) of the header", found: found)
    }
}
