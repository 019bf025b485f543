/// Everything that fixes a training but its data and its first weights.
public struct TrainerSettings: Sendable, Hashable, Codable {
    /// What is made small.
    public var loss: Loss
    /// How gradients change weights.
    public var optimizer: Optimizer
    /// The learning rate of each step.
    public var schedule: Schedule
    /// Which part of the network is trained.
    public var freezing: Freezing
    /// Chance that dropout clears a value before the classifier, in 0..<1.
    public var dropout: Double
    /// Drop-connect's rate (Huang et al. 2016, arXiv 1603.09382), in 0..<1: a residual block's chance to be passed by, growing
    /// from 0 at the first block to nearly this at the last.
    public var dropConnect: Double
    /// The share of a batch in batch norm's running statistics, in 0…1 (PyTorch's sense; TensorFlow's is 1 less this).
    public var batchNormMomentum: Double
    /// Decay of the weights' running average, in 0..<1; nil: none is kept. It begins at 1/10 and rises, so that the first weights do
    /// not stay in it for long (TensorFlow's `ExponentialMovingAverage`).
    public var averageDecay: Double?
    /// Fixes every random draw.
    public var seed: UInt64

    /// Memberwise; what is left out takes the value given here.
    public init(
        loss: Loss, optimizer: Optimizer, schedule: Schedule, freezing: Freezing = Freezing(), dropout: Double = 0,
        dropConnect: Double = 0, batchNormMomentum: Double = 0.01, averageDecay: Double? = nil, seed: UInt64 = 0
    ) {
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.freezing = freezing
        self.dropout = dropout
        self.dropConnect = dropConnect
        self.batchNormMomentum = batchNormMomentum
        self.averageDecay = averageDecay
        self.seed = seed
    }

    func check(labels: Int) throws(TrainingError) {
        try loss.check(labels: labels)
        try optimizer.check()
        try schedule.check()
        let shares = [("dropout", dropout), ("drop-connect", dropConnect), ("average decay", averageDecay ?? 0)]
        for (name, share) in shares where !(0..<1).contains(share) {
            throw .invalidSetting(name: name, expected: "0 to under 1", found: "\(share)")
        }
        guard (0...1).contains(batchNormMomentum) else {
            throw .invalidSetting(name: "batch norm momentum", expected: "0 to 1", found: "\(batchNormMomentum)")
        }
        if case .lastStages(let count) = freezing.part, count < 0 {
            throw .invalidSetting(name: "trained stages", expected: "0 or more", found: "\(count)")
        }
    }
}
