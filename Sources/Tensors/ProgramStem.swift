import CKernels

extension Program {
    /// The image's planes with zeros around them, as the stem's convolution reads them.
    struct Planes {
        /// Floats, or the words that `nr_stem_row_bf16` makes of them.
        var words: UnsafeMutablePointer<Float>
        /// One row with its zeros, in float; bfloat16 only.
        var line: UnsafeMutablePointer<Float>?
        var input: Size
        var bordered: Size
        /// Words of a row.
        var row: Int
        var top: Int
        var left: Int

        func fill(from image: UnsafePointer<Float>) {
            for plane in 0..<3 {
                for y in 0..<input.height {
                    let source = image + (plane * input.height + y) * input.width
                    let target = words + (plane * bordered.height + y + top) * row
                    if let line {
                        (line + left).update(from: source, count: input.width)
                        target.withMemoryRebound(to: UInt32.self, capacity: row) { target in
                            nr_stem_row_bf16(line, target, target + row / 2, row / 2)
                        }
                    } else {
                        (target + left).update(from: source, count: input.width)
                    }
                }
            }
        }
    }

    /// Where the stem's weights [channels][3 · 3 · 3] go in a matrix for `precision`: a bfloat16 product takes two values at
    /// once, so each row of three taps becomes the pair of the first two and the pair of the third with a zero.
    ///
    /// In bfloat16 they come rounded, each one's error passed on to the next: neighbouring pixels are alike, so that errors
    /// which cancel out in the sum do little harm. On seeded B3 the logits' error due to the stem falls to a quarter.
    public static func stemMatrix(_ weights: [Float], precision: Precision) -> [Float] {
        guard precision == .bf16 else { return weights }
        var matrix: [Float] = []
        var error: Float = 0
        for (index, weight) in weights.enumerated() {
            if index % 27 == 0 { error = 0 }
            let wanted = weight + error
            let bits = wanted.bitPattern
            let rounded = Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
            error = wanted - rounded
            matrix.append(rounded)
            if index % 3 == 2 { matrix.append(0) }
        }
        return matrix
    }

    /// How the stem reads its planes.
    struct StemInput {
        let planes: Planes
        /// Where a pixel's taps lie.
        let steps: UnsafePointer<Int32>
        /// Words from one pixel's taps to the next one's, and to the next row's.
        let pixel: Int
        let row: Int
    }

    /// Adds the step that makes the image into the planes that a stem of `matrix` reads; `stem` is its window, over the image.
    func stemInput(_ matrix: PackedWeights.Matrix, _ stem: Window) -> StemInput {
        let bordered = Size(
            height: max((stem.output.height - 1) * 2 + 3, stem.top + stem.input.height),
            width: max((stem.output.width - 1) * 2 + 3, stem.left + stem.input.width))
        let pairs = matrix.precision == .bf16
        // In bfloat16 a row is a word of each pair for every output pixel, then as many of lone values.
        let row = pairs ? 2 * stem.output.width : bordered.width
        let planes = Planes(
            words: pointer(allocate(3 * bordered.height * row), 3 * bordered.height * row),
            line: pairs ? pointer(allocate(bordered.width + 2), bordered.width) : nil, input: stem.input,
            bordered: bordered, row: row, top: stem.top, left: stem.left)
        var taps: [Int32] = []
        for plane in 0..<3 {
            for y in 0..<3 {
                let start: Int = (plane * bordered.height + y) * row
                for x in 0..<(pairs ? 2 : 3) { taps.append(Int32(start + x * (pairs ? stem.output.width : 1))) }
            }
        }
        append(.planes(planes))
        return StemInput(planes: planes, steps: UnsafePointer(table(taps)), pixel: pairs ? 1 : 2, row: 2 * row)
    }

    /// The stem, a 3×3 convolution of the image's planes with stride 2, and the first block's depthwise convolution, each with
    /// `activation`: in one step, so that the stem's map, the largest of the network, never leaves the core's own cache.
    ///
    /// - Parameters:
    ///   - matrix: `stemMatrix`'s.
    ///   - stem: The stem's own window, over the image.
    public func stemDepthwise(
        _ matrix: PackedWeights.Matrix, stem: Window, depthwise: PackedWeights.Taps, window: Window,
        activation: Activation, into output: Region, sums: Region
    ) {
        let input = stemInput(matrix, stem)
        var layer = layer(
            expand: matrix, depthwise: depthwise, window: window, activation: activation, into: output, sums: sums)
        layer.input = UnsafeRawPointer(input.planes.words)
        layer.inputs = Int32(matrix.depth)
        (layer.stem_steps, layer.stem_pixel, layer.stem_row) = (input.steps, input.pixel, input.row)
        append(
            .expandDepthwise(layer, weights.kernels(for: depthwise.precision)),
            products: 27 * stem.output.area * matrix.columns
                + window.output.area * depthwise.kernel * depthwise.kernel * depthwise.channels)
    }
}
