import CKernels

extension Program {
    /// A k×k convolution of a map with `activation` and, in a fused MBConv block, the 1×1 projection of what it makes.
    ///
    /// - Parameters:
    ///   - matrix: The convolution's, its depth in the order [kernel][kernel][channels in].
    ///   - project: The projection's; nil where there is none.
    ///   - addsInput: Whether the input is added to the output.
    public func convolution(
        _ input: Region, _ matrix: PackedWeights.Matrix, project: PackedWeights.Matrix?, kernel: Int, window: Window,
        activation: Activation, addsInput: Bool, into output: Region
    ) {
        let inputs = matrix.depth / (kernel * kernel)
        var layer = nr_convolution()
        layer.input = UnsafeRawPointer(pointer(input, matrix.precision.words(window.input.area * inputs)))
        append(
            &layer, matrix, project: project, kernel: kernel, window: window, activation: activation,
            addsInput: addsInput, into: output)
    }

    /// The stem, and a convolution of its map, each with `activation`: in one step, so that the stem's map, the largest of the network,
    /// never leaves the core's own cache.
    ///
    /// - Parameters:
    ///   - stem: `stemMatrix`'s.
    ///   - stemWindow: The stem's own window, over the image.
    public func stemConvolution(
        _ stem: PackedWeights.Matrix, stemWindow: Window, _ matrix: PackedWeights.Matrix, kernel: Int, window: Window,
        activation: Activation, addsInput: Bool, into output: Region
    ) {
        let input = stemInput(stem, stemWindow)
        var layer = nr_convolution()
        layer.input = UnsafeRawPointer(input.planes.words)
        (layer.stem_steps, layer.stem_pixel, layer.stem_row) = (input.steps, input.pixel, input.row)
        layer.stem_weights = UnsafeRawPointer(weights.memory.pointer(stem.weights, stem.words))
        layer.stem_bias = UnsafePointer(weights.memory.pointer(stem.bias, stem.columns))
        layer.stem_words = Int32(stem.precision.words(stem.depth))
        precondition(stem.columns * kernel * kernel == matrix.depth && stem.precision == matrix.precision)
        append(
            &layer, matrix, project: nil, kernel: kernel, window: window, activation: activation, addsInput: addsInput,
            into: output, products: 27 * stemWindow.output.area * stem.columns)
    }

    private func append(
        _ layer: inout nr_convolution, _ matrix: PackedWeights.Matrix, project: PackedWeights.Matrix?, kernel: Int,
        window: Window, activation: Activation, addsInput: Bool, into output: Region, products: Int = 0
    ) {
        let (inputs, outputs) = (matrix.depth / (kernel * kernel), project?.columns ?? matrix.columns)
        let kernels = weights.kernels(for: matrix.precision)
        precondition(inputs % 8 == 0 && (project?.depth ?? matrix.columns) == matrix.columns)
        precondition(!addsInput || (window.stride == 1 && inputs == outputs))
        layer.weights = UnsafeRawPointer(weights.memory.pointer(matrix.weights, matrix.words))
        layer.bias = UnsafePointer(weights.memory.pointer(matrix.bias, matrix.columns))
        if let project {
            layer.project_weights = UnsafeRawPointer(weights.memory.pointer(project.weights, project.words))
            layer.project_bias = UnsafePointer(weights.memory.pointer(project.bias, project.columns))
        }
        layer.output = UnsafeMutableRawPointer(
            pointer(output, matrix.precision.words(window.output.area * outputs)))
        (layer.height, layer.width) = (Int32(window.input.height), Int32(window.input.width))
        (layer.inputs, layer.channels, layer.outputs) = (Int32(inputs), Int32(matrix.columns), Int32(outputs))
        (layer.kernel, layer.stride) = (Int32(kernel), Int32(window.stride))
        (layer.top, layer.left) = (Int32(window.top), Int32(window.left))
        (layer.output_height, layer.output_width) = (Int32(window.output.height), Int32(window.output.width))
        layer.activation = activation.code
        layer.adds_input = addsInput ? 1 : 0
        layer.band_rows = Int32(Self.bandRows(layer, kernels))
        let (band, expanded) = (nr_convolution_band(kernels, &layer), nr_convolution_expanded(kernels, &layer))
        layer.band = UnsafeMutableRawPointer(pointer(allocate(band), band))
        layer.expanded = UnsafeMutableRawPointer(pointer(allocate(expanded), expanded))
        append(
            .convolution(layer, kernels),
            products: products + window.output.area * matrix.columns * (matrix.depth + (project?.columns ?? 0)))
    }

    /// Output rows of a band: as many as keep its input and the expanded rows in 128 KiB of the second-level cache. Measured on the layers
    /// of V2-B0, V2-S and V2-L, 64 to 768 KiB differ by a few hundredths.
    private static func bandRows(_ layer: nr_convolution, _ kernels: Kernels) -> Int {
        let budget = 128 << 10
        var layer = layer
        for rows in stride(from: Int(layer.output_height), to: 1, by: -1) {
            layer.band_rows = Int32(rows)
            let words = nr_convolution_band(kernels, &layer) + nr_convolution_expanded(kernels, &layer)
            if words * 4 <= budget { return rows }
        }
        return 1
    }
}
