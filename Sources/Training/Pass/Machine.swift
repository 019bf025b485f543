import CKernels
import EfficientNet
import Tensors

/// What all threads of a training share: the plan, the kernels, weights and maps, and the settings of the pass that runs.
///
/// Sendable: each thread writes only what belongs to its images, its channels or its tensors; `team.meet()` stands between.
final class Machine: @unchecked Sendable {
    let plan: TrainingPlan
    let kernels: UnsafePointer<nr_kernels>
    let training: UnsafePointer<nr_training>
    let team: ThreadTeam
    let instructionSet: InstructionSet

    private let sharedMemory: FloatMemory
    private let weightMemory: FloatMemory
    private let gradientMemory: FloatMemory
    let values: UnsafeMutablePointer<Float>
    let weights: UnsafeMutablePointer<Float>
    let gradients: UnsafeMutablePointer<Float>
    /// Sums of each image's and channel's gate gradient, and each sample's loss.
    let gateSums: UnsafeMutablePointer<Double>
    let losses: UnsafeMutablePointer<Double>
    private(set) var lanes: [Lane] = []

    /// By tensor: whether it is trained.
    var isTrained: [Bool]
    /// By unit: whether batch norm takes the batch's own statistics.
    var usesBatch: [Bool]
    /// The first step of the body that has anything to train; the backward pass ends there.
    var firstTrained: Int
    /// Whether the packed weights are of other values than the weights.
    var isStale = true
    /// Which thread gathers and packs each tensor.
    let owners: [Int]
    var pass = Pass()

    /// One pass over one batch.
    struct Pass {
        var input: UnsafePointer<Float>?
        var targets: UnsafePointer<Float>?
        var count = 0
        var loss = Loss.softmax()
        /// What the loss is divided by.
        var normaliser = 1.0
        /// Of the gradient: this batch's share in the step.
        var share: Float = 1
        /// In PyTorch's sense: the share of the batch in the running statistics.
        var momentum = 0.01
        var dropConnect = 0.0
        var dropout = 0.0
        /// Fixes every random draw of the pass.
        var seed: UInt64 = 0
        var isBackward = true
    }

    init(_ plan: TrainingPlan, instructionSet: InstructionSet) throws(TrainingError) {
        let tables: (products: UnsafePointer<nr_kernels>?, training: UnsafePointer<nr_training>?) =
            switch instructionSet {
            case .portable: (nr_kernels_portable(), nr_training_portable())
            case .avx2: (nr_kernels_avx2(), nr_training_avx2())
            case .avx512: (nr_kernels_avx512(), nr_training_avx512())
            }
        guard let kernels = tables.products, let training = tables.training else {
            throw .tensors(
                .unavailableInstructionSet(
                    name: instructionSet.rawValue, available: InstructionSet.available.map(\.rawValue)))
        }
        self.plan = plan
        self.kernels = kernels
        self.training = training
        self.instructionSet = instructionSet
        team = ThreadTeam(count: plan.threads)
        sharedMemory = FloatMemory(count: plan.sharedFloats, isHuge: true)
        weightMemory = FloatMemory(count: plan.layout.count, isHuge: true)
        gradientMemory = FloatMemory(count: plan.layout.count, isHuge: true)
        values = sharedMemory.floats
        weights = weightMemory.floats
        gradients = gradientMemory.floats
        gateSums = .allocate(capacity: plan.batch * plan.widest)
        gateSums.initialize(repeating: 0, count: plan.batch * plan.widest)
        losses = .allocate(capacity: plan.batch)
        losses.initialize(repeating: 0, count: plan.batch)
        isTrained = plan.layout.entries.map(\.isTrainable)
        usesBatch = plan.units.map { _ in true }
        firstTrained = 0
        owners = Self.owners(plan)
        lanes = (0..<plan.threads).map { Lane(self, index: $0) }
    }

    deinit {
        gateSums.deallocate()
        losses.deallocate()
    }

    /// Gives the largest tensors out first, each to the thread that has least.
    private static func owners(_ plan: TrainingPlan) -> [Int] {
        var owners = [Int](repeating: 0, count: plan.layout.entries.count)
        var loads = [Int](repeating: 0, count: plan.threads)
        let order = plan.layout.entries.indices.sorted { first, second in
            let (a, b) = (plan.layout.entries[first].count, plan.layout.entries[second].count)
            return a != b ? a > b : first < second
        }
        for index in order {
            let thread = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
            owners[index] = thread
            loads[thread] += plan.layout.entries[index].count
        }
        return owners
    }

    /// A tensor's values.
    func weight(_ index: Int) -> UnsafeMutablePointer<Float> { weights + plan.layout.entries[index].offset }
    func gradient(_ index: Int) -> UnsafeMutablePointer<Float> { gradients + plan.layout.entries[index].offset }

    /// Forwards, and backwards where the pass says so; gradients stay with the threads until `collect`.
    func run(_ pass: Pass) {
        self.pass = pass
        let packs = isStale, goesBack = pass.isBackward
        team.run { [self] index in
            let lane = lanes[index]
            lane.begin()
            if packs { lane.pack() }
            lane.freezeNorms()
            team.meet()
            lane.forward()
            if goesBack { lane.backward() }
        }
        isStale = false
    }

    /// Adds what the threads have summed up to the gradients, and forgets it there.
    func collect() {
        team.run { [self] index in lanes[index].collect() }
    }
}
