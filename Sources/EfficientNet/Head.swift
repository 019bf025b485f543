extension ModelManifest {
    /// What follows the last convolution: the map averaged or flattened, then dense layers with ReLU between them, the last one to the
    /// labels.
    public struct Head: Sendable, Hashable {
        /// Hidden layers of one head at most.
        public static let hiddenLimit = 8
        /// Units of a hidden layer.
        public static let units = 1...65_536

        /// Whether every value of the map is taken, in [H, W, C] order; its global average otherwise.
        public var flattens: Bool
        /// Units of the hidden layers, in order; each is a dense layer with ReLU.
        public var hidden: [Int]

        /// A head of these hidden layers; none: the labels follow at once.
        public init(flattens: Bool = false, hidden: [Int] = []) {
            self.flattens = flattens
            self.hidden = hidden
        }

        /// Global average, dense to the labels.
        public static let linear = Head()
        /// Flatten, dense to the labels.
        public static let flattenLinear = Head(flattens: true)

        /// Global average, dense `hidden` with ReLU, dense to the labels.
        public static func mlp(hidden: Int) -> Head { Head(hidden: [hidden]) }

        /// Flatten, dense `hidden` with ReLU, dense to the labels: the classic transfer-learning head.
        public static func flattenMLP(hidden: Int) -> Head { Head(flattens: true, hidden: [hidden]) }

        /// Names of the dense layers: `head`, `head2` … for the hidden ones, then `classifier`.
        public var layerNames: [String] { hidden.indices.map(Self.hiddenName) + ["classifier"] }

        /// The name of a hidden layer, counted from 0.
        public static func hiddenName(_ index: Int) -> String { index == 0 ? "head" : "head\(index + 1)" }

        /// Whether a layer or a tensor of that name is a head's: `classifier.weight`, `head.bias`, `head2` …
        public static func owns(_ name: String) -> Bool {
            let layer = name.prefix { $0 != "." }
            return layer == "classifier" || (layer.hasPrefix("head") && layer.dropFirst(4).allSatisfy(\.isNumber))
        }

        /// What `model.json` and command lines call it, hidden units aside.
        public var kind: Kind {
            hidden.isEmpty ? (flattens ? .flattenLinear : .linear) : (flattens ? .flattenMLP : .mlp)
        }

        /// The four kinds of heads.
        public enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
            case linear, mlp
            case flattenLinear = "flatten-linear"
            case flattenMLP = "flatten-mlp"

            /// A head of this kind; one without hidden layers has no use for their units.
            public func head(hidden: [Int]) -> Head {
                switch self {
                case .linear: .linear
                case .flattenLinear: .flattenLinear
                case .mlp: Head(hidden: hidden)
                case .flattenMLP: Head(flattens: true, hidden: hidden)
                }
            }
        }
    }
}

/// JSON form: `{"kind": "linear"}`, `{"kind": "mlp", "hidden": 256}`, `{"kind": "mlp", "hidden": [512, 256]}`; `flatten-linear` and
/// `flatten-mlp` alike.
extension ModelManifest.Head: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, hidden
    }

    /// Decodes the form above.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let kind = try container.decode(Kind.self, forKey: .kind)
        guard kind == .mlp || kind == .flattenMLP else {
            self = kind.head(hidden: [])
            return
        }
        let one = try? container.decode(Int.self, forKey: .hidden)
        let hidden = try one.map { [$0] } ?? container.decode([Int].self, forKey: .hidden)
        guard (1...Self.hiddenLimit).contains(hidden.count), hidden.allSatisfy(Self.units.contains) else {
            throw DecodingError.dataCorruptedError(
                forKey: .hidden, in: container,
                debugDescription:
                    "expected 1 to \(Self.hiddenLimit) layers of 1 to \(Self.units.upperBound) units, found "
                    + hidden.prefix(Self.hiddenLimit + 1).map(String.init).joined(separator: ", "))
        }
        self = kind.head(hidden: hidden)
    }

    /// Encodes the form above.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        if hidden.count == 1 {
            try container.encode(hidden[0], forKey: .hidden)
        } else if !hidden.isEmpty {
            try container.encode(hidden, forKey: .hidden)
        }
    }
}

extension ModelManifest.Head: CustomStringConvertible {
    /// `flatten-mlp of 512, 256`.
    public var description: String {
        kind.rawValue + (hidden.isEmpty ? "" : " of " + hidden.map(String.init).joined(separator: ", "))
    }
}
