public import EfficientNet
public import Pipeline
public import Tensors

/// What a training file says: which scans to learn from, where to start, how to go on, and where the model goes.
///
/// ```yaml
/// name: chest-b0
/// data: {folder: scans}                  # a folder per class; or {manifest: labels.csv}
/// model: {variant: b0}                   # or {from: PACKAGE or weight file}
/// output: models/chest-b0
/// phases:
///   - {train: all, epochs: 10, rate: 1e-3}
/// ```
/// Every key is described in Documentation/TRAINING.md.
public struct TrainingFile: Sendable, Hashable {
    /// Where scans and labels are.
    public struct Data: Sendable, Hashable {
        /// Absolute path of a folder with a folder per class; nil where there is a manifest.
        public var folder: String?
        /// Absolute path of a CSV file of paths and labels.
        public var manifest: String?
        /// Labels in the order of the model's outputs; nil: those that occur, in alphabetical order.
        public var labels: [String]?
        /// The label that never is a finding.
        public var negative: String?
        /// Whether a scan may have several labels or none (sigmoid); nil: where a manifest has `|` in its labels.
        public var isMultiple: Bool?
        /// Share of the scans without a side of their own that validation gets, over 0 to under 1.
        public var validation = 0.2
    }

    /// What the network is and where its weights come from.
    public struct Start: Sendable, Hashable {
        /// Absolute path of a model package or of a weight file; nil: random weights.
        public var source: String?
        /// The network; nil: the source's.
        public var variant: Variant?
        /// How stride-2 convolutions pad, for random weights.
        public var padding = ModelManifest.Padding.same
        /// What follows the last convolution; nil: the source's kind, or linear.
        public var head: ModelManifest.Head?
        /// Side of the input; nil: the source's or the variant's.
        public var resolution: Int?
    }

    /// Absolute path of the file.
    public var path: String
    /// The file's text, kept with the model.
    public var text: String
    /// What reports call the model.
    public var name: String
    /// Where scans and labels are.
    public var data: Data
    /// Where the network starts.
    public var start: Start
    /// Absolute path of the package's folder, which must not exist.
    public var output: String
    /// How the package's weights are stored.
    public var weights: SafetensorsWriter.Precision
    /// How it is trained.
    public var recipe: Recipe
    /// Threads; nil: one per core.
    public var threads: Int?
    /// Keys that replace those of the start's preprocessing.
    public var preprocessing: PreprocessingOverrides
    /// How the labels' thresholds are chosen on the validation scans.
    public var thresholdRule = ThresholdRule.youden
    /// The share of validation scans that the model may turn away as unlike what it was trained on; nil: it turns none away.
    public var falseAbstainRate: Double? = FeatureStatistics.defaultFalseAbstainRate
    /// Absolute path of the report's folder.
    public var report: String

    /// Where the training's state is kept between epochs.
    public var checkpoint: String { output + ".checkpoint.safetensors" }
}

/// How a network is trained: everything that changes the result besides data, start and threads.
public struct Recipe: Sendable, Hashable, Codable {
    /// A stretch of epochs with a part of the network and a learning rate of its own.
    public struct Phase: Sendable, Hashable, Codable {
        /// What is trained, and whether batch norm is.
        public var freezing = Freezing()
        /// Passes over the training scans, 1 or more.
        public var epochs: Int
        /// The highest learning rate.
        public var rate: Double
        /// How the rate goes on.
        public var shape = Schedule.Shape.cosine
        /// Epochs until the rate's peak; parts of one count. Nil: none, or 30 % of the phase with one-cycle.
        public var warmUp: Double?
        /// The rate at the end, as a share of the peak; nil: the schedule's own.
        public var endShare: Double?
        /// For a head alone: how many different augmentations of each scan pass the frozen part, whose features are kept.
        public var rounds = 1

        /// A phase of the whole network.
        public init(epochs: Int, rate: Double) {
            self.epochs = epochs
            self.rate = rate
        }
    }

    /// What makes classes of different sizes count alike.
    public enum Balance: String, Sendable, Hashable, Codable, CaseIterable {
        /// Nothing.
        case none
        /// Weights in the loss: the inverse of a class' share.
        case weights
        /// Each epoch draws as many scans as there are, each class as often as the others.
        case sampling
    }

    /// What an epoch is judged by.
    public enum Metric: String, Sendable, Hashable, Codable, CaseIterable {
        /// The mean area under the labels' ROC curves.
        case auc
        /// The mean loss, without smoothing and weights.
        case loss
        /// The share of scans whose strongest label is theirs.
        case accuracy
    }

    /// Which epoch's weights become the model.
    public enum Keep: String, Sendable, Hashable, Codable, CaseIterable {
        /// The best on the validation scans.
        case best
        /// The last.
        case last
    }

    /// At least one.
    public var phases: [Phase]
    /// Scans of a step.
    public var batch = 16
    /// Steps whose gradients make one update.
    public var accumulate = 1
    /// Fixes division, order, augmentation and first weights.
    public var seed: UInt64 = 0
    /// How gradients change weights.
    public var optimizer = Optimizer(.adamW(), weightDecay: 0.01)
    /// The share of the target that is spread over all labels.
    public var smoothing = 0.0
    /// What makes classes of different sizes count alike.
    public var balance = Balance.none
    /// Chance that dropout clears a value before the classifier; nil: the variant's.
    public var dropout: Double?
    /// Drop-connect's rate.
    public var dropConnect = 0.0
    /// The share of a batch in batch norm's running statistics.
    public var batchNormMomentum = 0.1
    /// Decay of the weights' running average; nil: none.
    public var averageDecay: Double?
    /// What is changed in pictures.
    public var augmentation = Augmentation()
    /// What an epoch is judged by.
    public var metric = Metric.auc
    /// Epochs without a better one after which a phase ends; nil: it goes to its end.
    public var patience: Int?
    /// Which epoch's weights become the model.
    public var keep = Keep.best

    /// The phases, with everything else as it is where a file does not say.
    public init(phases: [Phase]) { self.phases = phases }
}
