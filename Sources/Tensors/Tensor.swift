/// An n-dimensional array of 32-bit floats in row-major order.
///
///     let row = try Tensor(shape: [1, 3], scalars: [1, 2, 3])
///
/// A value: copies share their storage until one of them changes.
public struct Tensor: Sendable, Hashable {
    /// Extent of every dimension, outermost first. Empty for a single scalar.
    public let shape: [Int]
    /// The values, the last dimension contiguous; as many as the product of `shape`.
    public private(set) var scalars: [Float]

    /// A tensor of the given values.
    ///
    /// - Throws: `TensorError.shapeMismatch` when `shape` has a negative extent, overflows, or does not hold `scalars.count` values.
    public init(shape: [Int], scalars: [Float]) throws(TensorError) {
        guard Tensor.count(of: shape) == scalars.count else {
            throw .shapeMismatch(shape: shape, found: scalars.count)
        }
        self.shape = shape
        self.scalars = scalars
    }

    /// A vector.
    public init(_ scalars: [Float]) {
        self.shape = [scalars.count]
        self.scalars = scalars
    }

    /// A single value, of no dimensions.
    public init(scalar: Float) {
        shape = []
        scalars = [scalar]
    }

    /// Number of values.
    public var count: Int { scalars.count }

    /// The values under another shape of the same count.
    ///
    /// - Throws: `TensorError.shapeMismatch`.
    public func reshaped(_ shape: [Int]) throws(TensorError) -> Tensor {
        try Tensor(shape: shape, scalars: scalars)
    }

    /// The index of the first value that is NaN or infinite, or nil.
    public var firstNonFinite: Int? {
        scalars.firstIndex { !$0.isFinite }
    }

    /// How many values a shape holds; nil when an extent is negative or the product overflows.
    public static func count(of shape: [Int]) -> Int? {
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow else { return nil }
            count = product
        }
        return count
    }
}
