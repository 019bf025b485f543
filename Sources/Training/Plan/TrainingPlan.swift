import EfficientNet

/// How a network is trained, step by step, and where everything lies: made of the same layers that the inference engine reads.
struct TrainingPlan: Sendable {
    /// What the head reads.
    enum Features: Sendable, Hashable {
        /// The average of a unit's map.
        case average(Int)
        /// Every value of it.
        case flatten(Int)
        /// Vectors that are handed over: training a head alone.
        case given
    }

    private(set) var layout: ParameterLayout
    private(set) var padding: ModelManifest.Padding
    private(set) var epsilon: Double
    private(set) var labels: Int
    /// Of the images; nil where the head's features are handed over.
    private(set) var image: MapShape?
    /// Largest batch.
    private(set) var batch: Int
    private(set) var threads: Int

    var units: [ConvolutionUnit] = []
    var gates: [SqueezeExcite] = []
    var body: [BodyStep] = []
    /// Shapes and offsets of the maps that units write.
    var maps: [(shape: MapShape, offset: Int)] = []
    var features = Features.given
    var featuresCount = 0
    var head: [HeadStep] = []
    /// Offsets of the head's vectors: its input, and each step's output; and of their gradients.
    var vectors: [Int] = []
    var vectorGradients: [Int] = []

    /// The buffers of gradients: two that units use in turn, and the maps'.
    var slots = [GradientBuffer(), GradientBuffer()]
    var mapGradient = GradientBuffer()
    /// Zeros, as many as the widest layer has channels: the bias of products that have none.
    var zeros = 0
    /// Floats in memory that all threads share, and in each thread's own.
    var sharedFloats = 0
    var scratch = ScratchMemory()
    /// Floats of each thread's gradients, at the beginning of its memory.
    var partialFloats = 0
    /// Widest map, in channels.
    var widest = 8

    /// A plan for images of the description's size, batches of at most `batch` of them.
    init(
        _ description: NetworkDescription, batch: Int, threads: Int, headOnly: Bool = false
    ) throws(TrainingError) {
        let side = description.resolution
        var layers = description.architecture.layers(
            height: side, width: side, head: description.head, labels: description.labels)
        var vectorLength: Int?
        if headOnly {
            let start = layers.firstIndex { $0.name == "global_pool" || $0.name == "flatten" } ?? 0
            vectorLength = layers[start].output.reduce(1, *)
            layers = Array(layers[(start + 1)...])
        }
        layout = ParameterLayout(layers.flatMap(\.parameters))
        padding = description.architecture.padding
        epsilon = description.batchNormEpsilon
        labels = description.labels
        image = headOnly ? nil : MapShape(height: side, width: side, channels: 3)
        self.batch = batch
        self.threads = threads
        var builder = PlanBuilder(self, layers: layers, given: vectorLength)
        self = try builder.build()
        allocate()
    }

    /// Bytes that a training of this plan holds: maps, weights four times (gradient, two moments, average), threads' own memory.
    var bytes: Int {
        4 * (sharedFloats + threads * (partialFloats + scratch.floats) + 5 * layout.count)
    }

    /// How images are divided: thread `index` takes a range of them.
    func images(of index: Int, count: Int) -> Range<Int> {
        index * count / threads..<(index + 1) * count / threads
    }
}
