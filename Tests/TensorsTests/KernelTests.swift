import CKernels
import Foundation
import Testing

@testable import Tensors

/// Every kernel of every instruction set this machine has, against its definition, on seeded random shapes.
@Suite struct KernelTests {
    static func table(_ isa: InstructionSet) throws -> UnsafePointer<nr_kernels> {
        try #require(isa.kernels)
    }

    static func pack(_ kernels: UnsafePointer<nr_kernels>, _ matrix: [Float], columns: Int, depth: Int) -> GuardedBuffer
    {
        let packed = GuardedBuffer(count: (columns + 7) / 8 * 8 * depth)
        nr_pack(kernels, matrix, [Float](repeating: 1, count: columns), packed.pointer, columns, depth)
        return packed
    }

    @Test("A matrix product with bias, activation and residual is its definition", arguments: InstructionSet.available)
    func product(_ isa: InstructionSet) throws {
        let kernels = try Self.table(isa)
        var random = SeededGenerator(state: 20)
        for round in 0..<60 {
            let rows = Int.random(in: 1...45, using: &random)
            let columns = 8 * Int.random(in: 1...11, using: &random)
            let depth = Int.random(in: 1...70, using: &random)
            let activation = round % 4
            let a = random.floats(rows * depth)
            let matrix = random.floats(columns * depth)
            let bias = random.floats(columns)
            let residual = round % 3 == 0 ? random.floats(rows * columns) : nil
            let packed = Self.pack(kernels, matrix, columns: columns, depth: depth)
            #expect(packed.isIntact)
            let (input, biases, output) = (GuardedBuffer(a), GuardedBuffer(bias), GuardedBuffer(count: rows * columns))
            let added = residual.map { GuardedBuffer($0) }
            var gemm = nr_gemm()
            gemm.a = UnsafePointer(input.pointer)
            gemm.a_row = depth
            gemm.weights = UnsafePointer(packed.pointer)
            gemm.bias = UnsafePointer(biases.pointer)
            gemm.c = output.pointer
            gemm.c_row = columns
            gemm.residual = added.map { UnsafePointer($0.pointer) }
            (gemm.rows, gemm.columns, gemm.depth) = (Int32(rows), Int32(columns), Int32(depth))
            gemm.activation = Int32(activation)
            kernels.pointee.gemm(&gemm)
            let expected = KernelReference.gemm(
                a, matrix, bias: bias, residual: residual, rows: rows, columns: columns, depth: depth,
                activation: activation)
            #expect(
                KernelReference.agrees(output.values, expected),
                "seed 20, round \(round): \(rows) × \(depth) × \(columns), activation \(activation)")
            #expect(output.isIntact, "round \(round) wrote outside its output")
        }
    }

    @Test(
        "Swish and sigmoid keep float accuracy, and NaN and infinities end where they do by definition",
        arguments: InstructionSet.available)
    func activations(_ isa: InstructionSet) throws {
        let kernels = try Self.table(isa)
        let special: [Float] = [.nan, .infinity, -.infinity, 200, -200, 1e30, -1e30, 0]
        let values = special + (0..<2000).map { Float($0 - 1000) * 0.0801 }
        for activation in [NR_SWISH, NR_SIGMOID, NR_RELU] {
            for width in [8, 16, 32] {
                for start in stride(from: 0, to: values.count - width, by: width) {
                    // A row of zeros leaves the bias, which is what the activation is tried on.
                    let bias = Array(values[start..<start + width])
                    let zero: [Float] = [0]
                    let packed = Self.pack(kernels, [Float](repeating: 0, count: width), columns: width, depth: 1)
                    let output = GuardedBuffer(count: width)
                    zero.withUnsafeBufferPointer { zero in
                        bias.withUnsafeBufferPointer { bias in
                            var gemm = nr_gemm()
                            gemm.a = zero.baseAddress
                            gemm.a_row = 1
                            gemm.weights = UnsafePointer(packed.pointer)
                            gemm.bias = bias.baseAddress
                            gemm.c = output.pointer
                            gemm.c_row = width
                            (gemm.rows, gemm.columns, gemm.depth) = (1, Int32(width), 1)
                            gemm.activation = Int32(activation.rawValue)
                            kernels.pointee.gemm(&gemm)
                        }
                    }
                    for (found, x) in zip(output.values, bias) {
                        let expected = KernelReference.activate(Double(x), Int(activation.rawValue))
                        if x == -.infinity, activation == NR_SWISH {
                            #expect(found.isNaN, "swish(−∞) is −∞ · 0")
                        } else {
                            // exp(−x) of a float x: the rounding of x · log2 e grows with |x|.
                            #expect(
                                KernelReference.agrees(
                                    [found], [expected],
                                    tolerance: 4e-7 + 4e-8 * abs(Double(x.isFinite ? min(abs(x), 90) : 0))),
                                "activation \(activation.rawValue) of \(x): \(found), expected \(expected)")
                        }
                    }
                }
            }
        }
    }

    struct Shape: Sendable, CustomStringConvertible {
        var height: Int
        var width: Int
        var inputs: Int
        var channels: Int
        var kernel: Int
        var stride: Int
        var top: Int
        var left: Int
        var bandRows: Int

        var output: (height: Int, width: Int) { ((height + stride - 1) / stride, (width + stride - 1) / stride) }
        var description: String {
            "\(height)×\(width)×\(inputs) → \(channels), \(kernel)×\(kernel)/\(stride), zeros \(top), \(left), bands of \(bandRows)"
        }

        static func random(_ random: inout SeededGenerator, same: Bool) -> Shape {
            let kernel = Bool.random(using: &random) ? 3 : 5
            let stride = Int.random(in: 1...2, using: &random)
            let height = Int.random(in: 1...23, using: &random)
            let width = Int.random(in: 1...23, using: &random)
            func before(_ size: Int) -> Int {
                guard same else { return kernel / 2 }
                return max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0) / 2
            }
            return Shape(
                height: height, width: width, inputs: 8 * Int.random(in: 1...6, using: &random),
                channels: 8 * Int.random(in: 1...10, using: &random), kernel: kernel, stride: stride,
                top: before(height),
                left: before(width), bandRows: Int.random(in: 1...((height + stride - 1) / stride), using: &random))
        }
    }

    @Test(
        "Expansion and depthwise convolution, in bands, are their definitions", arguments: InstructionSet.available,
        [false, true])
    func expandDepthwise(_ isa: InstructionSet, _ same: Bool) throws {
        let kernels = try Self.table(isa)
        var random = SeededGenerator(state: same ? 31 : 30)
        for round in 0..<60 {
            var shape = Shape.random(&random, same: same)
            let expands = round % 3 != 0
            if !expands { shape.channels = shape.inputs }
            var input = random.floats(shape.height * shape.width * shape.inputs)
            // Bad values must come out in the same places as by definition.
            if round % 5 == 4 {
                input[Int.random(in: input.indices, using: &random)] = [.nan, .infinity, -.infinity][round % 3]
            }
            let matrix = random.floats(shape.channels * shape.inputs)
            let expandBias = random.floats(shape.channels)
            let taps = random.floats(shape.channels * shape.kernel * shape.kernel)
            let bias = random.floats(shape.channels)
            let (found, sums, isIntact) = run(
                kernels, shape, expands: expands, input: input, matrix: matrix, expandBias: expandBias, taps: taps,
                bias: bias)
            let expanded =
                expands
                ? KernelReference.gemm(
                    input, matrix, bias: expandBias, residual: nil, rows: shape.height * shape.width,
                    columns: shape.channels, depth: shape.inputs, activation: Int(NR_SWISH.rawValue))
                : input.map(Double.init)
            let expected = KernelReference.depthwise(
                expanded, height: shape.height, width: shape.width, channels: shape.channels, taps: taps, bias: bias,
                kernel: shape.kernel, stride: shape.stride, top: shape.top, left: shape.left,
                outputHeight: shape.output.height, outputWidth: shape.output.width)
            #expect(KernelReference.agrees(found, expected, tolerance: 5e-5), "seed 30/31, round \(round): \(shape)")
            var expectedSums = [Double](repeating: 0, count: shape.channels)
            for (index, value) in expected.enumerated() { expectedSums[index % shape.channels] += value }
            #expect(KernelReference.agrees(sums, expectedSums, tolerance: 2e-4), "sums, round \(round): \(shape)")
            #expect(isIntact, "round \(round) wrote outside its buffers: \(shape)")
        }
    }

    private func run(
        _ kernels: UnsafePointer<nr_kernels>, _ shape: Shape, expands: Bool, input: [Float], matrix: [Float],
        expandBias: [Float], taps: [Float], bias: [Float]
    ) -> (output: [Float], sums: [Float], isIntact: Bool) {
        let channels = shape.channels
        let area = shape.kernel * shape.kernel
        var turned = [Float](repeating: 0, count: taps.count)
        for c in 0..<channels {
            for t in 0..<area { turned[t * channels + c] = taps[c * area + t] }
        }
        let packed = Self.pack(kernels, matrix, columns: channels, depth: matrix.count / channels)
        let (from, biases) = (GuardedBuffer(input), GuardedBuffer(bias))
        let (expandBiases, weights) = (GuardedBuffer(expandBias), GuardedBuffer(turned))
        let output = GuardedBuffer(count: shape.output.height * shape.output.width * channels)
        let sums = GuardedBuffer(count: channels)
        var layer = nr_expand_depthwise()
        layer.input = UnsafePointer(from.pointer)
        if expands {
            layer.expand_weights = UnsafePointer(packed.pointer)
            layer.expand_bias = UnsafePointer(expandBiases.pointer)
        }
        layer.weights = UnsafePointer(weights.pointer)
        layer.bias = UnsafePointer(biases.pointer)
        layer.output = output.pointer
        layer.sums = sums.pointer
        (layer.height, layer.width) = (Int32(shape.height), Int32(shape.width))
        (layer.inputs, layer.channels) = (Int32(shape.inputs), Int32(channels))
        (layer.kernel, layer.stride) = (Int32(shape.kernel), Int32(shape.stride))
        (layer.top, layer.left) = (Int32(shape.top), Int32(shape.left))
        (layer.output_height, layer.output_width) = (Int32(shape.output.height), Int32(shape.output.width))
        layer.band_rows = Int32(shape.bandRows)
        let band = GuardedBuffer(count: nr_band_floats(&layer))
        var offsets = [Int32](repeating: -1, count: nr_band_offsets(&layer))
        layer.band = band.pointer
        offsets.withUnsafeMutableBufferPointer { offsets in
            layer.offsets = offsets.baseAddress
            // Twice: what the first run leaves in its working memory must not matter.
            nr_run_expand_depthwise(kernels, &layer)
            nr_run_expand_depthwise(kernels, &layer)
        }
        return (output.values, sums.values, output.isIntact && sums.isIntact && band.isIntact && from.isIntact)
    }

    @Test(
        "Scaling the input's columns and scaling the packed weights give the same product",
        arguments: InstructionSet.available)
    func scaling(_ isa: InstructionSet) throws {
        let kernels = try Self.table(isa)
        var random = SeededGenerator(state: 40)
        for columns in [8, 16, 24, 40, 56, 80] {
            let (rows, depth) = (5, 37)
            let (matrix, scale) = (random.floats(columns * depth), random.floats(depth))
            let packed = Self.pack(kernels, matrix, columns: columns, depth: depth)
            let scaled = GuardedBuffer(count: columns * depth)
            kernels.pointee.scale_inputs(scaled.pointer, packed.pointer, scale, depth, columns)
            let byHand = matrix.indices.map { matrix[$0] * scale[$0 % depth] }
            #expect(scaled.values == Self.pack(kernels, byHand, columns: columns, depth: depth).values)
            #expect(scaled.isIntact)
            let values = random.floats(rows * depth)
            let buffer = GuardedBuffer(values)
            kernels.pointee.scale_columns(buffer.pointer, scale, rows, depth)
            #expect(buffer.values == values.indices.map { values[$0] * scale[$0 % depth] })
            #expect(buffer.isIntact)
            let averages = GuardedBuffer(count: depth)
            kernels.pointee.average(averages.pointer, values, rows, depth)
            let expected = (0..<depth).map { c in
                (0..<rows).reduce(0.0) { $0 + Double(values[$1 * depth + c]) } / Double(rows)
            }
            #expect(KernelReference.agrees(averages.values, expected, tolerance: 1e-6))
        }
    }
}
