import CCodecs
import EfficientNet
import Foundation
import Imaging
import Testing

@Suite("Preparation")
struct PreparationTests {
    @Test("Alpha is left out")
    func alpha() throws {
        let rgb = PictureFormula.bytes(width: 12, height: 9, channels: 3)
        let rgba = stride(from: 0, to: rgb.count, by: 3).flatMap { Array(rgb[$0..<$0 + 3]) + [UInt8($0 % 256)] }
        let plain = try prepare(
            rgb, FrameGeometry(width: 12, height: 9, channels: 3, sample: .u8), Preprocessing(resolution: 8))
        let alpha = try prepare(
            rgba, FrameGeometry(width: 12, height: 9, channels: 4, sample: .u8), Preprocessing(resolution: 8))
        #expect(plain == alpha)
    }

    @Test("Bars beside a padded picture are black before normalisation")
    func bars() throws {
        let white = [UInt8](repeating: 255, count: 40 * 10)
        let settings = Preprocessing(resolution: 16, fit: .pad)
        let found = try prepare(white, FrameGeometry(width: 40, height: 10, sample: .u8), settings)
        // 10 / 40 · 16 = 4 rows, six black ones above and below.
        for c in 0..<3 {
            let black = Float((0 - settings.mean[c]) / settings.std[c])
            let full = Float((1 - settings.mean[c]) / settings.std[c])
            for y in 0..<16 {
                #expect(abs(found[c * 256 + y * 16 + 5] - ((6..<10).contains(y) ? full : black)) < 1e-5)
            }
        }
    }

    @Test("The same samples as 16-bit and as floating point are prepared alike")
    func types() throws {
        let samples = (0..<50 * 40).map { UInt16($0 * 7919 % 65_536) }
        let floats = samples.map { Float($0) / 65_535 }
        let settings = Preprocessing(resolution: 24)
        let a = try prepare(samples, FrameGeometry(width: 50, height: 40, sample: .u16), settings)
        let b = try prepare(floats, FrameGeometry(width: 50, height: 40, sample: .f32), settings)
        #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test("Extreme shapes are prepared from the region that is needed", arguments: Preprocessing.Fit.allCases)
    func extremeShapes(_ fit: Preprocessing.Fit) throws {
        for (width, height) in [(1, 1), (1, 100_000), (100_000, 1), (2, 40_000), (3_000_000, 1)] {
            let samples = [UInt8](repeating: 128, count: width * height)
            let settings = Preprocessing.plain(32, fit: fit)
            let found = try prepare(samples, FrameGeometry(width: width, height: height, sample: .u8), settings)
            // The middle is the picture, whatever the fit.
            #expect(abs(found[16 * 32 + 16] - 128.0 / 255) < 1e-4, "\(width) × \(height)")
        }
    }

    @Test("Scratch memory of one picture does not show in the next")
    func reuse() throws {
        let preparation = try FramePreparation(Preprocessing(resolution: 20))
        var first = [Float](repeating: 0, count: preparation.inputCount)
        var again = first
        var other = first
        let small = FrameGeometry(width: 30, height: 22, sample: .u8)
        let large = FrameGeometry(width: 200, height: 90, channels: 3, sample: .u8)
        for (geometry, isFirst) in [(small, true), (large, false), (small, false)] {
            let samples = PictureFormula.bytes(
                width: geometry.width, height: geometry.height, channels: geometry.channels)
            try samples.withUnsafeBytes { samples in
                if geometry == large {
                    try other.withUnsafeMutableBufferPointer {
                        try preparation.prepare(geometry, samples: samples, into: $0)
                    }
                } else if isFirst {
                    try first.withUnsafeMutableBufferPointer {
                        try preparation.prepare(geometry, samples: samples, into: $0)
                    }
                } else {
                    try again.withUnsafeMutableBufferPointer {
                        try preparation.prepare(geometry, samples: samples, into: $0)
                    }
                }
            }
        }
        #expect(first == again)
    }

    @Test("What cannot be carried out is refused when it is asked for")
    func refusals() throws {
        for settings in [
            Preprocessing(resolution: 0), Preprocessing(resolution: 224, cropFraction: 0),
            Preprocessing(resolution: 224, cropFraction: 1.5), Preprocessing(resolution: 224, mean: [0.5]),
            Preprocessing(resolution: 224, std: [0.2, 0, 0.2]), Preprocessing(resolution: 224, mean: [0, .nan, 0]),
            Preprocessing(resolution: 224, intensity: .percentile(low: 60, high: 40)),
            Preprocessing(resolution: 224, intensity: .window(center: 0, width: 0)),
        ] {
            #expect(throws: ImagingError.self) { try FramePreparation(settings) }
        }
        let geometry = FrameGeometry(width: 4, height: 4, sample: .u16)
        #expect(throws: ImagingError.wrongSize(what: "bytes of a frame's samples", expected: 32, found: 31)) {
            try prepare([UInt8](repeating: 0, count: 31), geometry, Preprocessing(resolution: 8))
        }
    }

    @Test("A thumbnail keeps the aspect ratio, is never enlarged, and reads back from PNG as it was")
    func thumbnail() throws {
        for (width, height, channels, expected) in [
            (400, 100, 1, (192, 48)), (100, 400, 3, (48, 192)), (50, 20, 1, (50, 20)),
        ] {
            let samples = PictureFormula.bytes(width: width, height: height, channels: channels)
            let geometry = FrameGeometry(width: width, height: height, channels: channels, sample: .u8)
            let thumbnail = try samples.withUnsafeBytes {
                try Thumbnail.make(geometry, samples: $0, intensity: .fullRange)
            }
            #expect((thumbnail.width, thumbnail.height) == expected)
            #expect(thumbnail.channels == channels)
            if width == 50 { #expect(thumbnail.pixels == samples) }
            let scan = try decode(thumbnail.png())
            #expect(scan.samples(UInt8.self) == thumbnail.pixels)
            #expect(scan.frames[0].channels == channels)
        }
    }

    @Test("A frame header from outside is refused unless every field fits the others and the limits")
    func hostileHeaders() throws {
        let limits = ScanLimits(maxPixels: 1000, maxPlaneBytes: 4096)
        // width, height, channels, sample, bits, flags, orientation, reserved; offset, bytes.
        func check(_ words: [UInt32], _ offset: UInt64, _ bytes: UInt64) -> Bool {
            let header = nr_frame(
                width: words[0], height: words[1], channels: words[2], sample: words[3], bits: words[4],
                flags: words[5],
                orientation: words[6], number: 0, tone: 0, reduction: 1, missing_columns: 0, missing_rows: 0,
                reserved: UInt8(words[7]), offset: offset, bytes: bytes)
            return (try? FrameGeometry(validating: header, tones: [Tone()], limits: limits, planesCapacity: 4096))
                != nil
        }
        #expect(check([10, 10, 3, 2, 16, 0, 1, 0], 64, 600))
        #expect(!check([0, 10, 3, 2, 16, 0, 1, 0], 64, 0))
        #expect(!check([100, 11, 1, 1, 8, 0, 1, 0], 0, 1100))
        #expect(!check([10, 10, 5, 2, 16, 0, 1, 0], 64, 1000))
        #expect(!check([10, 10, 3, 9, 16, 0, 1, 0], 64, 600))
        #expect(!check([10, 10, 3, 2, 17, 0, 1, 0], 64, 600))
        #expect(!check([10, 10, 3, 2, 0, 0, 1, 0], 64, 600))
        #expect(!check([10, 10, 3, 2, 16, 2, 1, 0], 64, 600))
        #expect(!check([10, 10, 3, 2, 16, 64, 1, 0], 64, 600))
        #expect(!check([10, 10, 3, 2, 16, 0, 9, 0], 64, 600))
        #expect(!check([10, 10, 3, 2, 16, 0, 1, 1], 64, 600))
        #expect(!check([10, 10, 3, 2, 16, 0, 1, 0], 60, 600))
        #expect(!check([10, 10, 3, 2, 16, 0, 1, 0], 3520, 600))
        #expect(!check([10, 10, 3, 2, 16, 0, 1, 0], 1 << 63, 600))
        #expect(!check([10, 10, 3, 2, 16, 0, 1, 0], 64, 601))
        #expect(!check([.max, .max, 4, 8, 64, 0, 1, 0], 0, .max))
    }
}
