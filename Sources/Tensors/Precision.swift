import CKernels

/// What a network computes in.
public enum Precision: String, Codable, Sendable, Hashable, CaseIterable {
    /// IEEE 754 binary32 throughout.
    case f32
    /// Matrices and maps in bfloat16, the upper half of a float; sums, biases and activations in float. About 1.6 times as
    /// fast where the machine has the instructions.
    case bf16

    /// Whether weights of this precision can be packed for `set` and run in the machine's own instructions.
    public func runs(on set: InstructionSet) -> Bool {
        self == .f32 || (set == .avx512 && set.kernels(.bf16) != nil)
    }

    /// This precision where `set` has the instructions, float elsewhere.
    public func effective(on set: InstructionSet) -> Precision { runs(on: set) ? self : .f32 }

    /// What to tell a user who asked for this precision where `set` computes in another; nil where it does not.
    public func note(on set: InstructionSet) -> String? {
        guard !runs(on: set) else { return nil }
        return
            "precision \(rawValue): the kernels in use (\(set.rawValue)) have no instructions for it: expected AVX-512 "
            + "BF16; computing in \(effective(on: set).rawValue)"
    }

    /// Products per second that one core reaches when it does nothing but multiply, in this precision's own instruction.
    public func peak(on set: InstructionSet) -> Double {
        guard let kernels = set.kernels(self) else { return 0 }
        _ = kernels.pointee.peak(100_000)
        return (0..<20).reduce(0) { best, _ in
            let start = ContinuousClock.now
            let products = kernels.pointee.peak(100_000)
            return max(best, Double(products) / ((ContinuousClock.now - start) / .seconds(1)))
        }
    }

    /// 32-bit words that `count` values of a map take.
    public func words(_ count: Int) -> Int { self == .bf16 ? (count + 1) / 2 : count }
}
