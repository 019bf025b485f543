import CCodecs
import EfficientNet
import Foundation
import Imaging
import Testing

/// Files, reduced samples and prepared pictures of `Fixtures/make_jpeg_scaled.py`: Pillow's draft mode, and its resize of the part that the
/// file's pixels cover.
@Suite("JPEG decoded at a fraction of its size")
struct JPEGScalingTests {
    struct Example: CustomTestStringConvertible {
        var name: String
        var width, height, reduction: Int
        var preprocessing: Preprocessing
        var file: [UInt8]
        var digest: String
        var prepared: [UInt8]
        var testDescription: String { name }

        static func all() throws -> [Example] {
            try fixture("jpeg_scaled", "txt").map { line in
                let fields = line.split(separator: " ").map(String.init)
                var preprocessing = Preprocessing.plain(
                    try #require(Int(fields[6])), fit: try #require(.init(rawValue: fields[4])))
                preprocessing.cropFraction = try #require(Double(fields[5]))
                preprocessing.jpegScaling = true
                return Example(
                    name: fields[0], width: try #require(Int(fields[1])), height: try #require(Int(fields[2])),
                    reduction: try #require(Int(fields[3])), preprocessing: preprocessing, file: try base64(fields[7]),
                    digest: fields[8], prepared: try base64(fields[9]))
            }
        }
    }

    static func decode(_ file: [UInt8], least: LeastSize, limits: ScanLimits = ScanLimits()) throws -> DecodedScan {
        let folder = try ScratchFolder()
        return try ScanDecoder.decode(contentsOf: try folder.write(file), limits: limits, least: least)
    }

    @Test("Size, samples and prepared picture are Pillow's", arguments: try Example.all())
    func parity(_ example: Example) throws {
        let scan = try Self.decode(example.file, least: LeastSize(for: example.preprocessing))
        let frame = scan.frames[0]
        #expect(frame.reduction == example.reduction)
        #expect((frame.fullWidth, frame.fullHeight) == (example.width, example.height))
        #expect(frame.width == (example.width + example.reduction - 1) / example.reduction)
        #expect(scan.withSamples(ofFrame: 0) { sha256($0) } == example.digest)
        let input = try FramePreparation(example.preprocessing).input(of: scan, frame: 0, named: example.name)
        let side = example.preprocessing.resolution
        let channels = example.prepared.count / (side * side)
        for pixel in 0..<side * side {
            for channel in 0..<channels {
                let value = Int((input.scalars[channel * side * side + pixel] * 255).rounded())
                #expect(value == Int(example.prepared[pixel * channels + channel]), "\(pixel), \(channel)")
            }
        }
    }

    @Test("The network's input is within a mean of 1/255 of what the whole picture gives", arguments: try Example.all())
    func closeToFull(_ example: Example) throws {
        let preparation = try FramePreparation(example.preprocessing)
        let reduced = try preparation.input(
            of: Self.decode(example.file, least: LeastSize(for: example.preprocessing)), frame: 0, named: "reduced")
        let whole = try preparation.input(of: Self.decode(example.file, least: .full), frame: 0, named: "whole")
        let sum = zip(reduced.scalars, whole.scalars).reduce(0) { $0 + abs($1.0 - $1.1) }
        #expect(sum / Float(whole.scalars.count) < 1 / 255)
    }

    @Test("Nothing is reduced where less than twice the resized picture would remain, or settings do not allow it")
    func notReduced() throws {
        let example = try #require(try Example.all().first { $0.name == "half" })  // 131 × 197
        func reduction(_ least: LeastSize) throws -> Int {
            try Self.decode(example.file, least: least).frames[0].reduction
        }
        #expect(try reduction(LeastSize(shorter: 66, longer: 0)) == 2)
        #expect(try reduction(LeastSize(shorter: 67, longer: 0)) == 1)
        #expect(try reduction(LeastSize(shorter: 0, longer: 99)) == 2)
        #expect(try reduction(LeastSize(shorter: 0, longer: 100)) == 1)
        #expect(try reduction(LeastSize(shorter: 17, longer: 25)) == 8)
        #expect(try reduction(LeastSize(shorter: .max, longer: .max)) == 1)
        var settings = example.preprocessing
        settings.jpegScaling = false
        #expect(LeastSize(for: settings) == .full)
        settings.jpegScaling = true
        settings.intensity = .percentile(low: 1, high: 99)
        #expect(LeastSize(for: settings) == .full)
        settings.intensity = .window(center: 100, width: 100)
        #expect(LeastSize(for: settings) == LeastSize(shorter: 64, longer: 0))
        settings.fit = .pad
        #expect(LeastSize(for: settings) == LeastSize(shorter: 0, longer: 64))
        settings.fit = .crop
        settings.cropFraction = 0.875
        #expect(LeastSize(for: settings) == LeastSize(shorter: 72, longer: 0))
    }

    @Test("The limit is about the file's pixels, however few are decoded")
    func limit() throws {
        let example = try #require(try Example.all().first { $0.name == "eighth" })
        let least = LeastSize(for: example.preprocessing)
        let pixels = example.width * example.height
        #expect(
            try failureKind { try Self.decode(example.file, least: least, limits: ScanLimits(maxPixels: pixels)) }
                == nil)
        #expect(
            try failureKind { try Self.decode(example.file, least: least, limits: ScanLimits(maxPixels: pixels - 1)) }
                == .overLimit)
    }

    @Test("A reduced file that ends early or is damaged is a failure as well")
    func damaged() throws {
        for example in try Example.all() {
            let least = LeastSize(for: example.preprocessing)
            let cut = Array(example.file.dropLast(example.file.count / 3))
            #expect(try failureKind { try Self.decode(cut, least: least) } == .truncated, "\(example.name)")
        }
    }
}
