import CKernels
import Tensors

/// One thread of a training: its images, its working memory, its sums.
final class Lane {
    // It owns this, and counting references costs a hundredth of a step.
    unowned(unsafe) let machine: Machine
    let index: Int
    let plan: TrainingPlan
    let values: UnsafeMutablePointer<Float>
    let kernels: nr_kernels
    let training: nr_training
    private let memory: FloatMemory
    /// The thread's gradients of the weights; see `UnitMemory.partial`.
    let partials: UnsafeMutablePointer<Float>
    private let scratch: UnsafeMutablePointer<Float>
    /// Two sums per channel: means and squared deviations forwards, sums and products backwards.
    let firstSums: UnsafeMutablePointer<Double>
    let secondSums: UnsafeMutablePointer<Double>
    /// A sum per channel that does not leave its function.
    let channelSums: UnsafeMutablePointer<Double>
    /// Pixels that the sums are of.
    var summed = 0
    /// Where the k-th row of a transposed product's left side lies.
    private let steps: UnsafeMutablePointer<Int32>
    private let stepsCapacity: Int
    private var stepsRow = 0
    /// The pass' images that this thread takes.
    private(set) var own = 0..<0
    /// Those of them that are in turn.
    private(set) var images = 0..<0
    /// Whether the next layer takes the images from the last one on.
    private var descends = false

    init(_ machine: Machine, index: Int) {
        self.machine = machine
        self.index = index
        plan = machine.plan
        values = machine.values
        kernels = machine.kernels.pointee
        training = machine.training.pointee
        memory = FloatMemory(count: plan.partialFloats + plan.scratch.floats, isHuge: true)
        partials = memory.floats
        scratch = partials + plan.partialFloats
        let channels = plan.widest
        func sums() -> UnsafeMutablePointer<Double> {
            let sums = UnsafeMutablePointer<Double>.allocate(capacity: channels)
            sums.initialize(repeating: 0, count: channels)
            return sums
        }
        firstSums = sums()
        secondSums = sums()
        channelSums = sums()
        stepsCapacity = max(plan.batch, plan.units.map(TrainingPlan.rows).max() ?? 0)
        steps = .allocate(capacity: stepsCapacity)
        steps.initialize(repeating: 0, count: stepsCapacity)
    }

    deinit {
        firstSums.deallocate()
        secondSums.deallocate()
        channelSums.deallocate()
        steps.deallocate()
    }

    var pass: Machine.Pass { machine.pass }
    var inputScratch: UnsafeMutablePointer<Float> { scratch + plan.scratch.input }
    var gradientScratch: UnsafeMutablePointer<Float> { scratch + plan.scratch.gradient }
    var panelScratch: UnsafeMutablePointer<Float> { scratch + plan.scratch.panels }
    var paddedScratch: UnsafeMutablePointer<Float> { scratch + plan.scratch.padded }
    var paddedGradientScratch: UnsafeMutablePointer<Float> { scratch + plan.scratch.paddedGradient }
    var outputScratch: UnsafeMutablePointer<Float> { scratch + plan.scratch.output }

    /// Takes the pass' images.
    func begin() {
        own = plan.images(of: index, count: pass.count)
        images = own
        descends = false
    }

    /// Floats of maps that are thought to stay in this thread's share of the last-level cache.
    private static let cachedFloats = 1 << 20

    /// Whether maps of `floats` values an image are found in no cache by whoever reads them: they go past the caches then, which spares
    /// reading what is overwritten.
    func streams(_ floats: Int) -> Bool { own.count * floats >= 2 * Self.cachedFloats }

    /// Calls `body` for some images after the other, so many that `floats` of each stay in a cache while it reads them more than once.
    /// Layers take them in turn from the first and from the last on: those that one has left in a cache come first in the next.
    func portions(_ floats: Int, _ body: () -> Void) {
        let size = max(1, min(own.count, Self.cachedFloats / max(1, floats)))
        let starts = Array(stride(from: own.lowerBound, to: own.upperBound, by: size))
        for start in descends ? starts.reversed() : starts {
            images = start..<min(start + size, own.upperBound)
            body()
        }
        images = own
        descends.toggle()
    }

    func clearSums(_ channels: Int) {
        firstSums.update(repeating: 0, count: channels)
        secondSums.update(repeating: 0, count: channels)
        summed = 0
    }

    /// Calls `body` for each image that some of `count` rows from `row` on belong to: the image, its rows among them.
    func segments(_ row: Int, _ count: Int, area: Int, _ body: (_ image: Int, _ rows: Range<Int>) -> Void) {
        var next = row
        while next < row + count {
            let image = next / area
            let end = min(row + count, (image + 1) * area)
            body(image, next..<end)
            next = end
        }
    }

    /// c = a · weights + bias, or + c where `adds`.
    func multiply(
        _ a: UnsafePointer<Float>, row: Int, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
        into c: UnsafeMutablePointer<Float>, cRow: Int, rows: Int, columns: Int, depth: Int, adds: Bool = false
    ) {
        var product = nr_gemm()
        product.a = UnsafeRawPointer(a)
        product.a_row = row
        product.weights = UnsafeRawPointer(weights)
        product.bias = bias ?? UnsafePointer(values + plan.zeros)
        product.c = UnsafeMutableRawPointer(c)
        product.c_row = cRow
        product.residual = adds ? UnsafeRawPointer(c) : nil
        product.rows = Int32(rows)
        product.columns = Int32(columns)
        product.depth = Int32(depth)
        product.activation = Int32(NR_LINEAR.rawValue)
        product.c_element = Int32(NR_F32.rawValue)
        kernels.gemm(&product)
    }

    /// c[m][n] += Σk a[k][m] · b[k][n]; b lies in the products' order, k runs over `depth` rows.
    func multiplyTransposed(
        _ a: UnsafePointer<Float>, row: Int, panels: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
        cRow: Int, rows: Int, columns: Int, depth: Int
    ) {
        precondition(depth <= stepsCapacity, "a band longer than any unit's")
        if stepsRow != row {
            for k in 0..<stepsCapacity { steps[k] = Int32(k * row) }
            stepsRow = row
        }
        var product = nr_gemm()
        product.a = UnsafeRawPointer(a)
        product.a_row = 1
        product.a_steps = UnsafePointer(steps)
        product.weights = UnsafeRawPointer(panels)
        product.bias = UnsafePointer(values + plan.zeros)
        product.c = UnsafeMutableRawPointer(c)
        product.c_row = cRow
        product.residual = UnsafeRawPointer(c)
        product.rows = Int32(rows)
        product.columns = Int32(columns)
        product.depth = Int32(depth)
        product.activation = Int32(NR_LINEAR.rawValue)
        product.c_element = Int32(NR_F32.rawValue)
        kernels.gemm(&product)
    }
}

/// Rows of channels that lie one after the other.
func rowsMap(_ values: UnsafePointer<Float>?, _ channels: Int) -> nr_map {
    nr_map(values: UnsafeMutablePointer(mutating: values), pixel: channels, line: 0)
}

func extent(_ lines: Int, _ pixels: Int, _ channels: Int) -> nr_extent {
    nr_extent(lines: Int32(lines), pixels: Int32(pixels), channels: Int32(channels))
}
