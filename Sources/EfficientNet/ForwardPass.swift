import Tensors

extension PackedNetwork {
    /// The kernel calls of one forward pass over an image of the given size.
    func program(for size: Program.Size) -> Program {
        let program = Program(weights: weights, inputSize: 3 * size.area)
        let padding = description.architecture.padding
        var size = size
        var memory = Memory(self, size: size, program: program)

        let stemWindow = padding.window(over: size, kernel: 3, stride: 2)
        size = stemWindow.output
        // Whether `averages` are those of `map`.
        var isKnown = false
        for (index, layer) in blocks.enumerated() {
            let block = layer.block
            let window = padding.window(over: size, kernel: block.kernel, stride: block.stride)
            let output = window.output
            if index == 0 {
                precondition(layer.expand == nil, "a first block that expands")
                program.stemDepthwise(
                    stem, stem: stemWindow, depthwise: layer.depthwise, window: window, into: memory.expanded,
                    sums: memory.sums)
            } else {
                program.begin(.expandDepthwise, block: index)
                let isCorrected =
                    isKnown
                    && layer.expand.map { program.correct($0, averages: memory.averages, into: memory.bias) } ?? false
                program.expandDepthwise(
                    memory.map, expand: layer.expand, bias: isCorrected ? memory.bias : nil, depthwise: layer.depthwise,
                    window: window,
                    into: memory.expanded, sums: memory.sums)
            }
            program.begin(.squeezeExcite, block: index)
            program.multiply(memory.sums, by: 1 / Float(output.area), count: block.expanded)
            program.multiply(memory.sums, layer.reduce, rows: 1, activation: .swish, into: memory.squeezed)
            program.multiply(memory.squeezed, layer.excite, rows: 1, activation: .sigmoid, into: memory.scale)
            isKnown = layer.project.isCorrected && (isKnown || !block.hasResidual)
            program.multiplyScaled(
                memory.expanded, by: memory.scale, layer.project, rows: output.area,
                residual: block.hasResidual ? memory.map : nil,
                averages: Program.Averages(
                    input: memory.sums, residual: block.hasResidual ? memory.averages : nil,
                    product: isKnown ? memory.nextAverages : nil, bias: memory.bias),
                spare: memory.spare, into: memory.next)
            swap(&memory.map, &memory.next)
            swap(&memory.averages, &memory.nextAverages)
            size = output
        }

        program.begin(.head)
        program.multiply(memory.map, last, rows: size.area, activation: .swish, floats: true, into: memory.expanded)
        var features = memory.expanded
        if case .flattenMLP = description.head {
        } else {
            program.average(memory.expanded, rows: size.area, columns: last.columns, into: memory.sums)
            features = memory.sums
        }
        for (index, matrix) in dense.enumerated() {
            let isLast = index == dense.count - 1
            let result = program.allocate(matrix.columns)
            program.multiply(features, matrix, rows: 1, activation: isLast ? .linear : .relu, into: result)
            features = result
        }
        program.finish(features, count: description.labels)
        return program
    }

    /// The working memory that the blocks share: each region as large as the largest block needs it.
    private struct Memory {
        /// The input of a block.
        var map: Program.Region
        /// The output of a block.
        var next: Program.Region
        /// The depthwise convolution's output.
        let expanded: Program.Region
        /// Sums, then averages, of its channels.
        let sums: Program.Region
        /// The averages of `map`'s channels, and of `next`'s.
        var averages: Program.Region
        var nextAverages: Program.Region
        /// A corrected bias.
        let bias: Program.Region
        let squeezed: Program.Region
        let scale: Program.Region
        /// The projection's weights times the scale.
        let spare: Program.Region

        init(_ network: PackedNetwork, size: Program.Size, program: Program) {
            var size = size.strided(by: 2)
            var map = 0
            var expanded = 0
            for layer in network.blocks {
                size = size.strided(by: layer.block.stride)
                map = max(map, size.area * layer.project.matrix.columns)
                expanded = max(expanded, size.area * layer.depthwise.channels)
            }
            // The head's map is float in every precision.
            let head = program.allocationWords(values: expanded, floats: size.area * network.last.columns)
            let widest = network.blocks.map(\.depthwise.channels).max() ?? 0
            self.map = program.allocate(values: map)
            next = program.allocate(values: map)
            self.expanded = program.allocate(head)
            sums = program.allocate(max(widest, network.last.columns))
            squeezed = program.allocate(network.blocks.map(\.reduce.columns).max() ?? 0)
            scale = program.allocate(widest)
            bias = program.allocate(widest)
            averages = program.allocate(widest)
            nextAverages = program.allocate(widest)
            spare = program.allocate(
                network.blocks.map { $0.project.matrix.depth * $0.project.matrix.columns }.max() ?? 0)
        }
    }
}

extension ModelManifest.Padding {
    /// How a convolution moves over a map of a size.
    fileprivate func window(over size: Program.Size, kernel: Int, stride: Int) -> Program.Window {
        Program.Window(
            input: size, output: size.strided(by: stride), stride: stride,
            top: zeros(size: size.height, kernel: kernel, stride: stride).before,
            left: zeros(size: size.width, kernel: kernel, stride: stride).before)
    }
}

extension Program.Size {
    /// ⌈n / stride⌉ of each side, as both paddings make it.
    fileprivate func strided(by stride: Int) -> Program.Size {
        Program.Size(height: (height + stride - 1) / stride, width: (width + stride - 1) / stride)
    }
}
