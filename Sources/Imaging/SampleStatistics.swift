import CKernels

/// What the samples of one frame come to: extremes, mean, percentiles. Alpha, NaN and infinities are left out.
public struct SampleStatistics: Sendable, Hashable {
    /// Which percentiles are given.
    public static let percents: [Double] = [1, 5, 25, 50, 75, 95, 99]

    /// Samples that count.
    public let count: Int
    /// The smallest one.
    public let minimum: Double
    /// The largest one.
    public let maximum: Double
    /// Their arithmetic mean.
    public let mean: Double
    /// Those of ``percents``, interpolated linearly as numpy.percentile does by default.
    public let percentiles: [Double]

    init(count: Int, minimum: Double, maximum: Double, mean: Double, percentiles: [Double]) {
        self.count = count
        self.minimum = minimum
        self.maximum = maximum
        self.mean = mean
        self.percentiles = percentiles
    }

    /// Of the stored samples of `geometry`; nil where none is finite. `samples` are exactly the frame's.
    ///
    /// Throws ``ImagingError/badGeometry(_:)`` and ``ImagingError/wrongSize(what:expected:found:)``.
    public static func stored(
        _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer
    ) throws(ImagingError) -> SampleStatistics? {
        try geometry.check(samples)
        var sum = 0.0
        var count = 0
        var (minimum, maximum) = (Double.infinity, -Double.infinity)
        geometry.forEachSample(samples) { value in
            guard value.isFinite else { return }
            sum += value
            count += 1
            minimum = min(minimum, value)
            maximum = max(maximum, value)
        }
        guard count > 0 else { return nil }
        return SampleStatistics(
            count: count, minimum: minimum, maximum: maximum, mean: sum / Double(count),
            percentiles: storedPercentiles(geometry, samples, count))
    }

    /// Of the modality values of `geometry`, whose stored samples came to `stored`. `planes` hold the tables of its tone.
    ///
    /// Throws ``ImagingError/badGeometry(_:)`` where a table is not in the planes.
    public static func modality(
        _ geometry: FrameGeometry, stored: SampleStatistics, samples: UnsafeRawBufferPointer,
        planes: UnsafeRawBufferPointer
    ) throws(ImagingError) -> SampleStatistics {
        let tone = geometry.tone
        guard let table = tone.modalityTable else {
            let value = { (stored: Double) in stored * tone.slope + tone.intercept }
            let (a, b) = (value(stored.minimum), value(stored.maximum))
            // Where the slope turns the order, the percentiles, which lie evenly around 50, come in reverse.
            let percentiles = stored.percentiles.map(value)
            return SampleStatistics(
                count: stored.count, minimum: min(a, b), maximum: max(a, b), mean: value(stored.mean),
                percentiles: tone.slope < 0 ? percentiles.reversed() : percentiles)
        }
        let bins = try EntryCounts(table, geometry, samples: samples, planes: planes)
        return bins.statistics
    }

    private static func storedPercentiles(
        _ geometry: FrameGeometry, _ samples: UnsafeRawBufferPointer, _ count: Int
    ) -> [Double] {
        var picture = nr_intensity()
        picture.sample = geometry.sample.rawValue
        picture.channels = UInt32(geometry.channels)
        picture.colours = UInt32(geometry.colourChannels)
        var bins = [UInt64](repeating: 0, count: 65_536)
        return percents.map { percent in
            let position = Double(count - 1) * percent / 100
            let first = UInt64(position)
            let ranks = [first, min(first + 1, UInt64(count - 1))]
            var values = [0.0, 0.0]
            nr_order_statistics(
                &picture, samples.baseAddress, UInt64(geometry.width * geometry.height), ranks, 2, &values, &bins)
            return IntensityRule.between(values[0], values[1], at: position - position.rounded(.down))
        }
    }
}

/// How often each entry of a modality LUT is what a sample stands for.
struct EntryCounts {
    let bins: [UInt64]
    let total: Int

    /// Throws ``ImagingError/badGeometry(_:)`` where the planes do not hold the table.
    init(
        _ place: Tone.TablePlace, _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer,
        planes: UnsafeRawBufferPointer
    ) throws(ImagingError) {
        try geometry.check(samples)
        var bins = [UInt64](repeating: 0, count: 65_536)
        // The kernel's table points into the curve's memory.
        let curve = ToneCurve()
        var table = try curve.modalityTable(place, planes: planes)
        total = withExtendedLifetime(curve) {
            Int(
                nr_table_histogram(
                    &table, geometry.sample.rawValue, UInt32(geometry.channels), UInt32(geometry.colourChannels),
                    samples.baseAddress, UInt64(geometry.width * geometry.height), &bins))
        }
        self.bins = bins
    }

    var statistics: SampleStatistics {
        let values = bins.enumerated().filter { $0.element > 0 }
        let sum = values.reduce(0.0) { $0 + Double($1.offset) * Double($1.element) }
        return SampleStatistics(
            count: total, minimum: Double(values.first?.offset ?? 0), maximum: Double(values.last?.offset ?? 0),
            mean: sum / Double(max(total, 1)),
            percentiles: SampleStatistics.percents.map { percent in
                let position = Double(max(total, 1) - 1) * percent / 100
                let first = UInt64(position)
                return IntensityRule.between(
                    entry(atRank: first), entry(atRank: min(first + 1, UInt64(max(total, 1) - 1))),
                    at: position - position.rounded(.down))
            })
    }

    private func entry(atRank rank: UInt64) -> Double {
        var before: UInt64 = 0
        for (entry, count) in bins.enumerated() {
            before += count
            if rank < before { return Double(entry) }
        }
        return 0
    }
}

extension FrameGeometry {
    /// Calls `body` with every colour sample as it is stored, row by row. `samples` have been checked.
    @inline(__always)
    func forEachSample(_ samples: UnsafeRawBufferPointer, _ body: (Double) -> Void) {
        switch sample {
        case .u8: visit(samples, UInt8.self, body) { Double($0) }
        case .u16: visit(samples, UInt16.self, body) { Double($0) }
        case .u32: visit(samples, UInt32.self, body) { Double($0) }
        case .i8: visit(samples, Int8.self, body) { Double($0) }
        case .i16: visit(samples, Int16.self, body) { Double($0) }
        case .i32: visit(samples, Int32.self, body) { Double($0) }
        case .f32: visit(samples, Float.self, body) { Double($0) }
        case .f64: visit(samples, Double.self, body) { $0 }
        }
    }

    @inline(__always)
    private func visit<Stored: BitwiseCopyable>(
        _ samples: UnsafeRawBufferPointer, _ type: Stored.Type, _ body: (Double) -> Void, _ number: (Stored) -> Double
    ) {
        let step = MemoryLayout<Stored>.size
        let colours = colourChannels
        for pixel in stride(from: 0, to: samples.count, by: channels * step) {
            for colour in 0..<colours {
                body(number(samples.loadUnaligned(fromByteOffset: pixel + colour * step, as: type)))
            }
        }
    }
}
