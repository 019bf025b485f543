import CKernels

/// A list of kernel calls over one block of working memory: the forward pass of a network for one input size.
///
/// Every offset is checked when a step is added; running checks nothing. One thread at a time.
public final class Program {
    /// A part of the working memory.
    public struct Region: Sendable, Hashable {
        let offset: Int
        /// Number of 32-bit words: floats, or pairs of bfloat16 values.
        public let count: Int
    }

    /// What is applied to a product before it is stored.
    public enum Activation: Sendable, Hashable {
        /// Nothing.
        case linear
        /// x · sigmoid(x).
        case swish
        /// min(max(x, 0), 6); NaN stays NaN.
        case relu6
        /// max(x, 0); NaN stays NaN.
        case relu
        /// 1 / (1 + exp(−x)).
        case sigmoid

        var code: Int32 {
            switch self {
            case .linear: Int32(NR_LINEAR.rawValue)
            case .swish: Int32(NR_SWISH.rawValue)
            case .relu6: Int32(NR_RELU6.rawValue)
            case .relu: Int32(NR_RELU.rawValue)
            case .sigmoid: Int32(NR_SIGMOID.rawValue)
            }
        }
    }

    typealias Kernels = UnsafePointer<nr_kernels>

    enum Step {
        /// A product of maps.
        case gemm(nr_gemm, Kernels)
        /// A product of one row of floats.
        case row(nr_gemm, isFloat: Bool)
        case planes(Planes)
        case expandDepthwise(nr_expand_depthwise, Kernels)
        case convolution(nr_convolution, Kernels)
        case narrow(to: UnsafeMutableRawPointer, from: UnsafePointer<Float>, count: Int)
        case average(to: UnsafeMutablePointer<Float>, from: UnsafePointer<Float>, rows: Int, columns: Int)
        case multiply(UnsafeMutablePointer<Float>, by: Float, count: Int)
        case scaleColumns(UnsafeMutableRawPointer, by: UnsafePointer<Float>, rows: Int, columns: Int, Kernels)
        case scaleInputs(nr_scaling, Kernels)
    }

    let weights: PackedWeights
    private var blocks: [FloatMemory] = []
    private var indices: [UnsafeMutableBufferPointer<Int32>] = []
    private var steps: [(step: Step, part: Part)] = []
    private let size: Int
    private var output: Region?
    private var features: Region?
    /// The part of the network that steps are added to.
    private(set) var part = Part(.stem)

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
        let memory = FloatMemory(count: Layout.padded(count) + Layout.padded(1), isHuge: true)
        blocks.append(memory)
        // Regions are numbered by block: an offset is block · 2^40 + position.
        return Region(offset: (blocks.count - 1) << 40, count: Layout.padded(count))
    }

    func pointer(_ region: Region, _ count: Int) -> UnsafeMutablePointer<Float> {
        precondition(count <= region.count, "a step that needs more than its region holds")
        return blocks[region.offset >> 40].pointer(region.offset & (1 << 40 - 1), count)
    }

    func table(_ values: [Int32]) -> UnsafeMutablePointer<Int32> {
        let table = UnsafeMutableBufferPointer<Int32>.allocate(capacity: max(values.count, 1))
        _ = table.initialize(from: values)
        indices.append(table)
        return table.baseAddress ?? UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    }

    /// Says which part of the network the steps that follow belong to.
    public func begin(_ kind: Part.Kind, block: Int? = nil) { part = Part(kind, block: block) }

    func append(_ step: Step, products: Int = 0) {
        var part = part
        part.products = products
        steps.append((step, part))
    }

    /// The logits: what `run` returns; and the averaged features, which stay where they are until the next image.
    public func finish(_ output: Region, count: Int, features: Region, featureCount: Int) {
        precondition(count <= output.count && featureCount <= features.count)
        self.output = Region(offset: output.offset, count: count)
        self.features = Region(offset: features.offset, count: featureCount)
    }

    /// Runs every step over an image and returns the output.
    public func run(_ image: UnsafeBufferPointer<Float>) -> [Float] {
        guard image.count == size, let source = image.baseAddress, let output else { return [] }
        for (step, _) in steps { execute(step, source) }
        return values(output)
    }

    /// The averaged features of the last image that `run` took.
    public func lastFeatures() -> [Float] { features.map(values) ?? [] }

    private func values(_ region: Region) -> [Float] {
        Array(UnsafeBufferPointer(start: pointer(region, region.count), count: region.count))
    }

    /// Runs every step over an image, and what each took.
    public func timed(_ image: UnsafeBufferPointer<Float>) -> [(part: Part, seconds: Double)] {
        guard image.count == size, let source = image.baseAddress else { return [] }
        var last = ContinuousClock.now
        return steps.map { step, part in
            execute(step, source)
            let now = ContinuousClock.now
            defer { last = now }
            return (part, (now - last) / .seconds(1))
        }
    }

    private func execute(_ step: Step, _ source: UnsafePointer<Float>) {
        switch step {
        case .gemm(var gemm, let kernels): kernels.pointee.gemm(&gemm)
        case .row(var gemm, let isFloat):
            if isFloat { weights.floats.pointee.gemm(&gemm) } else { weights.kernels.pointee.row(&gemm) }
        case .planes(let planes): planes.fill(from: source)
        case .expandDepthwise(var layer, let kernels): nr_run_expand_depthwise(kernels, &layer)
        case .convolution(var layer, let kernels): nr_run_convolution(kernels, &layer)
        case .narrow(let to, let from, let count): nr_convert_f32_bf16(from, to, count)
        case .average(let to, let from, let rows, let columns):
            weights.kernels.pointee.average(to, from, rows, columns)
        case .multiply(let values, let factor, let count):
            for i in 0..<count { values[i] *= factor }
        case .scaleColumns(let values, let scale, let rows, let columns, let kernels):
            kernels.pointee.scale_columns(values, scale, rows, columns)
        case .scaleInputs(var scaling, let kernels): kernels.pointee.scale_inputs(&scaling)
        }
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

    /// A part of the network, for measurements.
    public struct Part: Sendable, Hashable {
        /// What the part does.
        public enum Kind: String, Sendable, Hashable, CaseIterable {
            /// The first convolution, with the first block's depthwise or plain one.
            case stem = "stem + first layer"
            /// A block that is a plain convolution.
            case convolution
            /// A fused MBConv block.
            case fused = "fused MBConv"
            /// A block's expansion and depthwise convolution.
            case expandDepthwise = "expand + depthwise"
            /// A block's squeeze-and-excite, up to scaling what it scales.
            case squeezeExcite = "squeeze-excite"
            /// A block's projection and residual.
            case project
            /// The last convolution and the dense layers.
            case head
        }

        /// What the part does.
        public let kind: Kind
        /// The block it belongs to.
        public let block: Int?
        /// Multiplications of the step.
        public internal(set) var products = 0

        init(_ kind: Kind, block: Int? = nil) {
            self.kind = kind
            self.block = block
        }
    }
}
