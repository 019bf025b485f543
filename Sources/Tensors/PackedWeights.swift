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
    /// What the maps' matrices are stored in, and maps will be, where a layer does not say otherwise.
    public let precision: Precision
    /// Takes maps of `precision`.
    let kernels: UnsafePointer<nr_kernels>
    /// Takes maps and single rows of floats.
    let floats: UnsafePointer<nr_kernels>

    fileprivate init(
        memory: FloatMemory, instructionSet: InstructionSet, precision: Precision, kernels: UnsafePointer<nr_kernels>,
        floats: UnsafePointer<nr_kernels>
    ) {
        self.memory = memory
        self.instructionSet = instructionSet
        self.precision = precision
        self.kernels = kernels
        self.floats = floats
    }

    /// The kernels for maps of `precision`: this block's own, or float.
    func kernels(for precision: Precision) -> UnsafePointer<nr_kernels> { precision == .f32 ? floats : kernels }

    /// Weights that another process has packed into memory that both share.
    ///
    /// - Throws: `TensorError.unavailableInstructionSet`.
    public convenience init(
        shared memory: FloatMemory, instructionSet: InstructionSet, precision: Precision
    ) throws(TensorError) {
        guard let kernels = instructionSet.kernels(precision), let floats = instructionSet.kernels(.f32) else {
            throw .unavailableInstructionSet(
                name: instructionSet.rawValue, available: InstructionSet.available.map(\.rawValue))
        }
        self.init(
            memory: memory, instructionSet: instructionSet, precision: precision, kernels: kernels, floats: floats)
    }

    /// A matrix of the block with its bias: what a 1×1 convolution or a dense layer multiplies with.
    public struct Matrix: Sendable, Hashable, Codable {
        let weights: Int
        let bias: Int
        /// Words that the weights take.
        let words: Int
        /// What the weights are stored in.
        public let precision: Precision
        /// Whether it takes a single row of floats.
        let isRow: Bool
        /// Values in.
        public let depth: Int
        /// Values out, rounded up to a multiple of 8; those added are zero.
        public let columns: Int
        /// What rounding took from the weights, in floats for a single row; nil where it is not kept.
        var errors: Int?
    }

    /// A matrix whose inputs are scaled anew for every image, and its form for that: floats, rounded only once scaled.
    public struct Scalable: Sendable, Hashable, Codable {
        /// For inputs that have been scaled.
        public let matrix: Matrix
        /// The matrix in floats; nil where the inputs are the smaller part and are scaled instead.
        let floats: Int?
        /// A matrix whose inputs are not scaled.
        public init(_ matrix: Matrix) {
            self.init(matrix: matrix, floats: nil)
        }

        fileprivate init(matrix: Matrix, floats: Int?) {
            self.matrix = matrix
            self.floats = floats
        }

        /// Whether its product's averages become known.
        public var isCorrected: Bool { floats != nil && matrix.precision == .bf16 }
    }

    /// A depthwise layer's weights, [kernel · kernel][channels], with its bias.
    public struct Taps: Sendable, Hashable, Codable {
        let weights: Int
        let bias: Int
        /// Channels in and out.
        public let channels: Int
        /// Side of the kernel, 3 or 5.
        public let kernel: Int
        /// What the maps before and after it are stored in; the weights are floats.
        public let precision: Precision
    }

    /// Packs weights one layer after the other.
    ///
    /// `capacity` is the number of floats all layers need together; see `size(depth:columns:)` and `size(taps:channels:)`.
    public struct Builder: ~Copyable {
        private let memory: FloatMemory
        private let instructionSet: InstructionSet
        private let precision: Precision
        private let kernels: UnsafePointer<nr_kernels>
        private let floats: UnsafePointer<nr_kernels>
        private var used = 0

        /// A builder for a machine's instruction set.
        ///
        /// - Parameter memory: Where to pack; this process' own memory where absent.
        /// - Throws: `TensorError.unavailableInstructionSet`, also for a set that has no kernels of that precision.
        public init(
            capacity: Int, instructionSet: InstructionSet, precision: Precision = .f32, memory: FloatMemory? = nil
        ) throws(TensorError) {
            guard let kernels = instructionSet.kernels(precision), let floats = instructionSet.kernels(.f32) else {
                throw .unavailableInstructionSet(
                    name: instructionSet.rawValue, available: InstructionSet.available.map(\.rawValue))
            }
            precondition((memory?.count ?? capacity) >= capacity, "too little memory for the weights")
            self.memory = memory ?? FloatMemory(count: capacity)
            self.instructionSet = instructionSet
            self.precision = precision
            self.kernels = kernels
            self.floats = floats
        }

        /// Words that a matrix with its bias needs at most.
        public static func size(depth: Int, columns: Int) -> Int {
            Layout.padded(depth * Layout.columns(columns)) + Layout.padded(Layout.columns(columns))
        }

        /// Words that a depthwise layer with its bias needs.
        public static func size(kernel: Int, channels: Int) -> Int {
            Layout.padded(kernel * kernel * channels) + Layout.padded(channels)
        }

        /// Adds a matrix [columns][depth]; row n is multiplied by `scale[n]`.
        ///
        /// - Parameters:
        ///   - row: Whether it multiplies a single row of floats, into floats.
        ///   - precision: What to store it in: the block's own where absent, or float.
        public mutating func add(
            _ matrix: [Float], scale: [Float], bias: [Float], row: Bool = false, precision: Precision? = nil
        ) -> Matrix {
            let precision = precision ?? self.precision
            let kernels = precision == .f32 ? floats : self.kernels
            let columns = scale.count
            precondition(bias.count == columns && columns > 0 && matrix.count % columns == 0)
            let depth = matrix.count / columns
            let padded = Layout.columns(columns)
            let words = row ? precision.words(depth * padded) : nr_packed_words(kernels, columns, depth)
            let weights = take(words)
            let target = memory.pointer(weights, words)
            if row {
                nr_pack_row(kernels, matrix, scale, target, columns, depth)
            } else {
                nr_pack(kernels, matrix, scale, target, columns, depth)
            }
            let offset = add(bias, room: padded)
            return Matrix(
                weights: weights, bias: offset, words: words, precision: precision, isRow: row, depth: depth,
                columns: padded)
        }

        /// Adds a matrix [columns][depth] with what rounding takes from it, for `Program.correct`; in float, nothing is taken.
        public mutating func add(correctable matrix: [Float], scale: [Float], bias: [Float]) -> Matrix {
            var packed = add(matrix, scale: scale, bias: bias)
            guard precision == .bf16 else { return packed }
            let depth = packed.depth
            var errors = [Float](repeating: 0, count: matrix.count)
            nr_rounding_errors(matrix, scale, &errors, scale.count, depth)
            let words = nr_packed_words(floats, scale.count, depth)
            let offset = take(words)
            nr_pack(
                floats, errors, scale.map { _ in 1 }, memory.pointer(offset, words), scale.count, depth)
            packed.errors = offset
            return packed
        }

        /// Adds a matrix [columns][depth] whose inputs will be multiplied by a scale: `rows` of them at a time.
        ///
        /// What is scaled, input or matrix, is whichever costs less. The input was written a moment ago and is near; the
        /// matrix has to come from far: a value of it costs about four of the input's.
        public mutating func add(
            scalable matrix: [Float], scale: [Float], bias: [Float], rows: Int
        ) -> Scalable {
            let packed = add(matrix, scale: scale, bias: bias)
            guard rows > 4 * packed.columns else { return Scalable(matrix: packed, floats: nil) }
            guard precision == .bf16 else { return Scalable(matrix: packed, floats: packed.weights) }
            let floats = take(2 * packed.words)
            nr_pack_floats(
                kernels, matrix, scale, memory.pointer(floats, 2 * packed.words), scale.count, packed.depth)
            return Scalable(matrix: packed, floats: floats)
        }

        /// Adds depthwise weights [channels][kernel · kernel]; channel c is multiplied by `scale[c]`. `precision` is the maps'.
        public mutating func add(
            taps: [Float], kernel: Int, scale: [Float], bias: [Float], precision: Precision
        ) -> Taps {
            let channels = scale.count
            let area = kernel * kernel
            precondition(taps.count == channels * area && bias.count == channels && channels % 8 == 0)
            let weights = take(area * channels)
            let target = memory.pointer(weights, area * channels)
            for channel in 0..<channels {
                for tap in 0..<area { target[tap * channels + channel] = taps[channel * area + tap] * scale[channel] }
            }
            return Taps(
                weights: weights, bias: add(bias, room: channels), channels: channels, kernel: kernel,
                precision: precision)
        }

        /// The finished block.
        public consuming func finish() -> PackedWeights {
            PackedWeights(
                memory: memory, instructionSet: instructionSet, precision: precision, kernels: kernels, floats: floats)
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
