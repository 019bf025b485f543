import CKernels
public import EfficientNet
public import Tensors

/// Trains one network: batches in, better weights out.
///
///     let trainer = try Trainer(description, weights: weights, settings: settings, batch: 16)
///     let result = try trainer.step(images: images, targets: targets)
///
/// One thread calls; the trainer divides each batch over its own. The same seed, settings, batches and number of threads give
/// the same weights, bit for bit.
public final class Trainer {
    let machine: Machine
    /// What is trained, and how. The freezing changes through `freeze`.
    public private(set) var settings: TrainerSettings
    /// Updates of the weights so far.
    public internal(set) var updates = 0
    /// Batches so far: each has random draws of its own.
    public internal(set) var batches = 0
    /// First and second moments (Adam), or velocities, and the weights' average.
    let first: FloatMemory
    let second: FloatMemory
    let average: FloatMemory
    private var accumulated = 0
    private let description: NetworkDescription

    /// What a batch gave.
    public struct Result: Sendable, Hashable {
        /// The mean loss, as `Loss` defines it.
        public let loss: Double
        /// Each sample's part of it.
        public let losses: [Double]
        /// [N, labels].
        public let logits: [Float]
    }

    /// A trainer for batches of up to `batch` images of the description's resolution.
    ///
    /// - Parameters:
    ///   - headOnly: Whether batches are features instead of images (what `features` gives), and the head is all there is.
    ///   - threads: Threads to work on each batch.
    ///   - isa: Kernels to use; what `InstructionSet.selected` says where absent.
    /// - Throws: `TrainingError` for settings out of range, or an instruction set that the machine lacks.
    public init(
        _ description: NetworkDescription, weights: Weights, settings: TrainerSettings, batch: Int, threads: Int,
        headOnly: Bool = false, isa: InstructionSet? = nil
    ) throws(TrainingError) {
        try settings.check(labels: description.labels)
        let chosen: InstructionSet
        if let isa { chosen = isa } else { chosen = try Self.selected() }
        let plan = try Self.plan(description, batch: batch, threads: threads, headOnly: headOnly)
        self.description = description
        self.settings = settings
        machine = try Machine(plan, instructionSet: chosen)
        first = FloatMemory(count: plan.layout.count, isHuge: true)
        second = FloatMemory(count: plan.layout.count, isHuge: true)
        average = FloatMemory(count: plan.layout.count, isHuge: true)
        for entry in plan.layout.entries {
            let values = weights[entry.name]
            guard values.count == entry.count else {
                throw .weights(
                    .wrongShape(path: "weights", tensor: entry.name, expected: entry.shape, found: [values.count]))
            }
            (machine.weights + entry.offset).update(from: values, count: values.count)
            (average.floats + entry.offset).update(from: values, count: values.count)
        }
        freeze(settings.freezing)
    }

    private static func selected() throws(TrainingError) -> InstructionSet {
        do {
            return try InstructionSet.selected()
        } catch {
            throw .tensors(error)
        }
    }

    /// Bytes that a trainer holds: stated before it starts.
    ///
    /// - Throws: `TrainingError.invalidSetting` for numbers out of range.
    public static func bytes(
        _ description: NetworkDescription, batch: Int, threads: Int, headOnly: Bool = false
    ) throws(TrainingError) -> Int {
        try plan(description, batch: batch, threads: threads, headOnly: headOnly).bytes
    }

    private static func plan(
        _ description: NetworkDescription, batch: Int, threads: Int, headOnly: Bool
    ) throws(TrainingError) -> TrainingPlan {
        guard (1...4096).contains(batch) else {
            throw .invalidSetting(name: "batch", expected: "1 to 4096", found: "\(batch)")
        }
        guard (1...1024).contains(threads) else {
            throw .invalidSetting(name: "threads", expected: "1 to 1024", found: "\(threads)")
        }
        guard Network.inputSides.contains(description.resolution) else {
            throw .invalidSetting(
                name: "resolution", expected: "\(Network.inputSides) pixels", found: "\(description.resolution)")
        }
        guard (1...65_536).contains(description.labels) else {
            throw .invalidSetting(name: "labels", expected: "1 to 65536", found: "\(description.labels)")
        }
        return try TrainingPlan(description, batch: batch, threads: threads, headOnly: headOnly)
    }

    /// Bytes that this trainer holds.
    public var bytes: Int { machine.plan.bytes }
    /// Where each tensor lies in the flat blocks.
    public var layout: ParameterLayout { machine.plan.layout }
    /// The kernels in use.
    public var instructionSet: InstructionSet { machine.instructionSet }
    /// Threads that work on each batch.
    public var threads: Int { machine.plan.threads }
    /// Largest batch.
    public var batch: Int { machine.plan.batch }
    /// Values of one sample: an image's, or a feature vector's.
    public var inputCount: Int { machine.plan.image?.count ?? machine.plan.featuresCount }
    /// Values of one sample's features: what the head reads.
    public var featuresCount: Int { machine.plan.featuresCount }

    /// Chooses the part that is trained from now on. What was gathered for the rest, moments too, stays as it is.
    public func freeze(_ freezing: Freezing) {
        settings.freezing = freezing
        let stages = (description.architecture.blocks.map(\.stage).max() ?? -1) + 1
        let plan = machine.plan
        let norms = Set(plan.units.flatMap { [$0.norm, $0.norm + 1] })
        for (index, entry) in plan.layout.entries.enumerated() {
            machine.isTrained[index] =
                entry.isTrainable && freezing.trains(entry.name, stages: stages)
                && !(freezing.freezesBatchNorm && norms.contains(index))
        }
        for (index, unit) in plan.units.enumerated() {
            machine.usesBatch[index] =
                !freezing.freezesBatchNorm && freezing.trains(plan.layout.entries[unit.norm].name, stages: stages)
        }
        machine.firstTrained =
            plan.body.firstIndex { step in
                switch step {
                case .convolution(let unit):
                    let unit = plan.units[unit]
                    return [unit.weight, unit.norm, unit.norm + 1].contains { machine.isTrained[$0] }
                case .squeezeExcite(let gate):
                    let weights = [plan.gates[gate].reduce.weight, plan.gates[gate].excite.weight]
                    return weights.contains { machine.isTrained[$0] || machine.isTrained[$0 + 1] }
                }
            } ?? plan.body.count
    }

    /// One batch and one update.
    ///
    /// - Parameters:
    ///   - images: [N, 3, R, R], normalised, R the resolution; or features, [N, featuresCount].
    ///   - targets: [N, labels], as `Loss` has them.
    /// - Throws: `TrainingError.wrongBatch`, `.singleValue`, or `.notFinite`, which leaves the weights as they were.
    public func step(images: [Float], targets: [Float]) throws(TrainingError) -> Result {
        let result = try accumulate(images: images, targets: targets)
        update()
        return result
    }

    /// A batch's gradients, added to those since the last update.
    ///
    /// `share`: this batch's part in the update, so that the shares of all its batches are 1 together.
    ///
    /// - Throws: as `step` does.
    public func accumulate(images: [Float], targets: [Float], share: Double = 1) throws(TrainingError) -> Result {
        let count = try check(images: images, targets: targets)
        if let unit = machine.plan.units.indices.first(where: {
            machine.usesBatch[$0] && count * machine.plan.units[$0].output.area < 2
        }) {
            throw .singleValue(layer: machine.plan.units[unit].name)
        }
        if accumulated == 0 { machine.gradients.update(repeating: 0, count: layout.count) }
        var pass = pass(count)
        pass.share = Float(share)
        pass.dropout = settings.dropout
        pass.dropConnect = settings.dropConnect
        pass.seed = Draws.mix(settings.seed &+ Draws.mix(UInt64(batches)))
        pass.isBackward = true
        let result = run(pass, images: images, targets: targets)
        batches += 1
        let bad = result.losses.indices.filter { !result.losses[$0].isFinite }
        guard bad.isEmpty else {
            accumulated = 1
            forget()
            throw .notFinite(step: updates, samples: bad)
        }
        accumulated += 1
        return result
    }

    /// Loss and logits of a batch with the running statistics, as inference has them; nothing is trained.
    ///
    /// - Throws: `TrainingError.wrongBatch`.
    public func evaluate(images: [Float], targets: [Float]) throws(TrainingError) -> Result {
        let count = try check(images: images, targets: targets)
        return withRunningStatistics { run(pass(count), images: images, targets: targets) }
    }

    /// What the head reads of each image, [N, featuresCount], with the running statistics.
    ///
    /// - Throws: `TrainingError.wrongBatch`.
    public func features(images: [Float]) throws(TrainingError) -> [Float] {
        let labels = machine.plan.labels
        let count = images.count / max(inputCount, 1)
        let targets = [Float](repeating: 0, count: count * labels)
        _ = try evaluate(images: images, targets: targets)
        let row = (featuresCount + 7) / 8 * 8
        return (0..<count).flatMap { image in
            let first = machine.values + machine.plan.vectors[0] + image * row
            return UnsafeBufferPointer(start: first, count: featuresCount)
        }
    }

    private func pass(_ count: Int) -> Machine.Pass {
        var pass = Machine.Pass()
        pass.count = count
        pass.loss = settings.loss
        pass.momentum = settings.batchNormMomentum
        pass.isBackward = false
        return pass
    }

    private func withRunningStatistics(_ body: () -> Result) -> Result {
        let usesBatch = machine.usesBatch
        machine.usesBatch = usesBatch.map { _ in false }
        defer { machine.usesBatch = usesBatch }
        return body()
    }

    private func check(images: [Float], targets: [Float]) throws(TrainingError) -> Int {
        let labels = machine.plan.labels
        let count = images.count / max(inputCount, 1)
        guard (1...batch).contains(count), images.count == count * inputCount, targets.count == count * labels else {
            throw .wrongBatch(
                expected: "1 to \(batch) samples of \(inputCount) values and \(labels) targets",
                found: "\(images.count) values and \(targets.count) targets")
        }
        return count
    }

    private func run(_ pass: Machine.Pass, images: [Float], targets: [Float]) -> Result {
        var pass = pass
        let plan = machine.plan
        images.withUnsafeBufferPointer { images in
            targets.withUnsafeBufferPointer { targets in
                pass.input = images.baseAddress
                pass.targets = targets.baseAddress
                pass.normaliser = pass.loss.normaliser(targets: targets, labels: plan.labels)
                machine.run(pass)
            }
        }
        let losses = Array(UnsafeBufferPointer(start: machine.losses, count: pass.count))
        let row = (plan.labels + 7) / 8 * 8
        let last = plan.vectors[plan.vectors.count - 1]
        let logits = (0..<pass.count).flatMap { image in
            UnsafeBufferPointer(start: machine.values + last + image * row, count: plan.labels)
        }
        return Result(loss: losses.reduce(0, +), losses: losses, logits: logits)
    }

    /// Drops gradients since the last update, and what was packed of other weights.
    func forget() {
        if accumulated > 0 { machine.collect() }
        accumulated = 0
        machine.isStale = true
    }

    /// Changes the weights by the gradients since the last update; nothing where there are none.
    public func update() {
        guard accumulated > 0 else { return }
        accumulated = 0
        machine.collect()
        apply()
        updates += 1
        machine.isStale = true
    }
}
