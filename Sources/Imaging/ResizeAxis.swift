import CKernels
import EfficientNet
import Foundation

/// The weights of one axis of an antialiased resize, for some of its outputs.
///
/// Pillow's coefficients (`precompute_coeffs` in its Resample.c): the filter is widened by the scale where the picture shrinks, and
/// each output's weights sum to 1. Only the part of the source that the outputs need is looked at.
struct ResizeAxis {
    private var first = 0
    private var count = 0
    private var starts: [UInt64] = []
    private var lengths: [UInt32] = []
    private var weights: [Float] = []
    private var fixedWeights: [Int32] = []
    private var made: Request?

    /// What the weights are for.
    struct Request: Hashable {
        /// Pixels of the source along the axis.
        var source: Int
        /// Where the picture begins, and how much of the axis it covers, in pixels: where it was reduced, one at an edge may count in part.
        var origin: Double
        var extent: Double
        /// Pixels of the whole resized picture along the axis.
        var target: Int
        /// Those that are wanted.
        var outputs: Range<Int>
        /// The filter.
        var interpolation: Preprocessing.Interpolation

        /// The same for a part of the outputs.
        func outputs(_ part: Range<Int>) -> Request {
            var request = self
            request.outputs = part
            return request
        }

        /// The most weights that an output can have, rounded up as they are stored.
        var taps: Int {
            let scale = max(extent / Double(target), 1)
            // A window of width 2 · support covers at most that many pixel centres, and one more where it starts on one.
            let window = (interpolation.support * scale * 2).rounded(.up)
            return (min(Int(window) + 1, source) + 7) / 8 * 8
        }
    }

    /// Floats per output in `weights`.
    private(set) var taps = 0

    /// Pixels of the source that are read.
    var sourceCount: Int { count }

    /// Makes the weights, unless they are there already. Memory is kept between requests.
    mutating func prepare(_ request: Request) {
        guard made != request else { return }
        made = request
        let interpolation = request.interpolation
        let scale = request.extent / Double(request.target)
        let widening = max(scale, 1)
        let support = interpolation.support * widening
        taps = request.taps
        starts.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        weights.removeAll(keepingCapacity: true)
        weights.append(contentsOf: repeatElement(0, count: request.outputs.count * taps))
        fixedWeights.removeAll(keepingCapacity: true)
        fixedWeights.append(contentsOf: repeatElement(0, count: request.outputs.count * taps))
        var end = 0
        first = request.source
        for (index, output) in request.outputs.enumerated() {
            let center = request.origin + (Double(output) + 0.5) * scale
            let start = min(max(Int(center - support + 0.5), 0), request.source - 1)
            let stop = min(max(Int(center + support + 0.5), start + 1), min(request.source, start + taps))
            first = min(first, start)
            end = max(end, stop)
            starts.append(UInt64(start))
            lengths.append(UInt32(stop - start))
            var sum = 0.0
            for source in start..<stop {
                sum += interpolation.weight(at: (Double(source) - center + 0.5) / widening)
            }
            let norm = sum == 0 ? 0 : 1 / sum
            for source in start..<stop {
                let weight = interpolation.weight(at: (Double(source) - center + 0.5) / widening) * norm
                weights[index * taps + source - start] = Float(weight)
                // Pillow's normalize_coeffs_8bpc: to the nearest, halves away from zero.
                fixedWeights[index * taps + source - start] = Int32(
                    (weight * 4_194_304).rounded(.toNearestOrAwayFromZero))
            }
        }
        count = end - first
        for index in starts.indices { starts[index] -= UInt64(first) }
    }

    /// Calls `body` with the weights as the kernel takes them.
    func withAxis(_ body: (nr_axis) -> Void) {
        starts.withUnsafeBufferPointer { starts in
            lengths.withUnsafeBufferPointer { lengths in
                weights.withUnsafeBufferPointer { weights in
                    fixedWeights.withUnsafeBufferPointer { fixed in
                        body(
                            nr_axis(
                                outputs: UInt32(starts.count), taps: UInt32(taps), first: UInt64(first),
                                count: UInt64(count),
                                starts: starts.baseAddress, lengths: lengths.baseAddress, weights: weights.baseAddress,
                                fixed_weights: fixed.baseAddress))
                    }
                }
            }
        }
    }
}

extension Preprocessing.Interpolation {
    /// Half the filter's width at its own scale, in pixels.
    var support: Double { self == .bicubic ? 2 : 1 }

    /// The filter at `x`: the triangle, or Keys' cubic with a = −0.5, as Pillow has it.
    func weight(at x: Double) -> Double {
        let x = abs(x)
        switch self {
        case .bilinear:
            return x < 1 ? 1 - x : 0
        case .bicubic:
            let a = -0.5
            if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
            return 0
        }
    }
}
