import CKernels

extension Program {
    /// output = activation(input · matrix + bias) + residual, for `rows` rows: maps, or a single row of floats where the
    /// matrix is one of those.
    ///
    /// - Parameter floats: Whether a map's product is wanted in float.
    public func multiply(
        _ input: Region, _ matrix: PackedWeights.Matrix, rows: Int, activation: Activation, residual: Region? = nil,
        floats: Bool = false, into output: Region
    ) {
        let weights = UnsafeRawPointer(weights.memory.pointer(matrix.weights, matrix.words))
        precondition(!matrix.isRow || (rows == 1 && residual == nil))
        let gemm = product(
            input, matrix, rows: rows, activation: activation, residual: residual,
            element: floats || matrix.isRow ? .f32 : nil, into: output, weights: weights)
        append(
            matrix.isRow
                ? .row(gemm, isFloat: matrix.precision == .f32)
                : .gemm(gemm, self.weights.kernels(for: matrix.precision)),
            products: rows * matrix.depth * matrix.columns)
    }

    /// output = (input · scale per input channel) · matrix + bias + residual: the projection after squeeze-and-excite.
    ///
    /// The input is multiplied by the scale in place, or the matrix into `spare`; then, in bfloat16, `averages` takes part.
    public func multiplyScaled(
        _ input: Region, by scale: Region, _ scalable: PackedWeights.Scalable, rows: Int, residual: Region?,
        averages: Averages, spare: Region, into output: Region
    ) {
        let matrix = scalable.matrix
        let (depth, columns, precision) = (matrix.depth, matrix.columns, matrix.precision)
        let kernels = weights.kernels(for: precision)
        var gemm: nr_gemm
        if let floats = scalable.floats {
            let target = pointer(spare, matrix.words)
            gemm = product(
                input, matrix, rows: rows, activation: .linear, residual: residual, into: output,
                weights: UnsafeRawPointer(target))
            var scaling = nr_scaling()
            scaling.target = UnsafeMutableRawPointer(target)
            scaling.weights = UnsafePointer(weights.memory.pointer(floats, depth * columns))
            scaling.scale = UnsafePointer(pointer(scale, depth))
            (scaling.depth, scaling.columns) = (precision.words(depth), columns)
            if precision == .bf16 {
                scaling.averages = UnsafePointer(pointer(averages.input, depth))
                scaling.bias = gemm.bias
                scaling.corrected = pointer(averages.bias, columns)
                scaling.residual_averages = averages.residual.map { UnsafePointer(pointer($0, columns)) }
                scaling.product_averages = averages.product.map { pointer($0, columns) }
                gemm.bias = UnsafePointer(scaling.corrected)
            }
            append(.scaleInputs(scaling, kernels))
        } else {
            append(
                .scaleColumns(
                    pointer(input, precision.words(rows * depth)), by: pointer(scale, depth), rows: rows,
                    columns: depth, kernels))
            gemm = product(
                input, matrix, rows: rows, activation: .linear, residual: residual, into: output,
                weights: UnsafeRawPointer(weights.memory.pointer(matrix.weights, matrix.words)))
        }
        begin(.project, block: part.block)
        append(.gemm(gemm, kernels), products: rows * depth * columns)
    }

    /// Averages of maps' channels, all floats, with which a bfloat16 product takes back the constant part of its error.
    public struct Averages: Sendable {
        /// Of the input, before its scale.
        public var input: Region
        /// Of the residual, where there is one.
        public var residual: Region?
        /// Receives the product's, residual included; nil where it cannot be known.
        public var product: Region?
        /// Working memory: the corrected bias.
        public var bias: Region

        /// Averages of a product's maps.
        public init(input: Region, residual: Region?, product: Region?, bias: Region) {
            self.input = input
            self.residual = residual
            self.product = product
            self.bias = bias
        }
    }

    /// corrected = the bias of `matrix`, plus what takes back the constant part of its rounding errors over an input of these
    /// averages; false where the matrix has none.
    public func correct(
        _ matrix: PackedWeights.Matrix, averages: Region, into corrected: Region
    ) -> Bool {
        guard let errors = matrix.errors else { return false }
        let row = PackedWeights.Matrix(
            weights: errors, bias: matrix.bias, words: matrix.depth * matrix.columns, precision: .f32,
            isRow: true, depth: matrix.depth, columns: matrix.columns)
        multiply(averages, row, rows: 1, activation: .linear, into: corrected)
        return true
    }

    /// output = a map's `count` values, floats before, in bfloat16.
    public func narrow(_ input: Region, count: Int, into output: Region) {
        append(
            .narrow(
                to: UnsafeMutableRawPointer(pointer(output, Precision.bf16.words(count))), from: pointer(input, count),
                count: count))
    }

    /// values *= factor.
    public func multiply(_ values: Region, by factor: Float, count: Int) {
        append(.multiply(pointer(values, count), by: factor, count: count))
    }

    /// output[c] = the average of `input`'s `rows` rows, all floats.
    public func average(_ input: Region, rows: Int, columns: Int, into output: Region) {
        append(
            .average(
                to: pointer(output, columns), from: pointer(input, rows * columns), rows: rows, columns: columns))
    }

    private func product(
        _ input: Region, _ matrix: PackedWeights.Matrix, rows: Int, activation: Activation, residual: Region?,
        element: Precision? = nil, into output: Region, weights factor: UnsafeRawPointer
    ) -> nr_gemm {
        let element = element ?? matrix.precision
        var gemm = nr_gemm()
        let depth = matrix.isRow ? matrix.depth : matrix.precision.words(matrix.depth)
        gemm.a = UnsafeRawPointer(pointer(input, rows * depth))
        gemm.a_row = depth
        gemm.weights = factor
        gemm.bias = UnsafePointer(weights.memory.pointer(matrix.bias, matrix.columns))
        gemm.c = UnsafeMutableRawPointer(pointer(output, element.words(rows * matrix.columns)))
        gemm.c_row = matrix.columns
        gemm.c_element = element.code
        gemm.residual = residual.map { UnsafeRawPointer(pointer($0, element.words(rows * matrix.columns))) }
        gemm.rows = Int32(rows)
        gemm.columns = Int32(matrix.columns)
        gemm.depth = Int32(depth)
        gemm.activation = activation.code
        return gemm
    }

    /// Expansion (if any) and depthwise convolution, each with `activation` (swish or ReLU6); `sums` receives every channel's sum.
    ///
    /// - Parameter bias: A corrected bias of the expansion instead of its own.
    public func expandDepthwise(
        _ input: Region, expand: PackedWeights.Matrix?, bias: Region? = nil, depthwise: PackedWeights.Taps,
        window: Window, activation: Activation, into output: Region, sums: Region
    ) {
        let channels = depthwise.channels
        precondition((expand?.columns ?? channels) == channels)
        let inputs = expand?.depth ?? channels
        var layer = layer(
            expand: expand, depthwise: depthwise, window: window, activation: activation, into: output, sums: sums)
        layer.input = UnsafeRawPointer(pointer(input, depthwise.precision.words(window.input.area * inputs)))
        layer.inputs = Int32(inputs)
        if let bias { layer.expand_bias = UnsafePointer(pointer(bias, channels)) }
        append(
            .expandDepthwise(layer, weights.kernels(for: depthwise.precision)),
            products: (expand == nil ? 0 : window.input.area * inputs * channels)
                + window.output.area * depthwise.kernel * depthwise.kernel * channels)
    }

    /// What both forms of the step share: a depthwise convolution over what `expand` makes.
    func layer(
        expand: PackedWeights.Matrix?, depthwise: PackedWeights.Taps, window: Window, activation: Activation,
        into output: Region, sums: Region
    ) -> nr_expand_depthwise {
        let (channels, precision) = (depthwise.channels, depthwise.precision)
        var layer = nr_expand_depthwise()
        if let expand {
            layer.expand_weights = UnsafeRawPointer(weights.memory.pointer(expand.weights, expand.words))
            layer.expand_bias = UnsafePointer(weights.memory.pointer(expand.bias, expand.columns))
        }
        let area = depthwise.kernel * depthwise.kernel
        layer.weights = UnsafePointer(weights.memory.pointer(depthwise.weights, area * channels))
        layer.bias = UnsafePointer(weights.memory.pointer(depthwise.bias, channels))
        layer.output = UnsafeMutableRawPointer(pointer(output, precision.words(window.output.area * channels)))
        layer.sums = pointer(sums, channels)
        (layer.height, layer.width) = (Int32(window.input.height), Int32(window.input.width))
        layer.channels = Int32(channels)
        layer.kernel = Int32(depthwise.kernel)
        layer.stride = Int32(window.stride)
        layer.activation = activation.code
        (layer.top, layer.left) = (Int32(window.top), Int32(window.left))
        (layer.output_height, layer.output_width) = (Int32(window.output.height), Int32(window.output.width))
        layer.band_rows = Int32(Self.bandRows(layer))
        let written = 4 * precision.words(window.output.area * channels)
        layer.streams = written > Self.streamedBytes ? 1 : 0
        let band = nr_band_floats(&layer)
        layer.band = pointer(allocate(band), band)
        layer.offsets = table([Int32](repeating: 0, count: nr_band_offsets(&layer)))
        return layer
    }

    /// Maps larger than this are written past the caches, which else would read all of it first. Measured with both of two cores
    /// busy, 32 MiB of cache shared: expansion and depthwise of B7 take 5 % less time so. From 4 MiB on, the projection still
    /// finds much of the map and loses as much as was gained.
    private static let streamedBytes = 8 << 20

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

extension Program {
    /// How a convolution moves over a map.
    public struct Window: Sendable, Hashable {
        /// Size of the map.
        public var input: Size
        /// Size of the result.
        public var output: Size
        /// Pixels from one place to the next, either way.
        public var stride: Int
        /// Rows of zeros above the map.
        public var top: Int
        /// Columns of zeros left of the map.
        public var left: Int

        /// A window that moves by `stride`.
        public init(input: Size, output: Size, stride: Int, top: Int, left: Int) {
            self.input = input
            self.output = output
            self.stride = stride
            self.top = top
            self.left = left
        }
    }
}

extension Precision {
    /// The kernels' own number of it.
    var code: Int32 { self == .bf16 ? Int32(NR_BF16.rawValue) : Int32(NR_F32.rawValue) }
}
