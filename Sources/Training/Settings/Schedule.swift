import Foundation

/// The learning rate of each step.
public struct Schedule: Sendable, Hashable, Codable {
    /// How the rate goes on after the warm-up.
    public enum Shape: String, Sendable, Hashable, Codable {
        /// Stays at its peak.
        case constant
        /// Half a cosine from the peak to the end (Loshchilov & Hutter 2017, arXiv 1608.03983).
        case cosine
        /// Half a cosine up and another one down (Smith & Topin 2018, arXiv 1708.07120), as PyTorch's `OneCycleLR` does; momentum
        /// stays as it is.
        case oneCycle
    }

    /// How it goes on.
    public var shape: Shape
    /// The highest rate.
    public var peak: Double
    /// Steps altogether.
    public var steps: Int
    /// Steps until the peak; parts of a step count.
    public var warmUp: Double
    /// The rate at the beginning (cosine: of the warm-up), as a share of the peak.
    public var startShare: Double
    /// The rate at the end, as a share of the peak.
    public var endShare: Double

    /// The same rate at every step.
    public static func constant(_ rate: Double) -> Schedule {
        Schedule(shape: .constant, peak: rate, steps: 1, warmUp: 0, startShare: 1, endShare: 1)
    }

    /// A linear warm-up from 0, then half a cosine down to `endShare` of the peak at the last step.
    public static func cosine(peak: Double, steps: Int, warmUp: Int = 0, endShare: Double = 0) -> Schedule {
        Schedule(shape: .cosine, peak: peak, steps: steps, warmUp: Double(warmUp), startShare: 0, endShare: endShare)
    }

    /// PyTorch's `OneCycleLR` with its defaults: up for 30 % of the steps from a 25th of the peak, then down to a 250,000th.
    public static func oneCycle(
        peak: Double, steps: Int, upShare: Double = 0.3, startShare: Double = 1.0 / 25, endShare: Double = 1.0 / 25e4
    ) -> Schedule {
        Schedule(
            shape: .oneCycle, peak: peak, steps: steps, warmUp: upShare * Double(steps), startShare: startShare,
            endShare: endShare)
    }

    func check() throws(TrainingError) {
        guard peak >= 0, peak.isFinite else {
            throw .invalidSetting(name: "learning rate", expected: "0 or more", found: "\(peak)")
        }
        guard steps > 0 else { throw .invalidSetting(name: "steps", expected: "1 or more", found: "\(steps)") }
        guard (0...Double(steps)).contains(warmUp) else {
            throw .invalidSetting(name: "warm-up", expected: "0 to \(steps) steps", found: "\(warmUp)")
        }
    }

    /// The rate of step `step`, counted from 0. Steps beyond the last have the last one's.
    public func rate(_ step: Int) -> Double {
        let step = min(max(step, 0), steps - 1)
        switch shape {
        case .constant: return peak
        case .cosine:
            let position = Double(step)
            if position < warmUp { return peak * (startShare + (1 - startShare) * min(1, (position + 1) / warmUp)) }
            return Self.between(peak, peak * endShare, (position - warmUp) / max(1, Double(steps - 1) - warmUp))
        case .oneCycle:
            // As PyTorch counts: the peak is at 30 % of the steps, less one.
            let top = warmUp - 1, last = Double(steps - 1)
            if Double(step) <= top {
                return Self.between(peak * startShare, peak, top > 0 ? Double(step) / top : 1)
            }
            return Self.between(peak, peak * endShare, last > top ? (Double(step) - top) / (last - top) : 1)
        }
    }

    /// Half a cosine from `first` (at 0) to `last` (at 1).
    private static func between(_ first: Double, _ last: Double, _ part: Double) -> Double {
        last + (first - last) * (1 + cos(.pi * part)) / 2
    }
}
