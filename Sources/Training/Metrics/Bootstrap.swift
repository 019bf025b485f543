/// 95 % intervals by resampling (Efron 1979, doi:10.1214/aos/1176344552): patients where they are known, else scans.
///
/// Scans of one patient resemble each other; drawn one by one, they would make every interval too narrow.
public struct Bootstrap: Sendable {
    /// Resamples that reports use.
    public static let reportResamples = 1000

    /// How often each scan is drawn in each resample, [resamples][scans].
    let weights: [[Double]]

    /// - Parameters:
    ///   - patients: One per scan; a scan without one is drawn by itself.
    ///   - seed: Fixes every draw.
    public init(patients: [String?], resamples: Int = reportResamples, seed: UInt64) {
        var units: [[Int]] = []
        var known: [String: Int] = [:]
        for (index, patient) in patients.enumerated() {
            if let patient, let unit = known[patient] {
                units[unit].append(index)
            } else {
                if let patient { known[patient] = units.count }
                units.append([index])
            }
        }
        weights = (0..<max(resamples, 0)).map { resample in
            var weights = [Double](repeating: 0, count: patients.count)
            for position in units.indices {
                let draw = Draws.uniform(seed, stream: UInt64(resample), position: UInt64(position))
                for index in units[Int(draw * Double(units.count))] { weights[index] += 1 }
            }
            return weights
        }
    }

    /// A value with the interval of its resamples: their 2.5th and 97.5th percentile, linear between ranks.
    ///
    /// Resamples where `statistic` is undefined are left out; with fewer than half of them left there is no interval.
    public func estimate(_ statistic: (_ weights: [Double]?) -> Double?) -> Estimate {
        guard let value = statistic(nil) else { return Estimate(value: nil, low: nil, high: nil) }
        let values = weights.compactMap { statistic($0) }.sorted()
        guard values.count > 1, 2 * values.count >= weights.count else {
            return Estimate(value: value, low: nil, high: nil)
        }
        func percentile(_ share: Double) -> Double {
            let position = share * Double(values.count - 1)
            let below = Int(position)
            let above = min(below + 1, values.count - 1)
            return values[below] + (values[above] - values[below]) * (position - Double(below))
        }
        return Estimate(value: value, low: percentile(0.025), high: percentile(0.975))
    }
}

/// A measured value and how far it can be trusted.
public struct Estimate: Sendable, Hashable, Codable {
    /// The value; nil where it is undefined (no positives, say).
    public let value: Double?
    /// Lower end of the 95 % interval.
    public let low: Double?
    /// Upper end.
    public let high: Double?

    /// A value with its interval.
    public init(value: Double?, low: Double?, high: Double?) {
        self.value = value
        self.low = low
        self.high = high
    }
}
