public import Tensors

/// What can go wrong with models: their packages, weights and inputs.
public enum EfficientNetError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A file of numbers that is missing or breaks its format.
    case tensors(TensorError)
    /// A file of the package that cannot be read.
    case cannotRead(path: String, reason: String)
    /// A file of the package that cannot be written.
    case cannotWrite(path: String, reason: String)
    /// `model.json` does not decode, or a value in it is out of range.
    case invalidManifest(path: String, key: String, expected: String, found: String)
    /// The weights are not the ones the manifest was written for.
    case digestMismatch(path: String, expected: String, found: String)
    /// Tensors that the model needs and the file does not have.
    case missingTensors(path: String, names: [String])
    /// Tensors that the file has and the model does not know.
    case unknownTensors(path: String, names: [String])
    /// A tensor of another shape than the model needs.
    case wrongShape(path: String, tensor: String, expected: [Int], found: [Int])
    /// A weight that is NaN or infinite, or a variance that is negative.
    case badWeight(path: String, tensor: String, index: Int, found: Float)
    /// An input that the network cannot take.
    case wrongInput(expected: String, found: String)

    /// The message for people: where, what is expected, what was found.
    public var description: String {
        switch self {
        case .tensors(let error):
            error.description
        case .cannotRead(let path, let reason):
            "\(path): cannot be read: \(reason)"
        case .cannotWrite(let path, let reason):
            "\(path): cannot be written: \(reason)"
        case .invalidManifest(let path, let key, let expected, let found):
            "\(path): \(key): expected \(expected), found \(found)"
        case .digestMismatch(let path, let expected, let found):
            "\(path): expected SHA-256 \(expected) (weights_sha256 in model.json), found \(found): "
                + "the file is damaged or belongs to another model"
        case .missingTensors(let path, let names):
            "\(path): \(names.count) tensors are missing: \(Self.list(names))"
        case .unknownTensors(let path, let names):
            "\(path): \(names.count) tensors do not belong to this model: \(Self.list(names)); "
                + "check variant, head and labels"
        case .wrongShape(let path, let tensor, let expected, let found):
            "\(path): tensor \(tensor): expected shape \(expected), found \(found); check variant, head and labels"
        case .badWeight(let path, let tensor, let index, let found):
            "\(path): tensor \(tensor): expected finite weights and variances over 0, found \(found) at index \(index)"
        case .wrongInput(let expected, let found):
            "input: expected \(expected), found \(found)"
        }
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }
}
