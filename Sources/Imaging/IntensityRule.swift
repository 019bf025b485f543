import CKernels
import EfficientNet

/// Finds the two sample values that become 0 and 1 in one frame; keeps the histogram's memory.
final class IntensityRule {
    private var bins: [UInt64] = []

    /// The rule for one frame, as the kernels take it. `samples` hold all of the frame: the caller's promise.
    ///
    /// Throws ``ImagingError/noFiniteSample``.
    func resolve(
        _ rule: Preprocessing.Intensity, _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer
    ) throws(ImagingError) -> nr_intensity {
        var intensity = nr_intensity(
            sample: geometry.sample.rawValue, channels: UInt32(geometry.channels),
            colours: UInt32(geometry.colourChannels),
            inverted: geometry.flags.contains(.minIsWhite) ? 1 : 0, low: 0, scale: 1,
            in_steps: rule == .fullRange && geometry.sample == .u8 && geometry.bits == 8 ? 1 : 0)
        let pixels = UInt64(geometry.width * geometry.height)
        guard nr_has_finite(&intensity, samples.baseAddress, pixels) != 0 else { throw .noFiniteSample }
        let (low, high) =
            switch rule {
            case .fullRange: Self.fullRange(geometry)
            case .window(let center, let width): (center - width / 2, center + width / 2)
            case .percentile(let low, let high): percentiles(low, high, &intensity, samples, pixels)
            }
        intensity.low = low
        // Nothing lies between equal bounds: what is above them is 1, everything else 0, a constant frame 0.
        intensity.scale = high > low ? 1 / (high - low) : Double(Float.greatestFiniteMagnitude)
        return intensity
    }

    /// The range of the stored bits: two's complement for signed integers, 0…1 for floating point.
    private static func fullRange(_ geometry: FrameGeometry) -> (low: Double, high: Double) {
        if geometry.sample.isFloatingPoint { return (0, 1) }
        let steps = Double(UInt64(1) << UInt64(geometry.bits)) - 1
        return geometry.sample.isSigned ? (-(steps + 1) / 2, (steps - 1) / 2) : (0, steps)
    }

    /// Percentiles of all colour samples together, NaN and infinities left out, interpolated as numpy.percentile does by default.
    private func percentiles(
        _ low: Double, _ high: Double, _ picture: inout nr_intensity, _ samples: UnsafeRawBufferPointer,
        _ pixels: UInt64
    ) -> (low: Double, high: Double) {
        let count = nr_count_finite(&picture, samples.baseAddress, pixels)
        if bins.isEmpty { bins = [UInt64](repeating: 0, count: 65_536) }
        let positions = (Double(count - 1) * low / 100, Double(count - 1) * high / 100)
        let ranks = [positions.0, positions.1].flatMap { position in
            [UInt64(position), min(UInt64(position) + 1, count - 1)]
        }
        var values = [Double](repeating: 0, count: 4)
        nr_order_statistics(&picture, samples.baseAddress, pixels, ranks, 4, &values, &bins)
        return (
            Self.between(values[0], values[1], at: positions.0 - positions.0.rounded(.down)),
            Self.between(values[2], values[3], at: positions.1 - positions.1.rounded(.down))
        )
    }

    private static func between(_ a: Double, _ b: Double, at t: Double) -> Double {
        t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t)
    }
}
