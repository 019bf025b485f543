/// Writes zip archives of stored entries (APPNOTE 6.3), so that tests can say what is wrong in one.
public enum ZipWriter {
    /// An archive; `claim` replaces the sizes that it says an entry has.
    public static func archive(_ entries: [(name: String, bytes: [UInt8])], claim: [String: UInt32] = [:]) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = UInt32(file.count)
            let size = claim[entry.name] ?? UInt32(entry.bytes.count)
            let name = Array(entry.name.utf8)
            // Version, flags, method, time, date, CRC, sizes packed and unpacked, lengths of name and extra field.
            let common =
                words16([20, 0, 0, 0, 0x21]) + words32([crc(entry.bytes), size, size])
                + words16([UInt16(name.count), 0])
            file += words32([0x0403_4B50]) + common + name + entry.bytes
            directory +=
                words32([0x0201_4B50]) + words16([20]) + common + words16([0, 0, 0]) + words32([0, offset]) + name
        }
        let start = UInt32(file.count)
        return file + directory + words32([0x0605_4B50])
            + words16([0, 0, UInt16(entries.count), UInt16(entries.count)])
            + words32([UInt32(directory.count), start]) + words16([0])
    }

    /// CRC-32 of ISO 3309.
    public static func crc(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(0xFFFF_FFFF as UInt32) { crc, byte in
            table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8
        }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 != 0 ? 0xEDB8_8320 ^ crc >> 1 : crc >> 1 }
    }

    private static func words16(_ words: [UInt16]) -> [UInt8] {
        words.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    }

    private static func words32(_ words: [UInt32]) -> [UInt8] {
        words.flatMap { word in (0..<4).map { UInt8(word >> (8 * $0) & 0xFF) } }
    }
}
