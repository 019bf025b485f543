import CKernels

/// A list of kernel calls over one block of working memory: the forward pass of a network for one input size.
///
/// Every offset is checked when a step is added; running checks nothing. One thread at a time.
public final class Program {
    /// A part of the working memory.
    public struct Region: Sendable, Hashable {
        let offset: Int
        /// Number of floats.
        public let count: Int
    }

    /// What is applied to a product before it is stored.
    public enum Activation: Sendable, Hashable {
        /// Nothing.
        case linear
        /// x · sigmoid(x).
        case swish
        /// max(x, 0); NaN stays NaN.
        case relu
        /// 1 / (1 + exp(−x)).
        case sigmoid

        var code: Int32 {
            switch self {
            case .linear: Int32(NR_LINEAR.rawValue)
            case .swish: Int32(NR_SWISH.rawValue)
            case .relu: Int32(NR_RELU.rawValue)
            case .sigmoid: Int32(NR_SIGMOID.rawValue)
            }
        }
    }

    private enum Step {
        case gemm(nr_gemm)
        case stem(Stem)
        case expandDepthwise(nr_expand_depthwise)
        case average(to: UnsafeMutablePointer<Float>, from: UnsafePointer<Float>, rows: Int, columns: Int)
        case multiply(UnsafeMutablePointer<Float>, by: Float, count: Int)
        case scaleColumns(UnsafeMutablePointer<Float>, by: UnsafePointer<Float>, rows: Int, columns: Int)
        case scaleInputs(
            to: UnsafeMutablePointer<Float>, from: UnsafePointer<Float>, by: UnsafePointer<Float>, depth: Int,
            columns: Int)
    }

    private let weights: PackedWeights
    private var kernels: UnsafePointer<nr_kernels> { weights.kernels }
    private var blocks: [FloatMemory] = []
    private var indices: [UnsafeMutableBufferPointer<Int32>] = []
    private var steps: [Step] = []
    private let size: Int
    private var output: Region?

    /// An empty program that reads an image of `inputSize` floats.
    public init(weights: PackedWeights, inputSize: Int) {
        self.weights = weights
        self.size = inputSize
    }

    deinit {
        for table in indices { table.deallocate() }
    }

    /// Working memory for `count` floats, zero at first.
    public func allocate(_ count: Int) -> Region {
        let memory = FloatMemory(count: Layout.padded(count) + Layout.padded(1))
        blocks.append(memory)
        // Regions are numbered by block: an offset is block · 2^40 + position.
        return Region(offset: (blocks.count - 1) << 40, count: Layout.padded(count))
    }

    private func pointer(_ region: Region, _ count: Int) -> UnsafeMutablePointer<Float> {
        precondition(count <= region.count, "a step that needs more than its region holds")
        return blocks[region.offset >> 40].pointer(region.offset & (1 << 40 - 1), count)
    }

    private func table(_ values: [Int32]) -> UnsafeMutablePointer<Int32> {
        let table = UnsafeMutableBufferPointer<Int32>.allocate(capacity: max(values.count, 1))
        _ = table.initialize(from: values)
        indices.append(table)
        return table.baseAddress ?? UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    }

    /// output = activation(input · matrix + bias) + residual, for `rows` rows.
    public func multiply(
        _ input: Region, _ matrix: PackedWeights.Matrix, rows: Int, activation: Activation, residual: Region? = nil,
        into output: Region
    ) {
        steps.append(
            .gemm(
                product(
                    input, matrix, rows: rows, activation: activation, residual: residual, into: output,
                    weights: weights.memory.pointer(matrix.weights, matrix.depth * matrix.columns))))
    }

    /// output = (input · scale per input channel) · matrix + bias + residual: the projection after squeeze-and-excite.
    ///
    /// The input is multiplied by the scale in place, or, where it is much larger, the matrix (into `spare`). The input was
    /// written a moment ago and is near; the matrix has to come from far: a value of it costs about four of the input's.
    public func multiplyScaled(
        _ input: Region, by scale: Region, _ matrix: PackedWeights.Matrix, rows: Int, residual: Region?,
        spare: Region, into output: Region
    ) {
        let (depth, columns) = (matrix.depth, matrix.columns)
        let packed = weights.memory.pointer(matrix.weights, depth * columns)
        var factor = UnsafePointer(packed)
        if rows > 4 * columns {
            let target = pointer(spare, depth * columns)
            steps.append(
                .scaleInputs(to: target, from: packed, by: pointer(scale, depth), depth: depth, columns: columns))
            factor = UnsafePointer(target)
        } else {
            steps.append(
                .scaleColumns(pointer(input, rows * depth), by: pointer(scale, depth), rows: rows, columns: depth))
        }
        steps.append(
            .gemm(
                product(
                    input, matrix, rows: rows, activation: .linear, residual: residual, into: output, weights: factor)))
    }

    /// values *= factor.
    public func multiply(_ values: Region, by factor: Float, count: Int) {
        steps.append(.multiply(pointer(values, count), by: factor, count: count))
    }

    /// output[c] = the average of `input`'s `rows` rows.
    public func average(_ input: Region, rows: Int, columns: Int, into output: Region) {
        steps.append(
            .average(
                to: pointer(output, columns), from: pointer(input, rows * columns), rows: rows, columns: columns))
    }

    /// The logits: what `run` returns.
    public func finish(_ output: Region, count: Int) {
        precondition(count <= output.count)
        self.output = Region(offset: output.offset, count: count)
    }

    private func product(
        _ input: Region, _ matrix: PackedWeights.Matrix, rows: Int, activation: Activation, residual: Region?,
        into output: Region, weights factor: UnsafePointer<Float>
    ) -> nr_gemm {
        var gemm = nr_gemm()
        gemm.a = UnsafePointer(pointer(input, rows * matrix.depth))
        gemm.a_row = matrix.depth
        gemm.weights = factor
        gemm.bias = UnsafePointer(weights.memory.pointer(matrix.bias, matrix.columns))
        gemm.c = pointer(output, rows * matrix.columns)
        gemm.c_row = matrix.columns
        gemm.residual = residual.map { UnsafePointer(pointer($0, rows * matrix.columns)) }
        gemm.rows = Int32(rows)
        gemm.columns = Int32(matrix.columns)
        gemm.depth = Int32(matrix.depth)
        gemm.activation = activation.code
        return gemm
    }

    /// Runs every step over an image and returns the output.
    public func run(_ image: UnsafeBufferPointer<Float>) -> [Float] {
        guard image.count == size, let source = image.baseAddress, let output else { return [] }
        for step in steps {
            switch step {
            case .gemm(var gemm): kernels.pointee.gemm(&gemm)
            case .stem(let stem): stem.run(source, kernels: kernels)
            case .expandDepthwise(var layer): nr_run_expand_depthwise(kernels, &layer)
            case .average(let to, let from, let rows, let columns): kernels.pointee.average(to, from, rows, columns)
            case .multiply(let values, let factor, let count):
                for i in 0..<count { values[i] *= factor }
            case .scaleColumns(let values, let scale, let rows, let columns):
                kernels.pointee.scale_columns(values, scale, rows, columns)
            case .scaleInputs(let to, let from, let scale, let depth, let columns):
                kernels.pointee.scale_inputs(to, from, scale, depth, columns)
            }
        }
        return Array(UnsafeBufferPointer(start: pointer(output, output.count), count: output.count))
    }
}

extension Program {
    /// A map's size.
    public struct Size: Sendable, Hashable {
        /// Rows.
        public var height: Int
        /// Columns.
        public var width: Int
        /// Pixels.
        public var area: Int { height * width }

        /// A size in pixels.
        public init(height: Int, width: Int) {
            self.height = height
            self.width = width
        }
    }

    /// A convolution of the image's three planes with stride 2, swish after it.
    fileprivate struct Stem {
        var gemm: nr_gemm
        var planes: UnsafeMutablePointer<Float>
        var input: Size
        var bordered: Size
        var output: Size
        var top: Int
        var left: Int

        func run(_ image: UnsafePointer<Float>, kernels: UnsafePointer<nr_kernels>) {
            for plane in 0..<3 {
                for y in 0..<input.height {
                    let target = planes + (plane * bordered.height + y + top) * bordered.width + left
                    target.update(from: image + (plane * input.height + y) * input.width, count: input.width)
                }
            }
            var gemm = gemm
            for _ in 0..<output.height {
                kernels.pointee.gemm(&gemm)
                gemm.a += 2 * bordered.width
                gemm.c += output.width * Int(gemm.columns)
            }
        }
    }

    /// The stem: `matrix` holds [channels][3 · 3 · 3] weights; `top` and `left` are the zeros before the image.
    public func stem(
        _ matrix: PackedWeights.Matrix, input: Size, top: Int, left: Int, output size: Size, into output: Region
    ) {
        let bordered = Size(
            height: max((size.height - 1) * 2 + 3, top + input.height),
            width: max((size.width - 1) * 2 + 3, left + input.width))
        let planes = pointer(allocate(3 * bordered.area), 3 * bordered.area)
        let taps = (0..<27).map { k in
            Int32(k / 9 * bordered.area + k / 3 % 3 * bordered.width + k % 3)
        }
        var gemm = nr_gemm()
        gemm.a = UnsafePointer(planes)
        gemm.a_row = 2
        gemm.a_steps = UnsafePointer(table(taps))
        gemm.weights = UnsafePointer(weights.memory.pointer(matrix.weights, matrix.depth * matrix.columns))
        gemm.bias = UnsafePointer(weights.memory.pointer(matrix.bias, matrix.columns))
        gemm.c = pointer(output, size.area * matrix.columns)
        gemm.c_row = matrix.columns
        gemm.rows = Int32(size.width)
        gemm.columns = Int32(matrix.columns)
        gemm.depth = Int32(matrix.depth)
        gemm.activation = Activation.swish.code
        steps.append(
            .stem(
                Stem(
                    gemm: gemm, planes: planes, input: input, bordered: bordered, output: size, top: top, left: left)))
    }

    /// Expansion (if any) and depthwise convolution, each with swish; `sums` receives every channel's sum.
    public func expandDepthwise(
        _ input: Region, expand: PackedWeights.Matrix?, depthwise: PackedWeights.Taps, stride: Int, size: Size,
        top: Int, left: Int, output outputSize: Size, into output: Region, sums: Region
    ) {
        let channels = depthwise.channels
        precondition((expand?.columns ?? channels) == channels)
        let inputs = expand?.depth ?? channels
        var layer = nr_expand_depthwise()
        layer.input = UnsafePointer(pointer(input, size.area * inputs))
        if let expand {
            layer.expand_weights = UnsafePointer(
                weights.memory.pointer(expand.weights, expand.depth * expand.columns))
            layer.expand_bias = UnsafePointer(weights.memory.pointer(expand.bias, expand.columns))
        }
        let area = depthwise.kernel * depthwise.kernel
        layer.weights = UnsafePointer(weights.memory.pointer(depthwise.weights, area * channels))
        layer.bias = UnsafePointer(weights.memory.pointer(depthwise.bias, channels))
        layer.output = pointer(output, outputSize.area * channels)
        layer.sums = pointer(sums, channels)
        layer.height = Int32(size.height)
        layer.width = Int32(size.width)
        layer.inputs = Int32(inputs)
        layer.channels = Int32(channels)
        layer.kernel = Int32(depthwise.kernel)
        layer.stride = Int32(stride)
        layer.top = Int32(top)
        layer.left = Int32(left)
        layer.output_height = Int32(outputSize.height)
        layer.output_width = Int32(outputSize.width)
        layer.band_rows = Int32(Self.bandRows(layer))
        let band = nr_band_floats(&layer)
        layer.band = pointer(allocate(band), band)
        layer.offsets = table([Int32](repeating: 0, count: nr_band_offsets(&layer)))
        steps.append(.expandDepthwise(layer))
    }

    /// Output rows of a band: as many as keep the expanded rows in 128 KiB of the second-level cache. Measured on B0, 64 to
    /// 256 KiB differ by a few hundredths.
    private static func bandRows(_ layer: nr_expand_depthwise) -> Int {
        let budget = 128 << 10
        var layer = layer
        for rows in stride(from: Int(layer.output_height), to: 4, by: -1) {
            layer.band_rows = Int32(rows)
            if nr_band_floats(&layer) * 4 <= budget { return rows }
        }
        return min(4, Int(layer.output_height))
    }
}
