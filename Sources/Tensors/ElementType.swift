/// How a tensor's elements are stored in a safetensors file; raw values are the format's own names.
public enum ElementType: String, Sendable, Hashable, CaseIterable {
    /// IEEE 754 binary32.
    case float32 = "F32"
    /// IEEE 754 binary16.
    case float16 = "F16"
    /// The upper half of a binary32.
    case bfloat16 = "BF16"
    /// Unsigned byte.
    case uint8 = "U8"
    /// Unsigned 16-bit integer.
    case uint16 = "U16"
    /// IEEE 754 binary64; rounded to binary32 where it is read.
    case float64 = "F64"
    /// Types that files of others hold and Nightread passes over (`num_batches_tracked` is one).
    case int64 = "I64"
    /// See ``int64``.
    case int32 = "I32"
    /// See ``int64``.
    case int16 = "I16"
    /// See ``int64``.
    case int8 = "I8"
    /// See ``int64``.
    case uint32 = "U32"
    /// See ``int64``.
    case uint64 = "U64"
    /// See ``int64``.
    case bool = "BOOL"

    /// Whether tensors of it are read as floats.
    public var isFloatingPoint: Bool {
        switch self {
        case .float32, .float16, .bfloat16, .float64: true
        default: false
        }
    }

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .float16, .bfloat16, .uint16, .int16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}
