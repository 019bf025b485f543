import CKernels
import Foundation
import Testing

@testable import Tensors

/// Every kernel of every instruction set and precision this machine has, against its definition, on seeded random shapes.
@Suite struct KernelTests {
    @Test("A matrix product with bias, activation and residual is its definition", arguments: KernelTable.available)
    func product(_ table: KernelTable) throws {
        let kernels = try table.kernels
        var random = SeededGenerator(state: 20)
        for round in 0..<60 {
            let rows = Int.random(in: 1...45, using: &random)
            let columns = 8 * Int.random(in: 1...11, using: &random)
            let depth = (table.precision == .bf16 ? 2 : 1) * Int.random(in: 1...70, using: &random)
            // Maps of bfloat16 are written after swish or nothing; the rest leaves in float.
            let activation = round % 5
            let isMap =
                table.precision == .f32 || [NR_LINEAR, NR_SWISH, NR_RELU6].map(\.rawValue).contains(UInt32(activation))
            let target = isMap ? table : KernelTable(isa: table.isa, precision: .f32)
            var a = table.stored(random.floats(rows * depth))
            if round % 7 == 4 {
                a[Int.random(in: a.indices, using: &random)] = [.nan, .infinity, -.infinity][round % 3]
            }
            let matrix = table.stored(random.floats(columns * depth))
            let bias = random.floats(columns)
            let residual = round % 3 == 0 ? target.stored(random.floats(rows * columns)) : nil
            let packed = try table.pack(matrix, columns: columns, depth: depth)
            #expect(packed.isIntact)
            let (input, biases, output) = (table.map(a), GuardedBuffer(bias), target.map(count: rows * columns))
            let added = residual.map { target.map($0) }
            var gemm = nr_gemm()
            gemm.a = UnsafeRawPointer(input.pointer)
            gemm.a_row = table.precision.words(depth)
            gemm.weights = UnsafeRawPointer(packed.pointer)
            gemm.bias = UnsafePointer(biases.pointer)
            gemm.c = UnsafeMutableRawPointer(output.pointer)
            gemm.c_row = columns
            gemm.c_element = target.precision.code
            gemm.residual = added.map { UnsafeRawPointer($0.pointer) }
            (gemm.rows, gemm.columns) = (Int32(rows), Int32(columns))
            gemm.depth = Int32(table.precision.words(depth))
            gemm.activation = Int32(activation)
            kernels.pointee.gemm(&gemm)
            let expected = KernelReference.gemm(
                a, matrix, bias: bias, residual: residual, rows: rows, columns: columns, depth: depth,
                activation: activation)
            let agrees = KernelReference.agrees(
                target.values(output, count: rows * columns), expected, tolerance: table.tolerance(2e-5))
            #expect(
                agrees,
                "seed 20, round \(round): \(rows) × \(depth) × \(columns), activation \(activation)")
            #expect(output.isIntact, "round \(round) wrote outside its output")
        }
    }

    @Test("A row's product is its definition, whatever the weights are stored in", arguments: KernelTable.available)
    func row(_ table: KernelTable) throws {
        let kernels = try table.kernels
        var random = SeededGenerator(state: 21)
        for round in 0..<40 {
            let columns = 8 * Int.random(in: 1...11, using: &random)
            let depth = Int.random(in: 1...90, using: &random)
            let a = random.floats(depth)
            let matrix = table.stored(random.floats(columns * depth))
            let bias = random.floats(columns)
            let packed = GuardedBuffer(count: table.precision.words(columns * depth))
            nr_pack_row(kernels, matrix, [Float](repeating: 1, count: columns), packed.pointer, columns, depth)
            #expect(packed.isIntact)
            let (input, biases, output) = (GuardedBuffer(a), GuardedBuffer(bias), GuardedBuffer(count: columns))
            var gemm = nr_gemm()
            gemm.a = UnsafeRawPointer(input.pointer)
            gemm.weights = UnsafeRawPointer(packed.pointer)
            gemm.bias = UnsafePointer(biases.pointer)
            gemm.c = UnsafeMutableRawPointer(output.pointer)
            (gemm.rows, gemm.columns, gemm.depth) = (1, Int32(columns), Int32(depth))
            gemm.activation = Int32(round % 4)
            kernels.pointee.row(&gemm)
            let expected = KernelReference.gemm(
                a, matrix, bias: bias, residual: nil, rows: 1, columns: columns, depth: depth, activation: round % 4)
            let agrees = KernelReference.agrees(
                output.values, expected, tolerance: table.precision == .bf16 ? 1.5e-3 : 2e-5)
            #expect(agrees, "seed 21, round \(round): \(depth) × \(columns)")
            #expect(output.isIntact, "round \(round) wrote outside its output")
        }
    }

    @Test(
        "Swish and sigmoid keep their accuracy, and NaN and infinities end where they do by definition",
        arguments: KernelTable.available)
    func activations(_ table: KernelTable) throws {
        let kernels = try table.kernels
        let special: [Float] = [.nan, .infinity, -.infinity, 200, -200, 1e30, -1e30, 0]
        let values = special + (0..<2000).map { Float($0 - 1000) * 0.0801 }
        for activation in [NR_SWISH, NR_SIGMOID, NR_RELU, NR_RELU6] {
            for width in [8, 16, 32] {
                for start in stride(from: 0, to: values.count - width, by: width) {
                    // A row of zeros leaves the bias, which is what the activation is tried on.
                    let bias = Array(values[start..<start + width])
                    let zero: [Float] = [0]
                    let packed = try table.pack([Float](repeating: 0, count: width), columns: width, depth: 1)
                    let output = GuardedBuffer(count: width)
                    zero.withUnsafeBufferPointer { zero in
                        bias.withUnsafeBufferPointer { bias in
                            var gemm = nr_gemm()
                            gemm.a = UnsafeRawPointer(zero.baseAddress)
                            gemm.a_row = 1
                            gemm.weights = UnsafeRawPointer(packed.pointer)
                            gemm.bias = bias.baseAddress
                            gemm.c = UnsafeMutableRawPointer(output.pointer)
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
                            #expect(
                                KernelReference.agrees(
                                    [found], [expected], tolerance: table.activationTolerance(x, expected)),
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
        "Expansion and depthwise convolution, in bands, are their definitions", arguments: KernelTable.available,
        [false, true])
    func expandDepthwise(_ table: KernelTable, _ same: Bool) throws {
        var random = SeededGenerator(state: same ? 31 : 30)
        for round in 0..<60 {
            let activation = Int((round % 2 == 0 ? NR_SWISH : NR_RELU6).rawValue)
            var shape = Shape.random(&random, same: same)
            let expands = round % 3 != 0
            if !expands { shape.channels = shape.inputs }
            var input = table.stored(random.floats(shape.height * shape.width * shape.inputs))
            // Bad values must come out in the same places as by definition.
            if round % 5 == 4 {
                input[Int.random(in: input.indices, using: &random)] = [.nan, .infinity, -.infinity][round % 3]
            }
            let matrix = table.stored(random.floats(shape.channels * shape.inputs))
            let expandBias = random.floats(shape.channels)
            let taps = random.floats(shape.channels * shape.kernel * shape.kernel)
            let bias = random.floats(shape.channels)
            let (found, sums, isIntact) = try run(
                table, shape, expands: expands, input: input, matrix: matrix, expandBias: expandBias, taps: taps,
                bias: bias, activation: activation)
            let expanded =
                expands
                ? KernelReference.gemm(
                    input, matrix, bias: expandBias, residual: nil, rows: shape.height * shape.width,
                    columns: shape.channels, depth: shape.inputs, activation: activation)
                : input.map(Double.init)
            let expected = KernelReference.depthwise(
                expanded, height: shape.height, width: shape.width, channels: shape.channels, taps: taps, bias: bias,
                kernel: shape.kernel, stride: shape.stride, top: shape.top, left: shape.left,
                outputHeight: shape.output.height, outputWidth: shape.output.width,
                activation: activation)
            // A bfloat16 table's swish is off by up to 8e-4 in each of up to 25 values that a tap weighs.
            let isRounded = table.precision == .bf16
            let agrees = KernelReference.agrees(found, expected, tolerance: isRounded ? 2e-2 : 5e-5)
            #expect(agrees, "seed 30/31, round \(round): \(shape)")
            var expectedSums = [Double](repeating: 0, count: shape.channels)
            for (index, value) in expected.enumerated() { expectedSums[index % shape.channels] += value }
            // Such errors add up: in bfloat16 what is compared is the average.
            let share = isRounded ? 1 / Double(expected.count / shape.channels) : 1
            let sumsAgree = KernelReference.agrees(
                sums.map { $0 * Float(share) }, expectedSums.map { $0 * share }, tolerance: isRounded ? 6e-3 : 2e-4)
            #expect(sumsAgree, "sums, round \(round): \(shape)")
            #expect(isIntact, "round \(round) wrote outside its buffers: \(shape)")
        }
    }

    private func run(
        _ table: KernelTable, _ shape: Shape, expands: Bool, input: [Float], matrix: [Float],
        expandBias: [Float], taps: [Float], bias: [Float], activation: Int
    ) throws -> (output: [Float], sums: [Float], isIntact: Bool) {
        let channels = shape.channels
        let area = shape.kernel * shape.kernel
        var turned = [Float](repeating: 0, count: taps.count)
        for c in 0..<channels {
            for t in 0..<area { turned[t * channels + c] = taps[c * area + t] }
        }
        let kernels = try table.kernels
        let packed = try table.pack(matrix, columns: channels, depth: matrix.count / channels)
        let (from, biases) = (table.map(input), GuardedBuffer(bias))
        let (expandBiases, weights) = (GuardedBuffer(expandBias), GuardedBuffer(turned))
        let outputs = shape.output.height * shape.output.width * channels
        let output = table.map(count: outputs)
        let sums = GuardedBuffer(count: channels)
        var layer = nr_expand_depthwise()
        layer.input = UnsafeRawPointer(from.pointer)
        if expands {
            layer.expand_weights = UnsafeRawPointer(packed.pointer)
            layer.expand_bias = UnsafePointer(expandBiases.pointer)
        }
        layer.weights = UnsafePointer(weights.pointer)
        layer.bias = UnsafePointer(biases.pointer)
        layer.output = UnsafeMutableRawPointer(output.pointer)
        layer.sums = sums.pointer
        (layer.height, layer.width) = (Int32(shape.height), Int32(shape.width))
        (layer.inputs, layer.channels) = (Int32(shape.inputs), Int32(channels))
        (layer.kernel, layer.stride) = (Int32(shape.kernel), Int32(shape.stride))
        (layer.top, layer.left) = (Int32(shape.top), Int32(shape.left))
        (layer.output_height, layer.output_width) = (Int32(shape.output.height), Int32(shape.output.width))
        layer.band_rows = Int32(shape.bandRows)
        layer.activation = Int32(activation)
        layer.streams = shape.bandRows % 2 == 0 ? 1 : 0
        let band = GuardedBuffer(count: nr_band_floats(&layer))
        var offsets = [Int32](repeating: -1, count: nr_band_offsets(&layer))
        layer.band = band.pointer
        offsets.withUnsafeMutableBufferPointer { offsets in
            layer.offsets = offsets.baseAddress
            // Twice: what the first run leaves in its working memory must not matter.
            nr_run_expand_depthwise(kernels, &layer)
            nr_run_expand_depthwise(kernels, &layer)
        }
        let found = table.values(output, count: outputs)
        return (found, sums.values, output.isIntact && sums.isIntact && band.isIntact && from.isIntact)
    }

    @Test(
        "Scaling the input's columns and scaling the packed weights give the same product",
        arguments: KernelTable.available)
    func scaling(_ table: KernelTable) throws {
        let kernels = try table.kernels
        var random = SeededGenerator(state: 40)
        for columns in [8, 16, 24, 40, 56, 80] {
            let (rows, depth) = (5, 38)
            let matrix = table.stored(random.floats(columns * depth))
            let scale = random.floats(depth)
            let words = table.precision.words(depth)
            let floats = GuardedBuffer(count: depth * columns)
            let ones = [Float](repeating: 1, count: columns)
            nr_pack_floats(kernels, matrix, ones, floats.pointer, columns, depth)
            #expect(floats.isIntact)
            let scaled = GuardedBuffer(count: nr_packed_words(kernels, columns, depth))
            let (averages, bias) = (random.floats(depth), random.floats(columns))
            let (corrected, sums) = (GuardedBuffer(count: columns), GuardedBuffer(count: columns))
            withUnsafePointers(scale, averages, bias) { scale, averages, bias in
                var scaling = nr_scaling()
                scaling.target = UnsafeMutableRawPointer(scaled.pointer)
                scaling.weights = UnsafePointer(floats.pointer)
                scaling.scale = scale
                scaling.averages = averages
                scaling.bias = bias
                scaling.corrected = corrected.pointer
                scaling.residual_averages = bias
                scaling.product_averages = sums.pointer
                (scaling.depth, scaling.columns) = (words, columns)
                kernels.pointee.scale_inputs(&scaling)
            }
            let byHand = matrix.indices.map { matrix[$0] * scale[$0 % depth] }
            let isSame =
                scaled.values.map(\.bitPattern)
                == (try table.pack(byHand, columns: columns, depth: depth)).values.map(\.bitPattern)
            #expect(isSame, "\(columns) columns")
            #expect(scaled.isIntact && corrected.isIntact && sums.isIntact)
            let stored = table.stored(byHand)
            let (exact, lost) = (0..<columns).map { n in
                (0..<depth).reduce(into: (0.0, 0.0)) { total, k in
                    let value = byHand[n * depth + k]
                    total.0 += Double(value) * Double(averages[k])
                    total.1 += Double(value - stored[n * depth + k]) * Double(averages[k])
                }
            }.reduce(into: ([Double](), [Double]())) { lists, sums in
                lists.0.append(sums.0)
                lists.1.append(sums.1)
            }
            #expect(
                KernelReference.agrees(sums.values, zip(exact, bias).map { $0 + 2 * Double($1) }, tolerance: 1e-5))
            #expect(
                KernelReference.agrees(corrected.values, zip(lost, bias).map { $0 + Double($1) }, tolerance: 1e-6))
            let values = table.stored(random.floats(rows * depth))
            let buffer = table.map(values)
            kernels.pointee.scale_columns(buffer.pointer, scale, rows, depth)
            let product = values.indices.map { values[$0] * scale[$0 % depth] }
            #expect(table.values(buffer, count: values.count) == table.stored(product))
            #expect(buffer.isIntact)
            let means = GuardedBuffer(count: depth)
            kernels.pointee.average(means.pointer, values, rows, depth)
            let expected = (0..<depth).map { c in
                (0..<rows).reduce(0.0) { $0 + Double(values[$1 * depth + c]) } / Double(rows)
            }
            #expect(KernelReference.agrees(means.values, expected, tolerance: 1e-6))
        }
    }
}

private func withUnsafePointers(
    _ a: [Float], _ b: [Float], _ c: [Float],
    _ body: (UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafePointer<Float>?) -> Void
) {
    a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
            c.withUnsafeBufferPointer { c in body(a.baseAddress, b.baseAddress, c.baseAddress) }
        }
    }
}
