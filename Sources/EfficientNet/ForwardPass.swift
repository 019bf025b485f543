import Tensors

extension PackedNetwork {
    /// The kernel calls of one forward pass over an image of the given size.
    func program(for size: Program.Size) -> Program {
        var pass = ForwardPass(self, size: size)
        for (index, block) in layout.blocks.enumerated() {
            pass.add(block, description.architecture.blocks[index], index: index)
        }
        return pass.finish()
    }
}

/// Lays the kernel calls out one after the other and follows the map's size through them.
private struct ForwardPass {
    let network: PackedNetwork
    let program: Program
    let activation: Program.Activation
    private let stem: Program.Window
    private var memory: Memory
    /// Of `memory.map`.
    private var size: Program.Size
    /// What `memory.map` is stored in.
    private var precision: Precision
    /// Whether `memory.averages` are those of `memory.map`.
    private var isKnown = false

    private var padding: ModelManifest.Padding { network.description.architecture.padding }

    init(_ network: PackedNetwork, size: Program.Size) {
        self.network = network
        program = Program(weights: network.weights, inputSize: 3 * size.area)
        activation = network.description.architecture.activation == .swish ? .swish : .relu6
        memory = Memory(network, size: size, program: program)
        stem = network.description.architecture.padding.window(over: size, kernel: 3, stride: 2)
        self.size = stem.output
        precision = network.layout.stem.precision
    }

    mutating func add(_ packed: PackedNetwork.Block, _ block: Architecture.Block, index: Int) {
        let window = padding.window(over: size, kernel: block.kernel, stride: block.stride)
        switch packed {
        case .convolution(let matrix):
            if index == 0 {
                program.stemConvolution(
                    network.layout.stem, stemWindow: stem, matrix, kernel: block.kernel, window: window,
                    activation: activation, addsInput: block.hasResidual, into: memory.next)
            } else {
                program.begin(.convolution, block: index)
                convolution(matrix, project: nil, block, window)
            }
            isKnown = false
        case .fused(let expand, let project):
            precondition(index > 0, "a fused first block")
            program.begin(.fused, block: index)
            convolution(expand, project: project, block, window)
            isKnown = false
        case .mbConv(let parts):
            expandDepthwise(parts, window, index: index)
            if let squeeze = parts.squeeze {
                scaledProjection(parts.project, squeeze, block, window, index: index)
            } else {
                program.begin(.project, block: index)
                program.multiply(
                    memory.expanded, parts.project.matrix, rows: window.output.area, activation: .linear,
                    residual: block.hasResidual ? memory.map : nil, into: memory.next)
                isKnown = false
            }
        }
        swap(&memory.map, &memory.next)
        swap(&memory.averages, &memory.nextAverages)
        size = window.output
    }

    private func convolution(
        _ matrix: PackedWeights.Matrix, project: PackedWeights.Matrix?, _ block: Architecture.Block,
        _ window: Program.Window
    ) {
        program.convolution(
            memory.map, matrix, project: project, kernel: block.kernel, window: window, activation: activation,
            addsInput: block.hasResidual, into: memory.next)
    }

    private mutating func expandDepthwise(_ parts: PackedNetwork.MBConv, _ window: Program.Window, index: Int) {
        if index == 0 {
            precondition(parts.expand == nil, "a first block that expands")
            program.stemDepthwise(
                network.layout.stem, stem: stem, depthwise: parts.depthwise, window: window, activation: activation,
                into: memory.expanded, sums: memory.sums)
            return
        }
        program.begin(.expandDepthwise, block: index)
        round(to: parts.depthwise.precision, channels: parts.expand?.depth ?? parts.depthwise.channels)
        let isCorrected =
            isKnown
            && parts.expand.map { program.correct($0, averages: memory.averages, into: memory.bias) } ?? false
        program.expandDepthwise(
            memory.map, expand: parts.expand, bias: isCorrected ? memory.bias : nil, depthwise: parts.depthwise,
            window: window, activation: activation, into: memory.expanded, sums: memory.sums)
    }

    private mutating func scaledProjection(
        _ project: PackedWeights.Scalable, _ squeeze: PackedNetwork.Squeeze, _ block: Architecture.Block,
        _ window: Program.Window, index: Int
    ) {
        let area = window.output.area
        program.begin(.squeezeExcite, block: index)
        program.multiply(memory.sums, by: 1 / Float(area), count: block.expanded)
        program.multiply(memory.sums, squeeze.reduce, rows: 1, activation: activation, into: memory.squeezed)
        program.multiply(memory.squeezed, squeeze.excite, rows: 1, activation: .sigmoid, into: memory.scale)
        isKnown = project.isCorrected && (isKnown || !block.hasResidual)
        program.multiplyScaled(
            memory.expanded, by: memory.scale, project, rows: area, residual: block.hasResidual ? memory.map : nil,
            averages: Program.Averages(
                input: memory.sums, residual: block.hasResidual ? memory.averages : nil,
                product: isKnown ? memory.nextAverages : nil, bias: memory.bias),
            spare: memory.spare, into: memory.next)
    }

    /// Rounds the map where what follows reads bfloat16 and the map is float.
    private mutating func round(to wanted: Precision, channels: Int) {
        guard wanted != precision else { return }
        program.narrow(memory.map, count: size.area * channels, into: memory.next)
        swap(&memory.map, &memory.next)
        precision = wanted
    }

    consuming func finish() -> Program {
        let layout = network.layout
        program.begin(.head)
        program.multiply(
            memory.map, layout.last, rows: size.area, activation: activation, floats: true, into: memory.expanded)
        // Averaged for a flattening head too: a reading's features are the same thing for every model.
        program.average(memory.expanded, rows: size.area, columns: layout.last.columns, into: memory.sums)
        var features = memory.sums
        if network.description.head.flattens { features = memory.expanded }
        for (index, matrix) in layout.dense.enumerated() {
            let isLast = index == layout.dense.count - 1
            let result = program.allocate(matrix.columns)
            program.multiply(features, matrix, rows: 1, activation: isLast ? .linear : .relu, into: result)
            features = result
        }
        program.finish(
            features, count: network.description.labels, features: memory.sums, featureCount: layout.last.columns)
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
            let layout = network.layout
            // Words, or values where those are floats.
            var (map, expanded, widest, squeezed, spare) = (0, 0, 0, 0, 0)
            for (block, packed) in zip(network.description.architecture.blocks, layout.blocks) {
                size = size.strided(by: block.stride)
                switch packed {
                case .convolution(let matrix), .fused(_, project: let matrix):
                    map = max(map, matrix.precision.words(size.area * matrix.columns))
                    widest = max(widest, matrix.columns)
                case .mbConv(let parts):
                    let (matrix, channels) = (parts.project.matrix, parts.depthwise.channels)
                    map = max(map, matrix.precision.words(size.area * matrix.columns))
                    expanded = max(expanded, parts.depthwise.precision.words(size.area * channels))
                    widest = max(widest, channels)
                    guard let squeeze = parts.squeeze else { continue }
                    squeezed = max(squeezed, squeeze.reduce.columns)
                    spare = max(spare, matrix.depth * matrix.columns)
                }
            }
            // The head's map is float in every precision.
            expanded = max(expanded, size.area * layout.last.columns)
            self.map = program.allocate(map)
            next = program.allocate(map)
            self.expanded = program.allocate(expanded)
            sums = program.allocate(max(widest, layout.last.columns))
            self.squeezed = program.allocate(squeezed)
            scale = program.allocate(widest)
            bias = program.allocate(widest)
            averages = program.allocate(widest)
            nextAverages = program.allocate(widest)
            self.spare = program.allocate(spare)
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
