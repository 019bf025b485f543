extension Predictions {
    /// A scan that was read otherwise than it is labelled.
    public struct Mistake: Sendable, Hashable {
        /// Index of the scan.
        public let scan: Int
        /// The labels it was given.
        public let call: Set<Int>
        /// How sure the model was of what is wrong, in 0…1: the largest probability of a label that is not there, or of the absence
        /// of one that is.
        public let confidence: Double
    }

    /// All mistakes, the surest first.
    public func mistakes(temperature: Double, thresholds: [String: Double]) -> [Mistake] {
        var mistakes: [Mistake] = []
        for scan in 0..<count {
            let probabilities = probabilities(scan, temperature: temperature)
            let call = call(probabilities, thresholds: thresholds)
            let wrong = call.symmetricDifference(truths[scan])
            guard !wrong.isEmpty else { continue }
            let confidence = wrong.map { call.contains($0) ? probabilities[$0] : 1 - probabilities[$0] }.max() ?? 0
            mistakes.append(Mistake(scan: scan, call: call, confidence: confidence))
        }
        return mistakes.sorted { ($0.confidence, $1.scan) > ($1.confidence, $0.scan) }
    }
}
