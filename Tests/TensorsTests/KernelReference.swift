import CKernels
import Foundation
import Testing

@testable import Tensors

/// A small generator with a seed, for test data only (SplitMix64; Steele, Lea & Flood 2014).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var x = state
        x = (x ^ (x >> 30)) &* 0xBF58_476D_1CE4_E5B9
        x = (x ^ (x >> 27)) &* 0x94D0_49BB_1331_11EB
        return x ^ (x >> 31)
    }

    mutating func floats(_ count: Int, _ range: ClosedRange<Float> = -1...1) -> [Float] {
        (0..<count).map { _ in Float.random(in: range, using: &self) }
    }
}

/// A buffer between two zones that nothing may write into.
final class GuardedBuffer {
    static let zone = 64
    static let mark: Float = -12345.678

    let storage: UnsafeMutablePointer<Float>
    let count: Int

    init(_ values: [Float]) {
        count = values.count
        // On a cache line's boundary, as the network's own memory.
        storage = UnsafeMutableRawPointer.allocate(
            byteCount: 4 * (count + 2 * Self.zone), alignment: 64
        ).bindMemory(to: Float.self, capacity: count + 2 * Self.zone)
        storage.initialize(repeating: Self.mark, count: count + 2 * Self.zone)
        for (index, value) in values.enumerated() { storage[Self.zone + index] = value }
    }

    convenience init(count: Int) {
        self.init([Float](repeating: 7777, count: count))
    }

    deinit { storage.deallocate() }

    var pointer: UnsafeMutablePointer<Float> { storage + Self.zone }
    var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
    var isIntact: Bool {
        (0..<Self.zone).allSatisfy { storage[$0] == Self.mark && storage[Self.zone + count + $0] == Self.mark }
    }
}

/// One table of kernels that this machine can run: an instruction set and a precision.
struct KernelTable: Sendable, CustomStringConvertible {
    let isa: InstructionSet
    let precision: Precision

    /// Every table there is here; bfloat16 in plain C too, so that no machine leaves that path untested.
    static let available: [KernelTable] = InstructionSet.available.flatMap { isa in
        Precision.allCases.compactMap { isa.kernels($0) == nil ? nil : KernelTable(isa: isa, precision: $0) }
    }

    var description: String { "\(isa.rawValue) \(precision.rawValue)" }
    var kernels: UnsafePointer<nr_kernels> {
        get throws { try #require(isa.kernels(precision)) }
    }

    /// How far a result may be from its definition, relative to the larger of 1 and it: half a unit in the last place of a
    /// bfloat16 number is 2^-9.
    func tolerance(_ float: Double) -> Double { precision == .bf16 ? 6e-3 : float }

    /// How far the activation of `x` may be from `expected`, relative to the larger of 1 and it.
    func activationTolerance(_ x: Float, _ expected: Double) -> Double {
        guard precision == .bf16 else {
            // exp(−x) of a float x: the rounding of x · log2 e grows with |x|.
            return 3e-6 + 4e-8 * Double(x.isFinite ? min(abs(x), 90) : 0)
        }
        // As swish_table.h has it: below its end swish is 0; sigmoid comes within 1.5e-4.
        return x < -7.7 ? 2.8e-3 : 1.5e-4 + 9e-4 * min(abs(expected), 1)
    }

    /// What is left of a value once it is stored in a map or a matrix.
    func stored(_ value: Float) -> Float {
        guard precision == .bf16 else { return value }
        var half: UInt16 = 0
        var result: Float = 0
        nr_convert_f32_bf16([value], &half, 1)
        nr_convert_bf16_f32(&half, &result, 1)
        return result
    }

    func stored(_ values: [Float]) -> [Float] { values.map(stored) }

    /// A map of values, as the kernels read it.
    func map(_ values: [Float]) -> GuardedBuffer {
        guard precision == .bf16 else { return GuardedBuffer(values) }
        let buffer = GuardedBuffer(count: precision.words(values.count))
        nr_convert_f32_bf16(values, buffer.pointer, values.count)
        return buffer
    }

    /// Room for a map of `count` values.
    func map(count: Int) -> GuardedBuffer { GuardedBuffer(count: precision.words(count)) }

    /// A map's values.
    func values(_ map: GuardedBuffer, count: Int) -> [Float] {
        guard precision == .bf16 else { return map.values }
        var values = [Float](repeating: 0, count: count)
        nr_convert_bf16_f32(map.pointer, &values, count)
        return values
    }

    /// A matrix [columns][depth], packed.
    func pack(_ matrix: [Float], columns: Int, depth: Int) throws -> GuardedBuffer {
        let packed = GuardedBuffer(count: nr_packed_words(try kernels, columns, depth))
        nr_pack(try kernels, matrix, [Float](repeating: 1, count: columns), packed.pointer, columns, depth)
        return packed
    }
}

/// The kernels' definitions, in double precision, one loop per index.
enum KernelReference {
    static func swish(_ x: Double) -> Double { x * sigmoid(x) }
    static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    static func activate(_ x: Double, _ activation: Int) -> Double {
        switch activation {
        case Int(NR_SWISH.rawValue): swish(x)
        case Int(NR_RELU.rawValue): x < 0 ? 0 : x
        case Int(NR_RELU6.rawValue): x < 0 ? 0 : x > 6 ? 6 : x
        case Int(NR_SIGMOID.rawValue): sigmoid(x)
        default: x
        }
    }

    /// `matrix` is [columns][depth].
    static func gemm(
        _ a: [Float], _ matrix: [Float], bias: [Float], residual: [Float]?, rows: Int, columns: Int, depth: Int,
        activation: Int
    ) -> [Double] {
        var result = [Double](repeating: 0, count: rows * columns)
        for m in 0..<rows {
            for n in 0..<columns {
                var sum = Double(bias[n])
                for k in 0..<depth { sum += Double(a[m * depth + k]) * Double(matrix[n * depth + k]) }
                result[m * columns + n] = activate(sum, activation) + Double(residual?[m * columns + n] ?? 0)
            }
        }
        return result
    }

    /// A map [height][width][inputs] and weights [channels][kernel · kernel][inputs].
    static func convolution(
        _ map: [Float], height: Int, width: Int, inputs: Int, weights: [Float], bias: [Float], kernel: Int, stride: Int,
        top: Int, left: Int, outputHeight: Int, outputWidth: Int, activation: Int
    ) -> [Double] {
        var result: [Double] = []
        for y in 0..<outputHeight {
            for x in 0..<outputWidth {
                for c in bias.indices {
                    var sum = Double(bias[c])
                    for tap in 0..<kernel * kernel {
                        let (sy, sx) = (y * stride + tap / kernel - top, x * stride + tap % kernel - left)
                        guard (0..<height).contains(sy), (0..<width).contains(sx) else { continue }
                        for i in 0..<inputs {
                            sum +=
                                Double(map[(sy * width + sx) * inputs + i])
                                * Double(weights[(c * kernel * kernel + tap) * inputs + i])
                        }
                    }
                    result.append(activate(sum, activation))
                }
            }
        }
        return result
    }

    /// A map [height][width][channels] and taps [channels][kernel · kernel].
    static func depthwise(
        _ map: [Double], height: Int, width: Int, channels: Int, taps: [Float], bias: [Float], kernel: Int, stride: Int,
        top: Int, left: Int, outputHeight: Int, outputWidth: Int, activation: Int
    ) -> [Double] {
        var result = [Double](repeating: 0, count: outputHeight * outputWidth * channels)
        for y in 0..<outputHeight {
            for x in 0..<outputWidth {
                for c in 0..<channels {
                    var sum = Double(bias[c])
                    for ky in 0..<kernel {
                        for kx in 0..<kernel {
                            let (sy, sx) = (y * stride + ky - top, x * stride + kx - left)
                            guard (0..<height).contains(sy), (0..<width).contains(sx) else { continue }
                            sum += map[(sy * width + sx) * channels + c] * Double(taps[(c * kernel + ky) * kernel + kx])
                        }
                    }
                    result[(y * outputWidth + x) * channels + c] = activate(sum, activation)
                }
            }
        }
        return result
    }

    /// Compares within float rounding; NaN must be in the same places.
    static func agrees(_ found: [Float], _ expected: [Double], tolerance: Double = 2e-5) -> Bool {
        found.count == expected.count
            && zip(found, expected).allSatisfy { found, expected in
                if expected.isNaN || found.isNaN { return expected.isNaN && found.isNaN }
                if expected.isInfinite || found.isInfinite { return Double(found) == expected }
                return abs(Double(found) - expected) <= tolerance * max(1, abs(expected))
            }
    }
}
