import Tensors

/// What a container holds, before any value of a tensor is taken: names and shapes, and how to get at the values.
struct Contents {
    /// One tensor of the container.
    struct Entry {
        /// As the container calls it.
        var name: String
        var type: ElementType
        var shape: [Int]
        /// Fills memory of exactly the tensor's size, row-major and little-endian.
        var read: (UnsafeMutableRawBufferPointer) throws(ContainerError) -> Void

        /// Size in bytes; nil when it overflows.
        var size: Int? {
            guard let count = Tensor.count(of: shape) else { return nil }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: type.size)
            return overflow ? nil : bytes
        }
    }

    var notes: SourceNotes
    var entries: [Entry]
}

/// What a container says besides its tensors.
public struct SourceNotes: Codable, Sendable, Equatable {
    /// The containers that are read.
    public enum Format: String, Codable, Sendable, CaseIterable {
        /// safetensors.
        case safetensors
        /// What `torch.save` writes today.
        case torchZip = "torch-zip"
        /// What `torch.save` wrote before 1.6.
        case torchLegacy = "torch-legacy"
        /// Keras 3's `.keras`.
        case kerasArchive = "keras"
        /// Keras' `.h5`: weights, and the model where it was saved whole.
        case hdf5
    }

    /// Something that is no tensor of the network, and why it was left.
    public struct PassedOver: Codable, Sendable, Equatable {
        /// What the container calls it.
        public var name: String
        /// Why it is not used.
        public var reason: String
    }

    /// The container.
    public var format: Format
    /// Where in a checkpoint the weights were (`state_dict`).
    public var place: String?
    /// The Keras model as JSON.
    public var config: String?
    /// Names of Keras layers by the groups that hold their variables.
    public var layers: [String: String] = [:]
    /// What was left in the container.
    public var passedOver: [PassedOver] = []
}

extension SourceNotes.Format: CustomStringConvertible {
    /// For people.
    public var description: String {
        switch self {
        case .safetensors: "safetensors"
        case .torchZip: "PyTorch file (zip)"
        case .torchLegacy: "PyTorch file (older format, without zip)"
        case .kerasArchive: "Keras archive"
        case .hdf5: "HDF5 file of Keras"
        }
    }
}
