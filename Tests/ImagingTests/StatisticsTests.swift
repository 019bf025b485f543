import Foundation
import Testing

@testable import Imaging

/// Statistics and histogram of one frame's samples, with a tone whose tables lie behind them.
private func look<Sample: BitwiseCopyable>(
    _ samples: [Sample], _ frame: FrameGeometry, table: [UInt16] = []
) throws -> (stored: SampleStatistics, modality: SampleStatistics, histogram: Histogram) {
    let bytes = samples.withUnsafeBytes(Array.init)
    // Tables start at multiples of 64.
    let padding = [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64)
    let planes = bytes + padding + table.withUnsafeBytes(Array.init)
    var frame = frame
    frame.tone.modalityTable?.offset = bytes.count + padding.count
    return try planes.withUnsafeBytes { planes in
        let samples = UnsafeRawBufferPointer(rebasing: planes[0..<bytes.count])
        let stored = try #require(try SampleStatistics.stored(frame, samples: samples))
        return (
            stored, try SampleStatistics.modality(frame, stored: stored, samples: samples, planes: planes),
            try Histogram(frame, stored: stored, samples: samples, planes: planes)
        )
    }
}

@Suite("What the samples of a frame come to")
struct StatisticsTests {
    /// numpy.percentile(numpy.arange(256), [1, 5, 25, 50, 75, 95, 99]).
    private let ofAByte = [2.55, 12.75, 63.75, 127.5, 191.25, 242.25, 252.45]

    @Test("Every value of a byte once has numpy's percentiles")
    func ramp() throws {
        let found = try look((0...255).map { UInt8($0) }, FrameGeometry(width: 16, height: 16, sample: .u8))
        #expect(found.stored.minimum == 0 && found.stored.maximum == 255 && found.stored.mean == 127.5)
        for (value, expected) in zip(found.stored.percentiles, ofAByte) { #expect(abs(value - expected) < 1e-9) }
        #expect(found.stored == found.modality)
        #expect(found.histogram.counts == [Int](repeating: 4, count: 64))
        #expect(found.histogram.lowest == 0 && found.histogram.binWidth == 4)
    }

    @Test("A slope under 0 turns the order, an intercept moves it")
    func negativeSlope() throws {
        var frame = FrameGeometry(width: 16, height: 16, sample: .u8)
        frame.tone.slope = -2
        frame.tone.intercept = 100
        let found = try look((0...255).map { UInt8($0) }, frame)
        #expect(found.modality.minimum == -410 && found.modality.maximum == 100 && found.modality.mean == -155)
        for (value, expected) in zip(found.modality.percentiles, ofAByte) {
            #expect(abs(value - (2 * expected - 410)) < 1e-9)
        }
        // Bins of four stored values: 252 … 255 are −404 … −410, up to the edge where 251 starts.
        #expect(found.histogram.lowest == -412 && found.histogram.binWidth == 8)
    }

    @Test("A modality LUT's entries are the values, the first and last one for what lies outside")
    func table() throws {
        var frame = FrameGeometry(width: 4, height: 1, sample: .i16)
        frame.tone.modalityTable = Tone.TablePlace(offset: 0, count: 3, first: -1, bits: 10)
        let found = try look([-5, 0, 1, 9] as [Int16], frame, table: [7, 100, 1000])
        #expect(found.stored.minimum == -5 && found.stored.maximum == 9)
        #expect(found.modality.minimum == 7 && found.modality.maximum == 1000)
        #expect(found.modality.mean == 526.75)
        #expect(found.histogram.counts.reduce(0, +) == 4 && found.histogram.counts.first == 1)
    }

    @Test("NaN, infinities and alpha are left out")
    func leftOut() throws {
        let floats: [Float] = [.nan, 1, .infinity, 3, -.infinity, 2]
        let found = try look(floats, FrameGeometry(width: 3, height: 2, sample: .f32))
        #expect(found.stored.count == 3 && found.stored.mean == 2)
        #expect(found.histogram.counts.reduce(0, +) == 3)
        let pairs: [UInt8] = [10, 255, 20, 0]
        let gray = try look(pairs, FrameGeometry(width: 2, height: 1, channels: 2, sample: .u8))
        #expect(gray.stored.count == 2 && gray.stored.maximum == 20)
        let none = [Float.nan, .nan].withUnsafeBytes { samples in
            Result { try SampleStatistics.stored(FrameGeometry(width: 2, height: 1, sample: .f32), samples: samples) }
        }
        #expect(try none.get() == nil)
    }

    @Test("The whole span of double precision and of 32 bits has a histogram")
    func extremes() throws {
        let huge = [-Double.greatestFiniteMagnitude, 0, .greatestFiniteMagnitude]
        let wide = try look(huge, FrameGeometry(width: 3, height: 1, sample: .f64))
        #expect(wide.histogram.counts.reduce(0, +) == 3 && wide.histogram.counts.count == 64)
        let whole = try look([0, 7, UInt32.max], FrameGeometry(width: 3, height: 1, sample: .u32))
        #expect(whole.histogram.counts.first == 2 && whole.histogram.counts.last == 1)
        #expect(whole.histogram.binWidth == 0x1p26)
    }
}
