/// Writes PNG files of any filter, as the standard describes them (PNG 1.2): stored deflate blocks, so that nothing but the filters is to be
/// understood.
struct PNGWriter {
    var width: Int
    var height: Int
    /// 1 to 4, as Nightread counts them.
    var channels: Int
    /// 8 or 16.
    var depth: Int
    /// Filter of each row, in turn.
    var filters: [UInt8]
    /// Bytes of the data in one IDAT chunk.
    var chunk = 1 << 20
    /// Chunks before the data.
    var before: [(type: String, data: [UInt8])] = []
    /// Goes over all bytes of the zlib stream before their checksum is made.
    var spoil: (inout [UInt8]) -> Void = { _ in }

    private var pixel: Int { channels * depth / 8 }

    /// The file of a picture whose rows are `bytes`, 16-bit samples with their upper byte first.
    func file(_ bytes: [UInt8]) -> [UInt8] {
        var stream = zlibStored(filtered(bytes))
        spoil(&stream)
        var file: [UInt8] = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
        let colour: UInt8 = [0, 4, 2, 6][channels - 1]
        file += Self.chunk("IHDR", big(UInt32(width)) + big(UInt32(height)) + [UInt8(depth), colour, 0, 0, 0])
        for chunk in before { file += Self.chunk(chunk.type, chunk.data) }
        for start in stride(from: 0, to: stream.count, by: chunk) {
            file += Self.chunk("IDAT", Array(stream[start..<min(start + chunk, stream.count)]))
        }
        return file + Self.chunk("IEND", [])
    }

    private func filtered(_ bytes: [UInt8]) -> [UInt8] {
        let row = width * pixel
        func at(_ x: Int, _ y: Int) -> Int { x < 0 || y < 0 ? 0 : Int(bytes[y * row + x]) }
        var result: [UInt8] = []
        for y in 0..<height {
            let filter = filters[y % filters.count]
            result.append(filter)
            for x in 0..<row {
                let (a, b, c) = (at(x - pixel, y), at(x, y - 1), at(x - pixel, y - 1))
                let predicted =
                    switch filter {
                    case 1: a
                    case 2: b
                    case 3: (a + b) / 2
                    case 4: Self.paeth(a, b, c)
                    default: 0
                    }
                result.append(UInt8(truncatingIfNeeded: at(x, y) - predicted))
            }
        }
        return result
    }

    /// The standard's own words in code (6.6).
    static func paeth(_ a: Int, _ b: Int, _ c: Int) -> Int {
        let p = a + b - c
        let (pa, pb, pc) = (abs(p - a), abs(p - b), abs(p - c))
        return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
    }

    private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + data
        return big(UInt32(data.count)) + body + big(crc(body))
    }

    private static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xffff_ffff
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        }
        return ~crc
    }

    private func big(_ number: UInt32) -> [UInt8] { Self.big(number) }

    private static func big(_ number: UInt32) -> [UInt8] {
        [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
    }
}
