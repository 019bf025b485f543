import CKernels
public import Foundation

/// Which of the compute kernels run: the fastest the machine has, unless `NIGHTREAD_ISA` names another.
public enum InstructionSet: String, Codable, Sendable, Hashable, CaseIterable {
    /// No instruction beyond the compiler's baseline.
    case portable
    /// AVX2 with FMA: 8 floats at a time.
    case avx2
    /// AVX-512 F, BW, DQ and VL: 16 floats at a time.
    case avx512

    /// Those this machine can run, slowest first.
    public static let available: [InstructionSet] = allCases.filter(\.isAvailable)

    /// The fastest this machine can run.
    public static var fastest: InstructionSet { available.last ?? .portable }

    /// The one to use: `NIGHTREAD_ISA` in the environment, or the fastest.
    ///
    /// - Throws: `TensorError.unavailableInstructionSet` for a name that is unknown or that the machine cannot run.
    public static func selected(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(TensorError) -> InstructionSet {
        guard let name = environment["NIGHTREAD_ISA"], !name.isEmpty else { return fastest }
        guard let named = InstructionSet(rawValue: name.lowercased()), available.contains(named) else {
            throw .unavailableInstructionSet(name: name, available: available.map(\.rawValue))
        }
        return named
    }
}

extension InstructionSet {
    /// The C table of this set's kernels; nil where the machine cannot run them, or the set has none of that precision.
    func kernels(_ precision: Precision) -> UnsafePointer<nr_kernels>? {
        switch (self, precision) {
        case (.portable, .f32): nr_kernels_portable()
        case (.portable, .bf16): nr_kernels_portable_bf16()
        case (.avx2, .f32): nr_kernels_avx2()
        case (.avx2, .bf16): nil
        case (.avx512, .f32): nr_kernels_avx512()
        case (.avx512, .bf16): nr_kernels_avx512_bf16()
        }
    }

    fileprivate var isAvailable: Bool { kernels(.f32) != nil }
}
