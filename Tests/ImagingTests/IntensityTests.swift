import EfficientNet
import Foundation
import Imaging
import Testing

@Suite("Intensity rules")
struct IntensityTests {
    private func line(_ count: Int, _ sample: SampleType, bits: Int? = nil, flags: FrameGeometry.Flags = [])
        -> FrameGeometry
    {
        FrameGeometry(width: count, height: 1, sample: sample, bits: bits, flags: flags)
    }

    /// One row of samples at its own size: nothing is resized, the first plane's first row is the intensities.
    private func intensities<Sample: BitwiseCopyable>(
        _ samples: [Sample], _ sample: SampleType, bits: Int? = nil, flags: FrameGeometry.Flags = [],
        _ rule: Preprocessing.Intensity = .fullRange
    ) throws -> [Float] {
        let rows = Array(repeatElement(samples, count: samples.count).joined())
        let geometry = FrameGeometry(
            width: samples.count, height: samples.count, sample: sample, bits: bits, flags: flags)
        return Array(try prepare(rows, geometry, .plain(samples.count, intensity: rule))[0..<samples.count])
    }

    @Test("Full range is the stored bits' range, from the lowest to the highest number they hold")
    func fullRange() throws {
        expectClose(try intensities([0, 51, 255] as [UInt8], .u8), [0, 0.2, 1])
        expectClose(try intensities([0, 1, 3] as [UInt8], .u8, bits: 2), [0, 1.0 / 3, 1])
        expectClose(try intensities([0, 4095, 819] as [UInt16], .u16, bits: 12), [0, 1, 0.2])
        expectClose(try intensities([-128, 127, -77] as [Int8], .i8), [0, 1, 0.2])
        expectClose(try intensities([-32_768, 32_767, -19_661] as [Int16], .i16), [0, 1, 0.2])
        expectClose(try intensities([0, 4_294_967_295, 858_993_459] as [UInt32], .u32), [0, 1, 0.2])
        expectClose(try intensities([-2_147_483_648, 2_147_483_647] as [Int32], .i32), [0, 1])
        expectClose(try intensities([0, 0.25, 1, 7, -7] as [Float], .f32), [0, 0.25, 1, 1, 0])
        expectClose(try intensities([0.5, 2] as [Double], .f64), [0.5, 1])
    }

    @Test("A window maps centre ± half its width to 0…1 and clamps the rest")
    func window() throws {
        let rule = Preprocessing.Intensity.window(center: 40, width: 400)
        expectClose(try intensities([-1000, -160, 40, 240, 3000] as [Int16], .i16, rule), [0, 0, 0.5, 1, 1])
    }

    @Test("Min-is-white is turned exactly once, after the rule")
    func minIsWhite() throws {
        expectClose(try intensities([0, 51, 255] as [UInt8], .u8, flags: .minIsWhite), [1, 0.8, 0])
        let rule = Preprocessing.Intensity.window(center: 100, width: 100)
        expectClose(try intensities([0, 75, 200] as [UInt8], .u8, flags: .minIsWhite, rule), [1, 0.75, 0])
    }

    @Test("NaN is black, infinities are the ends, and a frame without a finite sample is refused")
    func notNumbers() throws {
        let samples: [Float] = [.nan, .infinity, -.infinity, 0.5]
        expectClose(try intensities(samples, .f32), [0, 1, 0, 0.5])
        expectClose(
            try intensities([.nan, 10, 20, .infinity] as [Double], .f64, .percentile(low: 0, high: 100)), [0, 0, 1, 1])
        #expect(throws: ImagingError.noFiniteSample) { try intensities([.nan, .infinity] as [Float], .f32) }
        #expect(throws: ImagingError.noFiniteSample) { try intensities([.nan, .nan] as [Double], .f64) }
    }

    @Test("A constant frame is black under percentiles, and never a division by zero")
    func constant() throws {
        expectClose(try intensities([7, 7, 7] as [UInt16], .u16, .percentile(low: 0.5, high: 99.5)), [0, 0, 0])
        expectClose(try intensities([7.5, 7.5] as [Float], .f32, .percentile(low: 0.5, high: 99.5)), [0, 0])
        // Both percentiles fall on the background: what is over it is white.
        var mostly = [UInt8](repeating: 3, count: 30)
        mostly[4] = 200
        let found = try prepare(
            mostly, line(30, .u8), .plain(1, intensity: .percentile(low: 5, high: 50), fit: .squash))
        #expect(found[0].isFinite)
    }

    /// 2,460 samples of each type by formula; numpy.percentile(samples, [0.5, 99.5]) in numpy's default, linear interpolation.
    @Test(
        "Percentiles are numpy's",
        arguments: [
            (SampleType.u8, 0.29499999999999993, 198.0), (.u16, 25.295, 3986.705),
            (.u32, 20_203_559.635, 4_270_854_830.365),
            (.i8, -99.705, 98.0), (.i16, -2474.41, 2473.115), (.i32, -2_127_280_088.365, 2_123_371_182.365),
            (.f32, -296.34427520751956, 410.4450079345703), (.f64, -296.3442857142857, 410.445),
        ])
    func percentiles(_ type: SampleType, _ low: Double, _ high: Double) throws {
        let count = 60 * 41
        let values = (0..<count).map { i -> Double in
            switch type {
            case .u8: Double(i * 31 % 200)
            case .u16: Double((i * 7919 + 13) % 4096)
            case .u32: Double(i * 2_654_435_761 % 4_294_967_296)
            case .i8: Double(i * 31 % 200 - 100)
            case .i16: Double(i * 7919 % 5000 - 2500)
            case .i32: Double(i * 2_654_435_761 % 4_294_967_296 - 2_147_483_648)
            case .f32, .f64: Double(i * 7919 % 5000) / 7 - 300
            }
        }
        let bytes = values.flatMap { Self.bytes($0, type) }
        let settings = Preprocessing.plain(60, intensity: .percentile(low: 0.5, high: 99.5), fit: .pad)
        let found = try prepare(bytes, FrameGeometry(width: 60, height: 41, sample: type), settings)
        for (i, value) in values.enumerated() {
            // 41 rows in 60: Pillow's ImageOps.pad leaves round-half-even(9.5) = 10 rows on top.
            let expected = min(max((value - low) / (high - low), 0), 1)
            #expect(abs(Double(found[(i / 60 + 10) * 60 + i % 60]) - expected) < 1e-5, "sample \(i)")
        }
    }

    private static func bytes(_ value: Double, _ type: SampleType) -> [UInt8] {
        func raw<T>(_ value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
        return switch type {
        case .u8: raw(UInt8(value))
        case .u16: raw(UInt16(value))
        case .u32: raw(UInt32(value))
        case .i8: raw(Int8(value))
        case .i16: raw(Int16(value))
        case .i32: raw(Int32(value))
        case .f32: raw(Float(value))
        case .f64: raw(value)
        }
    }
}
