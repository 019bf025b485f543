/// Random numbers by position: the same for the same seed, whichever thread asks, in whatever order.
enum Draws {
    /// In 0..<1 (SplitMix64's finaliser; Steele, Lea & Flood 2014).
    static func uniform(_ seed: UInt64, stream: UInt64, position: UInt64) -> Double {
        let mixed = mix(seed &+ mix(stream &+ 0x9E37_79B9_7F4A_7C15) &+ position &* 0x9E37_79B9_7F4A_7C15)
        return Double(mixed >> 11) / Double(1 << 53)
    }

    static func mix(_ value: UInt64) -> UInt64 {
        var x = value &+ 0x9E37_79B9_7F4A_7C15
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }
}
