import CKernels
import Foundation

/// Elements of weight files as 32-bit floats, and back.
enum FloatConversion {
    /// Decodes F32, F16, BF16 or F64; `target` holds as many floats as `source` has elements.
    static func decode(
        _ source: UnsafeRawBufferPointer, type: ElementType, into target: UnsafeMutableBufferPointer<Float>
    ) {
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        switch type {
        case .float16: nr_convert_f16_f32(from, to, source.count / 2)
        case .bfloat16: nr_convert_bf16_f32(from, to, source.count / 2)
        case .float64:
            for index in 0..<source.count / 8 {
                to[index] = Float(source.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
            }
        default: UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
        }
    }

    /// Encodes as F32, F16 or BF16, rounding to nearest even.
    static func encode(_ scalars: [Float], type: ElementType) -> Data {
        guard type != .float32 else { return scalars.withUnsafeBytes { Data($0) } }
        let halves = [UInt16](unsafeUninitializedCapacity: scalars.count) { target, initialised in
            if let to = target.baseAddress {
                if type == .float16 {
                    nr_convert_f32_f16(scalars, to, scalars.count)
                } else {
                    nr_convert_f32_bf16(scalars, to, scalars.count)
                }
            }
            initialised = scalars.count
        }
        return halves.withUnsafeBytes { Data($0) }
    }
}
