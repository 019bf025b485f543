public import Store

/// What can go wrong with a training's data, start and files, as opposed to its arithmetic.
public enum DataError: Error, CustomStringConvertible {
    /// Labels or scans that nothing can be learnt from, with everything found.
    case unusable(path: String, problems: [String])
    /// Scans that cannot be read.
    case unreadable([UnreadableScan])
    /// Scans of one patient, or of one picture, on both sides.
    case leakage([Leak])
    /// Something is already where the model or its state would go.
    case exists(path: String, advice: String)
    /// The state could not be written.
    case checkpoint(StoreError)
    /// The cache of prepared pictures does not fit the disk.
    case cache(path: String, bytes: Int, reason: String)
    /// The loss of a batch, or of validation scans, was not finite.
    case notFinite(phase: Int, epoch: Int, scans: [String])

    /// A scan that cannot be read, and why.
    public struct UnreadableScan: Error, Sendable, Hashable {
        /// Its path.
        public var path: String
        /// What the decoder said.
        public var reason: String
    }

    /// The message for people: where, what is expected, what was found.
    public var description: String {
        switch self {
        case .unusable(let path, let problems): problems.map { "\(path): \($0)" }.joined(separator: "\n")
        case .unreadable(let scans):
            scans.map { "\($0.path): \($0.reason)" }.joined(separator: "\n")
                + "\n\(scans.count) scans cannot be read; take them out, or leave them out with --skip-unreadable"
        case .leakage(let leaks):
            leaks.map(\.description).joined(separator: "\n")
                + "\n\(leaks.count) pairs of scans are on both sides of the division, which would make the model look better "
                + "than it is; put each pair on one side, or leave the column split empty for them"
        case .exists(let path, let advice): "\(path): it exists already; \(advice)"
        case .checkpoint(let error):
            "the training's state could not be written, and the one before it still stands: \(error)\n"
                + "make room and go on with --resume"
        case .cache(let path, let bytes, let reason):
            "\(path): \(bytes >> 20) MiB for prepared pictures cannot be written: \(reason); make room"
        case .notFinite(let phase, let epoch, let scans):
            "phase \(phase), epoch \(epoch): the loss is not finite; take a lower learning rate, clip gradients, or look at these "
                + "scans:\n" + scans.map { "  \($0)" }.joined(separator: "\n")
        }
    }
}

/// Two scans on different sides that should not be.
public struct Leak: Sendable, Hashable, CustomStringConvertible {
    /// What they have in common.
    public enum Kind: String, Sendable, Hashable {
        /// The patient.
        case patient = "the same patient"
        /// Every byte.
        case content = "the same content"
        /// The picture.
        case picture = "nearly the same picture"
    }

    /// What they have in common.
    public var kind: Kind
    /// One scan's path and side.
    public var first: (path: String, side: DataSide)
    /// The other's.
    public var second: (path: String, side: DataSide)

    /// `the same content: A (train) and B (validation)`
    public var description: String {
        "\(kind.rawValue): \(first.path) (\(first.side.rawValue)) and \(second.path) (\(second.side.rawValue))"
    }

    /// Whether all three are the same.
    public static func == (first: Leak, second: Leak) -> Bool {
        first.kind == second.kind && first.first == second.first && first.second == second.second
    }

    /// By the paths.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(first.path)
        hasher.combine(second.path)
    }
}

/// What a scan is for.
public enum DataSide: String, Sendable, Hashable, Codable, CaseIterable {
    /// To learn from.
    case train
    /// To judge epochs by.
    case validation
    /// Held out from both; training never reads it but to see that it is on one side only.
    case test
}
