import EfficientNet
import Foundation
import Imaging
import Testing

@testable import Training

@Suite("Augmentation")
struct AugmentationTests {
    private static let side = 9

    /// A picture whose every pixel says where it is.
    private static let picture = (0..<side * side).map { Float($0) / Float(side * side) }

    private func changed(_ augmentation: Augmentation, seed: UInt64 = 1, round: Int = 0, picture: Int = 0) -> [Float] {
        var pixels = Self.picture
        Augmentation.apply(
            augmentation.draw(seed: seed, round: round, picture: picture), to: &pixels, planes: 1, side: Self.side)
        return pixels
    }

    @Test("Without ranges nothing changes; with them the same seed, round and picture give the same, others another")
    func determinism() {
        #expect(changed(Augmentation()) == Self.picture)
        var some = Augmentation()
        (some.rotation, some.shift, some.noise, some.contrast) = (10, 0.1, 0.05, 0.2)
        #expect(changed(some) == changed(some))
        #expect(changed(some) != changed(some, seed: 2))
        #expect(changed(some) != changed(some, round: 1))
        #expect(changed(some) != changed(some, picture: 1))
    }

    @Test("A horizontal flip mirrors rows in about half of the draws, and does nothing else")
    func flip() {
        var mirrored = Augmentation()
        mirrored.flip = .horizontal
        let side = Self.side
        let expected = (0..<side * side).map { Self.picture[$0 / side * side + side - 1 - $0 % side] }
        var count = 0
        for round in 0..<200 {
            let pixels = changed(mirrored, round: round)
            let isMirrored = zip(pixels, expected).allSatisfy { abs($0 - $1) < 1e-5 }
            let isSame = zip(pixels, Self.picture).allSatisfy { abs($0 - $1) < 1e-5 }
            #expect(isMirrored != isSame)
            count += isMirrored ? 1 : 0
        }
        // Binomial with 200 draws: outside this once in ten thousand.
        #expect((72...128).contains(count))
    }

    @Test("Brightness, contrast and gamma stay within their ranges, and reach their ends")
    func tones() {
        var augmentation = Augmentation()
        (augmentation.brightness, augmentation.contrast, augmentation.gamma) = (0.1, 0.3, 0.5)
        (augmentation.rotation, augmentation.scale, augmentation.shift) = (20, 0.25, 0.1)
        let draws = (0..<2000).map { augmentation.draw(seed: 3, round: $0, picture: 7) }
        func reaches(_ values: [Double], _ range: ClosedRange<Double>) -> Bool {
            let width = range.upperBound - range.lowerBound
            return values.allSatisfy { $0 >= range.lowerBound - 1e-12 && $0 <= range.upperBound + 1e-12 }
                && (values.min() ?? 1) < range.lowerBound + 0.02 * width
                && (values.max() ?? 0) > range.upperBound - 0.02 * width
        }
        #expect(reaches(draws.map(\.brightness), -0.1...0.1))
        #expect(reaches(draws.map(\.contrast), 0.7...1.3))
        #expect(reaches(draws.map(\.gamma), 1 / 1.5...1.5))
        #expect(reaches(draws.map(\.shift.0), -0.1...0.1))
        // A turn by a with zoom z: (cos a, sin a) / z.
        #expect(reaches(draws.map { 1 / hypot($0.across.0, $0.across.1) }, 0.8...1.25))
        #expect(reaches(draws.map { atan2($0.across.1, $0.across.0) * 180 / .pi }, -20...20))
    }
}

@Suite("A picture known again")
struct PictureFingerprintTests {
    /// As preparation makes it, of a phantom whose picture is cut and made smaller by nearest pixels.
    private func fingerprint(
        seed: UInt64 = 5, _ index: Int, cut: (left: Double, top: Double) = (0, 0), scale: Double = 1, bits: Int = 16
    ) throws -> PictureFingerprint {
        let phantom = Phantom(seed: seed, index: index)
        let width = Int(Double(phantom.width) * (1 - cut.left) * scale)
        let height = Int(Double(phantom.height) * (1 - cut.top) * scale)
        let samples = (0..<width * height).map { pixel -> UInt16 in
            let x = Int(cut.left * Double(phantom.width) + Double(pixel % width) / scale)
            let y = Int(cut.top * Double(phantom.height) + Double(pixel / width) / scale)
            let value = phantom.samples[min(y, phantom.height - 1) * phantom.width + min(x, phantom.width - 1)]
            return (value >> UInt16(16 - bits)) << UInt16(16 - bits)
        }
        let preparation = try FramePreparation(
            Preprocessing(
                resolution: PictureFingerprint.side, fit: .squash, interpolation: .bilinear, mean: [0, 0, 0],
                std: [1, 1, 1]))
        var input = [Float](repeating: 0, count: preparation.inputCount)
        try samples.withUnsafeBytes { bytes in
            try input.withUnsafeMutableBufferPointer {
                try preparation.prepare(
                    FrameGeometry(width: width, height: height, channels: 1, sample: .u16), samples: bytes, into: $0)
            }
        }
        return PictureFingerprint(Array(input.prefix(PictureFingerprint.side * PictureFingerprint.side)))
    }

    @Test("Resized, in fewer bits, cut at its edges: it is still the same")
    func same() throws {
        for index in 0..<12 {
            let original = try fingerprint(index)
            for (cut, scale, bits) in [
                ((0.0, 0.0), 0.5, 16), ((0.0, 0.0), 1, 5), ((0.03, 0.0), 1, 16), ((0.0, 0.04), 0.8, 8),
                ((0.05, 0.05), 0.6, 8),
            ] {
                let other = try fingerprint(index, cut: (cut.0, cut.1), scale: scale, bits: bits)
                #expect(
                    original.matches(other) && other.matches(original),
                    "\(index), \(cut), \(scale): \(original.distance(other)) bits, \(original.correlation(other))")
            }
        }
    }

    @Test("Other phantoms, drawn by the same rules, are others")
    func other() throws {
        let prints = try (0..<60).map { try fingerprint($0) }
        var closest = -1.0
        for first in prints.indices {
            for second in prints.indices where second != first {
                closest = max(closest, prints[first].correlation(prints[second]))
            }
        }
        #expect(closest < PictureFingerprint.leastCorrelation - 0.02, "\(closest)")
    }
}

@Suite("Rows of CSV files")
struct CSVRowsTests {
    @Test("Comma-separated fields as RFC 4180 has them, with the lines they begin in")
    func rows() {
        let rows = CSVRows.parse("\u{FEFF}a,b\r\n\"x, \"\"y\"\"\nz\",2\r\n\r\n3,\n")
        #expect(
            rows == [
                CSVRows.Row(line: 1, fields: ["a", "b"]), CSVRows.Row(line: 2, fields: ["x, \"y\"\nz", "2"]),
                CSVRows.Row(line: 5, fields: ["3", ""]),
            ])
    }
}
