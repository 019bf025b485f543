/// How a run makes one statement of several: of the frames of a scan, and of the scans of a patient or a DICOM study.
public struct Aggregation: Sendable, Hashable {
    /// What becomes of several probabilities of one label.
    public enum Rule: String, Sendable, Hashable, CaseIterable {
        /// The largest: one suspicious frame is enough.
        case max
        /// The arithmetic mean.
        case mean
        /// 1 − Π(1 − p): the probability that at least one is right, were they independent (Pearl 1988, noisy-OR).
        case noisyOr = "noisy-or"

        /// One probability per label of one list per frame (or scan), all of the same length.
        ///
        /// - Returns: empty when `lists` is.
        public func combined(_ lists: [[Double]]) -> [Double] {
            guard let first = lists.first else { return [] }
            return first.indices.map { label in
                let values = lists.map { $0[label] }
                return switch self {
                case .max: values.reduce(0, Swift.max)
                case .mean: values.reduce(0, +) / Double(values.count)
                // One value is itself, to the last bit.
                case .noisyOr: values.count == 1 ? values[0] : 1 - values.reduce(1) { $0 * (1 - $1) }
                }
            }
        }
    }

    /// Of the frames of a scan.
    public var frames: Rule
    /// Of the scans of a patient or study.
    public var scans: Rule

    /// The largest probability of each label, unless said otherwise.
    public init(frames: Rule = .max, scans: Rule = .max) {
        self.frames = frames
        self.scans = scans
    }
}
