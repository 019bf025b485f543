import EfficientNet

/// Where each tensor of a network lies in one flat block of floats, which weights, gradients, moments and averages share.
public struct ParameterLayout: Sendable, Hashable {
    /// One tensor.
    public struct Entry: Sendable, Hashable {
        /// The name in weight files (timm's).
        public let name: String
        /// Extent of every dimension, outermost first.
        public let shape: [Int]
        /// Where it begins, in floats.
        public let offset: Int
        /// False for batch norm's running statistics.
        public let isTrainable: Bool

        /// Number of values.
        public var count: Int { shape.reduce(1, *) }
        /// Where its values lie.
        public var range: Range<Int> { offset..<offset + count }
        /// Whether weight decay takes it: biases and norms are left alone.
        public var decays: Bool { shape.count > 1 }
    }

    /// In the order of weight files.
    public let entries: [Entry]
    /// Floats of the block; between tensors some may be unused.
    public let count: Int
    private let places: [String: Int]

    init(_ parameters: [Layer.Parameter]) {
        var entries: [Entry] = []
        var offset = 0
        for parameter in parameters {
            entries.append(
                Entry(
                    name: parameter.name, shape: parameter.shape, offset: offset, isTrainable: parameter.isTrainable))
            offset += (parameter.count + 15) / 16 * 16
        }
        self.entries = entries
        count = offset
        places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    }

    /// The index of a tensor; nil where the network has none of that name.
    public func index(of name: String) -> Int? { places[name] }
}
