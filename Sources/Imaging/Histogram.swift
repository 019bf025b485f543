/// How often modality values of one frame fall into bins of equal width; stored samples where a palette stands for them.
public struct Histogram: Sendable, Hashable {
    /// The most bins.
    public static let ceiling = 64

    /// Lower end of the first bin.
    public let lowest: Double
    /// Width of a bin, over 0; of integers a whole number of steps, so that each bin stands for as many values as the next.
    public let binWidth: Double
    /// Samples of each bin, from the lowest values on; the last bin includes its upper end.
    public let counts: [Int]

    /// Upper end of the last bin.
    public var highest: Double { lowest + binWidth * Double(counts.count) }

    /// Of a frame whose stored samples came to `stored`. `samples` are exactly the frame's, `planes` hold the tables of its tone.
    ///
    /// Throws ``ImagingError/badGeometry(_:)`` and ``ImagingError/wrongSize(what:expected:found:)``.
    public init(
        _ geometry: FrameGeometry, stored: SampleStatistics, samples: UnsafeRawBufferPointer,
        planes: UnsafeRawBufferPointer
    ) throws(ImagingError) {
        try geometry.check(samples)
        let tone = geometry.tone
        if tone.palette.isEmpty, let table = tone.modalityTable {
            let entries = try EntryCounts(table, geometry, samples: samples, planes: planes)
            let statistics = entries.statistics
            var bins = Bins(statistics.minimum, statistics.maximum, isWhole: true)
            for (entry, count) in entries.bins.enumerated() where count > 0 {
                bins.add(Double(entry), count: Int(count))
            }
            (lowest, binWidth, counts) = (bins.lowest, bins.width, bins.counts)
            return
        }
        var bins = Bins(stored.minimum, stored.maximum, isWhole: !geometry.sample.isFloatingPoint)
        geometry.forEachSample(samples) { value in
            if value.isFinite { bins.add(value, count: 1) }
        }
        let (slope, intercept) = tone.palette.isEmpty ? (tone.slope, tone.intercept) : (1, 0)
        let first = slope < 0 ? bins.lowest + bins.width * Double(bins.counts.count) : bins.lowest
        lowest = first * slope + intercept
        binWidth = bins.width * abs(slope)
        counts = slope < 0 ? bins.counts.reversed() : bins.counts
    }

    private struct Bins {
        let lowest: Double
        let width: Double
        var counts: [Int]

        init(_ minimum: Double, _ maximum: Double, isWhole: Bool) {
            lowest = minimum
            if isWhole {
                let values = maximum - minimum + 1
                width = (values / Double(Histogram.ceiling)).rounded(.up)
                counts = [Int](repeating: 0, count: Int((values / width).rounded(.up)))
            } else {
                // Halves, because the whole span of double precision is no number any more.
                let span = maximum / 2 - minimum / 2
                let even = span / Double(Histogram.ceiling / 2)
                width = even > 0 ? even : 1
                counts = [Int](repeating: 0, count: even > 0 ? Histogram.ceiling : 1)
            }
        }

        @inline(__always)
        mutating func add(_ value: Double, count: Int) {
            let place = value / width - lowest / width
            counts[min(max(Int(place), 0), counts.count - 1)] += count
        }
    }
}
