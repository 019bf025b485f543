import EfficientNet
import Foundation
import Imaging
import Testing

/// Expected values are worked by hand from DICOM PS3.3 C.11.1 and C.11.2.
@Suite("Rules on modality values")
struct DisplayTests {
    private func row(_ stored: [Int], _ sample: SampleType = .u16, bits: Int? = nil, slope: Double, intercept: Double)
        -> TonedRow
    {
        var row = TonedRow(stored, sample, bits: bits)
        row.geometry.tone.slope = slope
        row.geometry.tone.intercept = intercept
        return row
    }

    @Test("Full range is that of the stored bits, turned by a negative slope")
    func fullRange() throws {
        expectClose(
            try row([0, 1023, 4095], bits: 12, slope: 2, intercept: -1024).intensities(.fullRange),
            [0, 1023 / 4095.0, 1])
        expectClose(
            try row([0, 1023, 4095], bits: 12, slope: -2, intercept: 7).intensities(.fullRange),
            [1, 1 - 1023 / 4095.0, 0])
        expectClose(try row([0, 51, 255], .u8, slope: -0.5, intercept: 3).intensities(.fullRange), [1, 0.8, 0])
        var white = row([0, 51, 255], .u8, slope: -0.5, intercept: 3)
        white.geometry.flags = .minIsWhite
        expectClose(try white.intensities(.fullRange), [0, 0.2, 1])
        var floats = TonedRow([0, 0.25, 1, 2] as [Float])
        floats.geometry.tone.slope = -4
        expectClose(try floats.intensities(.fullRange), [1, 0.75, 0, 0])
    }

    @Test("With a modality LUT, full range is that of its entries")
    func fullRangeOfTable() throws {
        var row = TonedRow([0, 5, 6, 7, 90], .u16, bits: 12)
        row.geometry.tone.modalityTable = row.table([0, 51, 255], first: 5, bits: 8)
        expectClose(try row.intensities(.fullRange), [0, 0, 0.2, 1, 1])
        #expect("\(try row.resolved(.fullRange))" == "full range: 0 … 255 become black … white")
    }

    @Test("Percentiles are those of modality values: of a negative slope from the other end")
    func percentiles() throws {
        let stored = (0...100).map { $0 * $0 % 101 * 40 }
        let rule = Preprocessing.Intensity.percentile(low: 10, high: 50)
        let sorted = stored.sorted()
        for slope in [0.5, -0.5] {
            // 101 samples: percentile p is the modality value of rank p.
            let modality = sorted.map { Double($0) * slope + 3 }.sorted()
            let expected = stored.map {
                min(max((Double($0) * slope + 3 - modality[10]) / (modality[50] - modality[10]), 0), 1)
            }
            expectClose(try row(stored, slope: slope, intercept: 3).intensities(rule), expected, 1e-5)
        }
    }

    @Test("Percentiles over a modality LUT are those of its entries, also where it falls")
    func percentilesOfTable() throws {
        let stored = Array(0..<11)
        let entries: [UInt16] = [900, 100, 800, 200, 700, 300, 600, 400, 500, 1000, 0]
        // Ranks 2 and 8 of 11 sorted entries: 200 and 800.
        let expected = entries.map { min(max((Double($0) - 200) / 600, 0), 1) }
        for type in [SampleType.u8, .i16, .u32] {
            var row = TonedRow(stored, type)
            row.geometry.tone.modalityTable = row.table(entries, first: 0, bits: 16)
            expectClose(try row.intensities(.percentile(low: 20, high: 80)), expected)
            #expect(
                try row.resolved(.percentile(low: 20, high: 80)).curve == .line(black: 200, white: 800))
        }
    }

    @Test("A file's display: the window that is asked for, the VOI LUT, its first window, its range, in this order")
    func order() throws {
        var row = TonedRow([0, 50, 100, 1000], .u16, bits: 12, flags: .measured)
        expectClose(try row.intensities(.file()), [0, 0.05, 0.1, 1])
        #expect("\(try row.resolved(.file()))" == "minimum and maximum of the frame: 0 … 1000 become black … white")
        row.geometry.tone.function = .linearExact
        row.geometry.tone.windows = [
            Tone.Window(center: 50, width: 100, explanation: "SOFT"),
            Tone.Window(center: 500, width: 1000, explanation: "Bone"),
        ]
        expectClose(try row.intensities(.file()), [0, 0.5, 1, 1])
        expectClose(try row.intensities(.file(window: "bone")), [0, 0.05, 0.1, 1])
        #expect(
            "\(try row.resolved(.file(window: "bone")))"
                == "the file's window \"Bone\", centre 500, width 1000, linear-exact: 0 … 1000 become black … white")
        row.geometry.tone.voiTable = row.table([0, 15], first: 75, bits: 4)
        expectClose(try row.intensities(.file()), [0, 0, 1, 1])
        expectClose(try row.intensities(.file(window: "BONE")), [0, 0.05, 0.1, 1])
        #expect("\(try row.resolved(.file()))" == "the file's VOI LUT: 2 entries of 4 bits for 75 … 76")
    }

    @Test("A window that the file does not name is its first one, and what is used says so")
    func missing() throws {
        var row = TonedRow([0, 50, 100], .u16, bits: 12, flags: .measured)
        row.geometry.tone.voiTable = row.table([0, 15], first: 75, bits: 4)
        #expect(
            "\(try row.resolved(.file(window: "LUNG")))"
                == "no window \"LUNG\" in the file; the file's VOI LUT: 2 entries of 4 bits for 75 … 76")
        row.geometry.tone.windows = [Tone.Window(center: 50, width: 101, explanation: "SOFT")]
        #expect(
            "\(try row.resolved(.file(window: "LUNG")))"
                == "no window \"LUNG\" in the file; the file's window \"SOFT\", centre 50, width 101, linear: -0.5 … 99.5 become black … white"
        )
    }

    @Test("Pictures and 8-bit measurements that say nothing are shown at full range")
    func pictures() throws {
        expectClose(try TonedRow([100, 200], .u8, flags: .measured).intensities(.file()), [100 / 255.0, 200 / 255.0])
        expectClose(try TonedRow([100, 200], .u16).intensities(.file()), [100 / 65_535.0, 200 / 65_535.0])
        let rgb = FrameGeometry(width: 1, height: 1, channels: 3, sample: .u8)
        let settings = Preprocessing.plain(1, intensity: .file())
        expectClose(try prepare([51, 0, 255] as [UInt8], rgb, settings), [0.2, 0, 1])
    }

    @Test("Window functions of the standard differ as the standard says")
    func functions() throws {
        // PS3.3 C.11.2.1.2.1: centre 128, width 256, linear is 0 … 255 to black … white; centre 2048, width 4096: 0 … 4095.
        let linear = try TonedRow([0, 255], .u8).resolved(.window(center: 128, width: 256, function: .linear))
        #expect(linear.curve == .line(black: 0, white: 255))
        let wide = try TonedRow([0], .u16).resolved(.window(center: 2048, width: 4096, function: .linear))
        #expect(wide.curve == .line(black: 0, white: 4095))
        // C.11.2.1.3.2: black at centre − width / 2, white at centre + width / 2.
        let exact = try TonedRow([0], .u16).resolved(.window(center: 2048, width: 4096))
        #expect(exact.curve == .line(black: 0, white: 4096))
        // Width 1 is a threshold at centre − 0.5; the standard knows none under 1.
        for width in [1, 0.25] {
            let rule = Preprocessing.Intensity.window(center: 10, width: width, function: .linear)
            expectClose(try TonedRow([8, 9, 10, 11], .u8).intensities(rule), [0, 0, 1, 1])
        }
    }

    @Test(
        "Floating point samples go through windows; NaN is black, infinities are the ends, also where the slope is negative"
    )
    func floats() throws {
        var row = TonedRow([.nan, -.infinity, 0, 10, .infinity] as [Float])
        row.geometry.tone.slope = -1
        let window = Preprocessing.Intensity.window(center: -5, width: 10)
        expectClose(try row.intensities(window), [0, 1, 1, 0, 0])
        expectClose(
            try row.intensities(.window(center: -5, width: 10, function: .sigmoid)),
            [0, 1, 0.8807970779778823, 0.11920292202211755, 0])
        row.geometry.tone.voiTable = row.table([0, 100, 255], first: -10, bits: 8)
        expectClose(try row.intensities(.file()), [0, 1, 1, 0, 0])
    }

    @Test("Frames of one scan have tones of their own")
    func perFrame() throws {
        let preparation = try FramePreparation(.plain(3, intensity: .window(center: 50, width: 100)))
        for (slope, intercept, expected) in [
            (1.0, 0.0, [0, 0.2, 1]), (10, -100, [0, 1, 1]), (0.5, 0, [0, 0.1, 0.5]), (1, 0, [0, 0.2, 1]),
        ] {
            let row = row([0, 20, 100], slope: slope, intercept: intercept)
            expectClose(try row.intensities(.window(center: 50, width: 100), with: preparation), expected)
        }
    }

    @Test("A palette's colours are what an RGB picture of the same colours is prepared to, in whole steps as well")
    func palette() throws {
        let (width, height) = (41, 30)
        let indices = (0..<width * height).map { UInt8($0 * 7 % 256) }
        func entry(_ colour: Int, _ index: Int) -> UInt16 {
            let ramp = index * (3 + 2 * colour)
            return UInt16((ramp + 11 * colour) % 256)
        }
        let tables: [[UInt16]] = (0..<3).map { colour in (0..<256).map { index in entry(colour, index) } }
        let rgb: [UInt8] = indices.flatMap { index in (0..<3).map { colour in UInt8(entry(colour, Int(index))) } }
        for settings in [
            Preprocessing(resolution: 16), Preprocessing(resolution: 16, intensity: .window(center: 1, width: 2)),
            Preprocessing(resolution: 16, intensity: .percentile(low: 1, high: 99)),
        ] {
            for type in [SampleType.u8, .u16] {
                var planes = type == .u8 ? indices : indices.flatMap { [$0, 0] }
                var geometry = FrameGeometry(width: width, height: height, sample: type)
                for table in tables {
                    planes += [UInt8](repeating: 0, count: (64 - planes.count % 64) % 64)
                    geometry.tone.palette.append(
                        Tone.TablePlace(offset: planes.count, count: 256, first: 0, bits: 8))
                    planes += table.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
                }
                let preparation = try FramePreparation(settings)
                var found = [Float](repeating: .nan, count: preparation.inputCount)
                let thumbnail = try planes.withUnsafeBytes { planes in
                    let samples = UnsafeRawBufferPointer(rebasing: planes[0..<geometry.bytes])
                    try found.withUnsafeMutableBufferPointer {
                        try preparation.prepare(geometry, samples: samples, planes: planes, into: $0)
                    }
                    return try Thumbnail.make(geometry, samples: samples, planes: planes, intensity: settings.intensity)
                }
                let picture = FrameGeometry(width: width, height: height, channels: 3, sample: .u8)
                #expect(found == (try prepare(rgb, picture, Preprocessing(resolution: 16))))
                #expect(thumbnail.pixels == rgb)
            }
        }
    }

    @Test("Tables that are not in the planes are refused, and whatever their entries are, nothing leaves 0…1")
    func hostile() throws {
        var row = TonedRow([-32_768, -1, 0, 1, 32_767], .i16)
        let wild = row.table([65_535, 3, 40_000, 0], first: -2, bits: 4)
        for first in [wild.first, Int(Int32.min), Int(Int32.max)] {
            var place = wild
            place.first = first
            for tone in [
                { (tone: inout Tone) in tone.voiTable = place },
                { (tone: inout Tone) in tone.modalityTable = place },
                { (tone: inout Tone) in
                    tone.slope = 1e300
                    tone.intercept = -1e308
                },
                { (tone: inout Tone) in tone.slope = Double.leastNonzeroMagnitude },
                { (tone: inout Tone) in
                    tone.windows = [Tone.Window(center: -1.7e308, width: 1.7e308)]
                    tone.function = .sigmoid
                },
                { (tone: inout Tone) in
                    tone.windows = [Tone.Window(center: 1.7e308, width: Double.leastNonzeroMagnitude)]
                    tone.function = .linearExact
                },
            ] {
                row.geometry.tone = Tone()
                tone(&row.geometry.tone)
                for rule in [
                    Preprocessing.Intensity.file(), .fullRange, .percentile(low: 1, high: 99),
                    .window(center: 3, width: 5), .window(center: 3, width: 5, function: .sigmoid),
                ] {
                    #expect(try row.intensities(rule).allSatisfy { $0 >= 0 && $0 <= 1 })
                    #expect(!(try row.resolved(rule).description.isEmpty))
                }
            }
        }
        for place in [
            Tone.TablePlace(offset: row.planes.count - 6, count: 4, first: 0, bits: 8),
            Tone.TablePlace(offset: .max, count: 4, first: 0, bits: 8),
            Tone.TablePlace(offset: -64, count: 4, first: 0, bits: 8),
            Tone.TablePlace(offset: 0, count: 0, first: 0, bits: 8),
            Tone.TablePlace(offset: 0, count: 4, first: 0, bits: 17),
            Tone.TablePlace(offset: 0, count: 4, first: 1 << 40, bits: 8),
        ] {
            row.geometry.tone = Tone()
            row.geometry.tone.modalityTable = place
            #expect(throws: ImagingError.self) { try row.intensities(.percentile(low: 1, high: 99)) }
            #expect(throws: ImagingError.self) { try row.intensities(.window(center: 1, width: 2)) }
        }
        row.geometry.tone = Tone()
        row.geometry.tone.slope = 0
        #expect(throws: ImagingError.self) { try row.intensities(.fullRange) }
        var wide = TonedRow([1, 2], .i32)
        let place = wide.table([1], first: 0, bits: 8)
        wide.geometry.tone.palette = [place, place, place]
        #expect(throws: ImagingError.self) { try wide.intensities(.fullRange) }
    }
}
