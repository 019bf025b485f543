import CKernels

/// All weights of a network in one block of memory, packed for one instruction set's kernels.
///
/// Nothing in it is an address: a matrix is an offset, so that the block can be written to a file or shared between
/// processes as it is. Immutable once built, hence safe to share between threads.
public final class PackedWeights: @unchecked Sendable {
    // Sendable: `memory` is written by the builder alone, before this object exists.
    let memory: FloatMemory
    /// The instruction set whose kernels can read this.
    public let instructionSet: InstructionSet
    let kernels: UnsafePointer<nr_kernels>

    fileprivate init(memory: FloatMemory, instructionSet: InstructionSet, kernels: UnsafePointer<nr_kernels>) {
        self.memory = memory
        self.instructionSet = instructionSet
        self.kernels = kernels
    }

    /// A matrix of the block with its bias: what a 1×1 convolution or a dense layer multiplies with.
    public struct Matrix: Sendable, Hashable {
        let weights: Int
        let bias: Int
        /// Values in.
        public let depth: Int
        /// Values out, rounded up to a multiple of 8; those added are zero.
        public let columns: Int
    }

    /// A depthwise layer's weights, [kernel · kernel][channels], with its bias.
    public struct Taps: Sendable, Hashable {
        let weights: Int
        let bias: Int
        /// Channels in and out.
        public let channels: Int
        /// Side of the kernel, 3 or 5.
        public let kernel: Int
    }

    /// Packs weights one layer after the other.
    ///
    /// `capacity` is the number of floats all layers need together; see `size(depth:columns:)` and `size(taps:channels:)`.
    public struct Builder: ~Copyable {
        private let memory: FloatMemory
        private let instructionSet: InstructionSet
        private let kernels: UnsafePointer<nr_kernels>
        private var used = 0

        /// A builder for a machine's instruction set.
        ///
        /// - Throws: `TensorError.unavailableInstructionSet`.
        public init(capacity: Int, instructionSet: InstructionSet) throws(TensorError) {
            guard let kernels = instructionSet.kernels else {
                throw .unavailableInstructionSet(
                    name: instructionSet.rawValue, available: InstructionSet.available.map(\.rawValue))
            }
            self.memory = FloatMemory(count: capacity)
            self.instructionSet = instructionSet
            self.kernels = kernels
        }

        /// Floats that a matrix with its bias needs.
        public static func size(depth: Int, columns: Int) -> Int {
            Layout.padded(depth * Layout.columns(columns)) + Layout.padded(Layout.columns(columns))
        }

        /// Floats that a depthwise layer with its bias needs.
        public static func size(kernel: Int, channels: Int) -> Int {
            Layout.padded(kernel * kernel * channels) + Layout.padded(channels)
        }

        /// Adds a matrix [columns][depth]; row n is multiplied by `scale[n]`.
        public mutating func add(_ matrix: [Float], scale: [Float], bias: [Float]) -> Matrix {
            let columns = scale.count
            precondition(bias.count == columns && columns > 0 && matrix.count % columns == 0)
            let depth = matrix.count / columns
            let padded = Layout.columns(columns)
            let weights = take(depth * padded)
            nr_pack(kernels, matrix, scale, memory.pointer(weights, depth * padded), columns, depth)
            let offset = add(bias, room: padded)
            return Matrix(weights: weights, bias: offset, depth: depth, columns: padded)
        }

        /// Adds depthwise weights [channels][kernel · kernel]; channel c is multiplied by `scale[c]`.
        public mutating func add(taps: [Float], kernel: Int, scale: [Float], bias: [Float]) -> Taps {
            let channels = scale.count
            let area = kernel * kernel
            precondition(taps.count == channels * area && bias.count == channels && channels % 8 == 0)
            let weights = take(area * channels)
            let target = memory.pointer(weights, area * channels)
            for channel in 0..<channels {
                for tap in 0..<area { target[tap * channels + channel] = taps[channel * area + tap] * scale[channel] }
            }
            return Taps(weights: weights, bias: add(bias, room: channels), channels: channels, kernel: kernel)
        }

        /// The finished block.
        public consuming func finish() -> PackedWeights {
            PackedWeights(memory: memory, instructionSet: instructionSet, kernels: kernels)
        }

        private mutating func add(_ values: [Float], room: Int) -> Int {
            let offset = take(room)
            memory.pointer(offset, values.count).update(from: values, count: values.count)
            return offset
        }

        private mutating func take(_ count: Int) -> Int {
            defer { used += Layout.padded(count) }
            return used
        }
    }
}

/// How floats are laid out for the kernels.
enum Layout {
    /// Output channels are stored in multiples of 8.
    static func columns(_ count: Int) -> Int { (count + 7) / 8 * 8 }
    /// Regions begin on a cache line's boundary.
    static func padded(_ count: Int) -> Int { (count + 15) / 16 * 16 }
}
