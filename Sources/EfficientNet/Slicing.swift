/// Which frames of a scan with several are read, and how a volume is cut into them. Part of a `Preprocessing`: other frames are
/// another reading.
public struct Slicing: Sendable, Hashable {
    /// The rule that chooses frames, pages or slices.
    public enum Slices: Sendable, Hashable {
        /// Every one.
        case all
        /// Number ⌊count / 2⌋, counted from 0; of a volume over time, that slice of moment ⌊moments / 2⌋.
        case middle
        /// Number 0, N, 2 N …; N is at least 1.
        case every(Int)
    }

    /// The anatomical axis that a volume (NIfTI) is cut along.
    public enum Axis: String, Codable, Sendable, Hashable, CaseIterable {
        /// From the feet to the head.
        case axial
        /// From back to front.
        case coronal
        /// From left to right.
        case sagittal
    }

    /// Which frames.
    public var slices: Slices
    /// Of volumes alone.
    public var axis: Axis

    /// Every frame; volumes in axial slices.
    public init(slices: Slices = .all, axis: Axis = .axial) {
        self.slices = slices
        self.axis = axis
    }
}

/// JSON and YAML form: `all`, `middle` or `{every: 4}`.
extension Slicing.Slices: Codable {
    private enum CodingKeys: String, CodingKey {
        case every
    }

    /// Decodes the form above.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            switch name {
            case "all": self = .all
            case "middle": self = .middle
            default:
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "expected all, middle or {every: N}, found \(name)"))
            }
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let step = try container.decode(Int.self, forKey: .every)
        guard (1...65_536).contains(step) else {
            throw DecodingError.dataCorruptedError(
                forKey: .every, in: container, debugDescription: "expected every: 1 to 65536, found \(step)")
        }
        self = .every(step)
    }

    /// Encodes the form above.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .all, .middle:
            var container = encoder.singleValueContainer()
            try container.encode(description)
        case .every(let step):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(step, forKey: .every)
        }
    }
}

extension Slicing.Slices: CustomStringConvertible {
    /// `all`, `middle` or `every 4`.
    public var description: String {
        switch self {
        case .all: "all"
        case .middle: "middle"
        case .every(let step): "every \(step)"
        }
    }
}
