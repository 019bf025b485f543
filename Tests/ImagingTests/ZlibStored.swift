/// A zlib stream (RFC 1950) of stored blocks, so that nothing is to be understood of how it is packed.
func zlibStored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    for start in stride(from: 0, to: bytes.count, by: 65_535) {
        let part = bytes[start..<min(start + 65_535, bytes.count)]
        let size = UInt16(part.count)
        stream.append(start + part.count == bytes.count ? 1 : 0)
        for number in [size, ~size] { stream += [UInt8(number & 255), UInt8(number >> 8)] }
        stream += part
    }
    let sum = adler(bytes)
    return stream + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> $0) }
}

private func adler(_ bytes: [UInt8]) -> UInt32 {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
        a = (a + UInt32(byte)) % 65_521
        b = (b + a) % 65_521
    }
    return b << 16 | a
}
