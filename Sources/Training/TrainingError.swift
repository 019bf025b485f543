public import EfficientNet
public import Tensors

/// What can go wrong with a training: what it is asked for, its batches, its state.
public enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A tensor file, or the choice of kernels.
    case tensors(TensorError)
    /// Weights that do not fit the network.
    case weights(EfficientNetError)
    /// A setting out of its range.
    case invalidSetting(name: String, expected: String, found: String)
    /// A batch that the network cannot take.
    case wrongBatch(expected: String, found: String)
    /// Batch norm over a single value per channel: there is nothing to normalise by.
    case singleValue(layer: String)
    /// A sequence of layers that the trainer does not know.
    case unknownLayers(name: String)
    /// A loss that is NaN or infinite, and where in the batch.
    case notFinite(step: Int, samples: [Int])
    /// A checkpoint of another training than this one.
    case wrongCheckpoint(path: String, expected: String, found: String)

    /// The message for people: where, what is expected, what was found.
    public var description: String {
        switch self {
        case .tensors(let error): error.description
        case .weights(let error): error.description
        case .invalidSetting(let name, let expected, let found): "\(name): expected \(expected), found \(found)"
        case .wrongBatch(let expected, let found): "batch: expected \(expected), found \(found)"
        case .singleValue(let layer):
            "\(layer): batch norm needs more than one value per channel; take larger batches or images, "
                + "or freeze batch norm"
        case .unknownLayers(let name): "\(name): the trainer does not know this sequence of layers"
        case .notFinite(let step, let samples):
            "step \(step): the loss is not finite, from samples \(samples.map(String.init).joined(separator: ", ")) of the "
                + "batch; take a lower learning rate, or look at these scans"
        case .wrongCheckpoint(let path, let expected, let found):
            "\(path): expected a checkpoint of this training, \(expected), found \(found)"
        }
    }
}
