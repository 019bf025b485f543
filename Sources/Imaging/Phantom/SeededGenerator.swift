/// A small random generator whose whole sequence follows from its seed: SplitMix64 (Steele, Lea & Flood 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Starts the sequence of `seed`; `stream` gives independent sequences of the same seed.
    public init(seed: UInt64, stream: UInt64 = 0) {
        state = seed &* 0xD134_2543_DE82_EF95 &+ stream
        // One step apart, neighbouring streams no longer resemble each other.
        state = next()
    }

    /// The next 64 bits of the sequence.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number drawn evenly from `range`.
    public mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        let unit = Double(next() >> 11) * 0x1p-53
        return range.lowerBound + unit * (range.upperBound - range.lowerBound)
    }

    /// A number drawn from the normal distribution with mean 0 and standard deviation 1, as the sum of twelve even ones
    /// (Irwin–Hall): no logarithm, the same on every platform.
    public mutating func normal() -> Double {
        var sum = 0.0
        for _ in 0..<3 {
            let bits = next()
            for shift in stride(from: 0, to: 64, by: 16) {
                sum += Double((bits >> UInt64(shift)) & 0xFFFF) + 0.5
            }
        }
        return sum / 65_536 - 6
    }
}
