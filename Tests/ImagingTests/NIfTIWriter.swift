import Foundation

/// Writes NIfTI-1 files field by field, so that each test can say exactly what is in its file (or wrong with it).
struct NIfTIWriter {
    /// The header, 352 bytes with the four that say that no extension follows.
    var header = [UInt8](repeating: 0, count: 352)
    var samples: [UInt8]
    private let isBigEndian: Bool

    /// A volume of 8-bit samples (or `bits` of the NIfTI data type `kind`) without any form: axes are right, front, head.
    init(_ size: [Int] = [3, 2, 2], kind: Int = 2, bits: Int = 8, bigEndian: Bool = false, _ samples: [UInt8]? = nil) {
        isBigEndian = bigEndian
        self.samples = samples ?? (0..<size.reduce(1, *) * bits / 8).map { UInt8(truncatingIfNeeded: $0) }
        set(0, Int32(348))
        set(40, Int16(size.count))
        for axis in 0..<7 { set(42 + 2 * axis, Int16(axis < size.count ? size[axis] : 1)) }
        set(70, Int16(kind))
        set(72, Int16(bits))
        for axis in 0..<8 { set(76 + 4 * axis, Float(1)) }
        set(108, Float(352))
        set(123, UInt8(2))
        header.replaceSubrange(344..<348, with: Array("n+1\0".utf8))
    }

    /// Puts a field of the header at its place in nifti1.h.
    mutating func set<T: FixedWidthInteger>(_ offset: Int, _ value: T) {
        withUnsafeBytes(of: isBigEndian ? value.bigEndian : value.littleEndian) {
            header.replaceSubrange(offset..<offset + $0.count, with: $0)
        }
    }

    mutating func set(_ offset: Int, _ value: Float) {
        set(offset, value.bitPattern)
    }

    /// The sform: directions of the three storage axes, as rows of the matrix.
    mutating func setForm(_ rows: [[Float]], code: Int16 = 1) {
        set(254, code)
        for (row, values) in rows.enumerated() {
            for (column, value) in values.enumerated() { set(280 + 16 * row + 4 * column, value) }
        }
    }

    func file() -> [UInt8] { header + samples }

    /// The file in one gzip member of stored blocks: no compressor is needed, and every byte has its known place.
    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var packed: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        for start in stride(from: 0, to: max(bytes.count, 1), by: 60_000) {
            let part = bytes[start..<min(bytes.count, start + 60_000)]
            let count = [UInt8(part.count & 255), UInt8(part.count >> 8)]
            packed += [start + 60_000 >= bytes.count ? 1 : 0] + count + count.map { ~$0 } + part
        }
        return packed + little(checksum(bytes)) + little(UInt32(truncatingIfNeeded: bytes.count))
    }

    private static func little(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }

    /// CRC-32 as gzip has it (RFC 1952).
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
    }
}
