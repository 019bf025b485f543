import Foundation

extension Preprocessing.Intensity: CustomStringConvertible {
    /// The rule as pipeline files name it.
    public var description: String {
        switch self {
        case .fullRange: "full-range"
        case .percentile(let low, let high): "percentile [\(low), \(high)]"
        case .window(let center, let width, .linearExact): "window {center: \(center), width: \(width)}"
        case .window(let center, let width, let function):
            "window {center: \(center), width: \(width), function: \(function.rawValue)}"
        case .file(nil): "file"
        case .file(let name?): "file \"\(name)\""
        }
    }
}

/// JSON and YAML form: `full-range`, `file`, `{file: LUNG}`, `{percentile: [0.5, 99.5]}` or
/// `{window: {center: 40, width: 400, function: linear}}`.
extension Preprocessing.Intensity: Codable {
    /// `function` is left out where it is `linear-exact`: files and digests from before there were others stay what they were.
    private struct Window: Codable {
        var center: Double
        var width: Double
        var function: Preprocessing.WindowFunction?
    }
    private enum CodingKeys: String, CodingKey {
        case percentile, window, file
    }

    /// The longest name of a window: what a decoder passes on of one.
    public static let longestWindowName = 63

    /// Decodes the form above.
    public init(from decoder: any Decoder) throws {
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            switch name {
            case "full-range": self = .fullRange
            case "file": self = .file()
            default:
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription:
                            "expected full-range, file, {file: NAME}, {percentile: […]} or {window: {…}}, found \(name)"
                    ))
            }
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let bounds = try container.decodeIfPresent([Double].self, forKey: .percentile) {
            guard bounds.count == 2, bounds[0] >= 0, bounds[0] < bounds[1], bounds[1] <= 100 else {
                throw DecodingError.dataCorruptedError(
                    forKey: .percentile, in: container,
                    debugDescription: "expected [low, high] with 0 ≤ low < high ≤ 100, found \(bounds)")
            }
            self = .percentile(low: bounds[0], high: bounds[1])
        } else if let name = try container.decodeIfPresent(String.self, forKey: .file) {
            guard !name.isEmpty, name.utf8.count <= Self.longestWindowName else {
                throw DecodingError.dataCorruptedError(
                    forKey: .file, in: container,
                    debugDescription: "expected a name of 1 to \(Self.longestWindowName) bytes, found '\(name)'")
            }
            self = .file(window: name)
        } else {
            let window = try container.decode(Window.self, forKey: .window)
            guard window.width > 0, window.width.isFinite, window.center.isFinite else {
                throw DecodingError.dataCorruptedError(
                    forKey: .window, in: container, debugDescription: "expected a width over 0, found \(window.width)")
            }
            self = .window(
                center: window.center, width: window.width, function: window.function ?? .linearExact)
        }
    }

    /// Encodes the form above.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .fullRange, .file(nil):
            var container = encoder.singleValueContainer()
            try container.encode(description)
        case .file(let name?):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(name, forKey: .file)
        case .percentile(let low, let high):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode([low, high], forKey: .percentile)
        case .window(let center, let width, let function):
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(
                Window(center: center, width: width, function: function == .linearExact ? nil : function),
                forKey: .window)
        }
    }
}

extension Preprocessing.Intensity {
    /// Whether what it makes of a sample does not depend on the others, so that a reduced picture means the same. Extremes and percentiles
    /// of a noisy picture come closer to each other where neighbours are averaged.
    public var allowsReduction: Bool {
        switch self {
        case .fullRange, .window, .file: true
        case .percentile: false
        }
    }
}
