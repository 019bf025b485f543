/// Amounts of memory as people write them: `1073741824`, `1 GiB`, `500 MB`.
///
/// `KiB`, `MiB`, `GiB`, `TiB` are powers of 1024, `kB`, `MB`, `GB`, `TB` powers of 1000 (IEC 80000-13); case does not matter.
enum ByteSize {
    private static let units: [(name: String, factor: Double)] = [
        ("kib", 1024), ("mib", 1_048_576), ("gib", 1_073_741_824), ("tib", 1_099_511_627_776),
        ("kb", 1e3), ("mb", 1e6), ("gb", 1e9), ("tb", 1e12), ("b", 1),
    ]

    /// The bytes that `text` stands for; nil when it is none of these forms, negative, or 2^53 and more.
    static func bytes(_ text: String) -> UInt64? {
        let folded = text.lowercased().filter { !$0.isWhitespace && $0 != "_" }
        let unit = units.first { folded.hasSuffix($0.name) }
        let digits = unit.map { String(folded.dropLast($0.name.count)) } ?? folded
        guard digits.allSatisfy({ ("0"..."9").contains($0) || $0 == "." }), let number = Double(digits) else {
            return nil
        }
        let bytes = (number * (unit?.factor ?? 1)).rounded()
        guard bytes >= 0, bytes < 9_007_199_254_740_992 else { return nil }
        return UInt64(bytes)
    }

    /// A short form for people, in binary units: `1.5 GiB`.
    static func text(_ bytes: UInt64) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var value = Double(bytes)
        var unit = "B"
        for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
            value /= 1024
            unit = next
        }
        let tenths = (value * 10).rounded() / 10
        return tenths == tenths.rounded() ? "\(Int(tenths)) \(unit)" : "\(tenths) \(unit)"
    }
}
