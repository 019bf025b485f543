import CKernels
import Testing

@testable import Tensors

/// Convolutions of whole maps and fused MBConv blocks, against their definitions, on seeded random shapes.
@Suite struct ConvolutionTests {
    struct Shape: CustomStringConvertible {
        var height: Int
        var width: Int
        var inputs: Int
        var channels: Int
        var outputs: Int
        var kernel: Int
        var stride: Int
        var top: Int
        var left: Int
        var bandRows: Int
        var projects: Bool
        var addsInput: Bool
        var activation: Int

        var output: (height: Int, width: Int) { ((height + stride - 1) / stride, (width + stride - 1) / stride) }
        var description: String {
            "\(height)×\(width)×\(inputs) → \(channels)\(projects ? " → \(outputs)" : ""), \(kernel)×\(kernel)/\(stride), zeros "
                + "\(top), \(left), bands of \(bandRows), \(addsInput ? "input added" : "alone"), activation \(activation)"
        }

        init(_ random: inout SeededGenerator, same: Bool, round: Int) {
            kernel = round % 4 == 3 ? 5 : 3
            stride = Int.random(in: 1...2, using: &random)
            height = Int.random(in: 1...19, using: &random)
            width = Int.random(in: 1...33, using: &random)
            inputs = 8 * Int.random(in: 1...5, using: &random)
            channels = 8 * Int.random(in: 1...10, using: &random)
            projects = round % 3 != 0
            outputs = projects ? 8 * Int.random(in: 1...9, using: &random) : channels
            addsInput = stride == 1 && round % 2 == 0
            if addsInput { (outputs, channels) = (inputs, projects ? channels : inputs) }
            activation = Int((round % 5 == 1 ? NR_RELU6 : NR_SWISH).rawValue)
            let (kernel, stride) = (kernel, stride)
            func before(_ size: Int) -> Int {
                guard same else { return kernel / 2 }
                return max(((size + stride - 1) / stride - 1) * stride + kernel - size, 0) / 2
            }
            (top, left) = (before(height), before(width))
            bandRows = Int.random(in: 1...((height + stride - 1) / stride), using: &random)
        }
    }

    @Test(
        "A convolution, with a projection or without, in bands, is its definition", arguments: KernelTable.available,
        [false, true])
    func convolution(_ table: KernelTable, _ same: Bool) throws {
        var random = SeededGenerator(state: same ? 51 : 50)
        for round in 0..<60 {
            let shape = Shape(&random, same: same, round: round)
            let depth = shape.kernel * shape.kernel * shape.inputs
            var input = table.stored(random.floats(shape.height * shape.width * shape.inputs))
            // Bad values must come out in the same places as by definition.
            if round % 5 == 4 {
                input[Int.random(in: input.indices, using: &random)] = [.nan, .infinity, -.infinity][round % 3]
            }
            // As many products as there are: sums stay of the size of their parts.
            let range = 2 / Float(depth).squareRoot()
            let weights = table.stored(random.floats(shape.channels * depth, -range...range))
            let bias = random.floats(shape.channels)
            let projectRange = 2 / Float(shape.channels).squareRoot()
            let project = table.stored(random.floats(shape.outputs * shape.channels, -projectRange...projectRange))
            let projectBias = random.floats(shape.outputs)
            let (found, isIntact) = try run(
                table, shape, input: input, weights: weights, bias: bias, project: project, projectBias: projectBias)
            var expected = KernelReference.convolution(
                input, height: shape.height, width: shape.width, inputs: shape.inputs, weights: weights, bias: bias,
                kernel: shape.kernel, stride: shape.stride, top: shape.top, left: shape.left,
                outputHeight: shape.output.height, outputWidth: shape.output.width, activation: shape.activation)
            if shape.projects {
                expected = KernelReference.gemm(
                    table.stored(expected.map(Float.init)), project, bias: projectBias, residual: nil,
                    rows: shape.output.height * shape.output.width, columns: shape.outputs, depth: shape.channels,
                    activation: Int(NR_LINEAR.rawValue))
            }
            if shape.addsInput { for index in expected.indices { expected[index] += Double(input[index]) } }
            // In bfloat16 what the projection reads may be rounded the other way: half a unit of 2^-8 in each of its inputs.
            let tolerance = table.precision == .bf16 ? 2e-2 : 5e-5
            let agrees = KernelReference.agrees(found, expected, tolerance: tolerance)
            #expect(agrees, "seed 50/51, round \(round): \(shape)")
            #expect(isIntact, "round \(round) wrote outside its buffers: \(shape)")
        }
    }

    private func run(
        _ table: KernelTable, _ shape: Shape, input: [Float], weights: [Float], bias: [Float], project: [Float],
        projectBias: [Float]
    ) throws -> (output: [Float], isIntact: Bool) {
        let kernels = try table.kernels
        let packed = try table.pack(
            weights, columns: shape.channels, depth: shape.kernel * shape.kernel * shape.inputs)
        let packedProject = try table.pack(project, columns: shape.outputs, depth: shape.channels)
        let (from, biases, projectBiases) = (table.map(input), GuardedBuffer(bias), GuardedBuffer(projectBias))
        let outputs = shape.output.height * shape.output.width * shape.outputs
        let output = table.map(count: outputs)
        var layer = nr_convolution()
        layer.input = UnsafeRawPointer(from.pointer)
        layer.weights = UnsafeRawPointer(packed.pointer)
        layer.bias = UnsafePointer(biases.pointer)
        if shape.projects {
            layer.project_weights = UnsafeRawPointer(packedProject.pointer)
            layer.project_bias = UnsafePointer(projectBiases.pointer)
        }
        layer.output = UnsafeMutableRawPointer(output.pointer)
        (layer.height, layer.width) = (Int32(shape.height), Int32(shape.width))
        (layer.inputs, layer.channels) = (Int32(shape.inputs), Int32(shape.channels))
        layer.outputs = Int32(shape.outputs)
        (layer.kernel, layer.stride) = (Int32(shape.kernel), Int32(shape.stride))
        (layer.top, layer.left) = (Int32(shape.top), Int32(shape.left))
        (layer.output_height, layer.output_width) = (Int32(shape.output.height), Int32(shape.output.width))
        layer.band_rows = Int32(shape.bandRows)
        layer.activation = Int32(shape.activation)
        layer.adds_input = shape.addsInput ? 1 : 0
        let band = GuardedBuffer(count: nr_convolution_band(kernels, &layer))
        let expanded = GuardedBuffer(count: nr_convolution_expanded(kernels, &layer))
        layer.band = UnsafeMutableRawPointer(band.pointer)
        layer.expanded = UnsafeMutableRawPointer(expanded.pointer)
        // Twice: what the first run leaves in its working memory must not matter.
        nr_run_convolution(kernels, &layer)
        nr_run_convolution(kernels, &layer)
        return (
            table.values(output, count: outputs),
            output.isIntact && band.isIntact && expanded.isIntact && from.isIntact
        )
    }
}
