import Tensors

extension PackedNetwork {
    /// The kernel calls of one forward pass over an image of the given size.
    func program(for size: Program.Size) -> Program {
        let program = Program(weights: weights, inputSize: 3 * size.area)
        let padding = description.architecture.padding
        var size = size
        var memory = Memory(self, size: size, program: program)

        let stemSize = size.strided(by: 2)
        program.stem(
            stem, input: size, top: padding.zeros(size: size.height, kernel: 3, stride: 2).before,
            left: padding.zeros(size: size.width, kernel: 3, stride: 2).before, output: stemSize, into: memory.map)
        size = stemSize

        for layer in blocks {
            let block = layer.block
            let output = size.strided(by: block.stride)
            program.expandDepthwise(
                memory.map, expand: layer.expand, depthwise: layer.depthwise, stride: block.stride, size: size,
                top: padding.zeros(size: size.height, kernel: block.kernel, stride: block.stride).before,
                left: padding.zeros(size: size.width, kernel: block.kernel, stride: block.stride).before,
                output: output, into: memory.expanded, sums: memory.sums)
            program.multiply(memory.sums, by: 1 / Float(output.area), count: block.expanded)
            program.multiply(memory.sums, layer.reduce, rows: 1, activation: .swish, into: memory.squeezed)
            program.multiply(memory.squeezed, layer.excite, rows: 1, activation: .sigmoid, into: memory.scale)
            program.multiplyScaled(
                memory.expanded, by: memory.scale, layer.project, rows: output.area,
                residual: block.hasResidual ? memory.map : nil, spare: memory.spare, into: memory.next)
            swap(&memory.map, &memory.next)
            size = output
        }

        program.multiply(memory.map, last, rows: size.area, activation: .swish, into: memory.expanded)
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
        let squeezed: Program.Region
        let scale: Program.Region
        /// The projection's weights times the scale.
        let spare: Program.Region

        init(_ network: PackedNetwork, size: Program.Size, program: Program) {
            var size = size.strided(by: 2)
            var map = size.area * network.stem.columns
            var expanded = 0
            for layer in network.blocks {
                size = size.strided(by: layer.block.stride)
                map = max(map, size.area * layer.project.columns)
                expanded = max(expanded, size.area * layer.depthwise.channels)
            }
            expanded = max(expanded, size.area * network.last.columns)
            let widest = network.blocks.map(\.depthwise.channels).max() ?? 0
            self.map = program.allocate(map)
            next = program.allocate(map)
            self.expanded = program.allocate(expanded)
            sums = program.allocate(max(widest, network.last.columns))
            squeezed = program.allocate(network.blocks.map(\.reduce.columns).max() ?? 0)
            scale = program.allocate(widest)
            spare = program.allocate(network.blocks.map { $0.project.depth * $0.project.columns }.max() ?? 0)
        }
    }
}

extension Program.Size {
    /// ⌈n / stride⌉ of each side, as both paddings make it.
    fileprivate func strided(by stride: Int) -> Program.Size {
        Program.Size(height: (height + stride - 1) / stride, width: (width + stride - 1) / stride)
    }
}
