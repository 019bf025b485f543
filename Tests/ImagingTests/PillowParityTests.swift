import EfficientNet
import Foundation
import Imaging
import Testing

/// Expected outputs come from Pillow 13 and timm 1.0.31 (`Fixtures/make_pillow.py`). Sums differ in their last bits (Pillow uses fixed
/// point), so that a value halfway between two steps may go either way: at most one step of 255, and hardly ever.
@Suite("Equal to Pillow and timm")
struct PillowParityTests {
    struct Case: CustomTestStringConvertible {
        let width, height, channels: Int
        let preprocessing: Preprocessing
        let step: Int
        let expected: [UInt8]
        let testDescription: String

        init(_ line: Substring) throws {
            let fields = line.split(separator: " ")
            let numbers = fields.map { Double($0) ?? .nan }
            (width, height, channels) = (Int(numbers[0]), Int(numbers[1]), Int(numbers[2]))
            preprocessing = Preprocessing(
                resolution: Int(numbers[5]), fit: try #require(.init(rawValue: String(fields[3]))),
                cropFraction: numbers[6], interpolation: try #require(.init(rawValue: String(fields[4]))))
            step = Int(numbers[7])
            expected = try base64(String(fields[8]))
            testDescription = fields[0...6].joined(separator: " ")
        }

        static func all() throws -> [Case] {
            try fixture("pillow", "txt").map { try Case($0) }
        }
    }

    @Test("A prepared picture is what Pillow and timm make of it", arguments: try Case.all())
    func parity(_ example: Case) throws {
        let geometry = FrameGeometry(
            width: example.width, height: example.height, channels: example.channels, sample: .u8)
        let samples = PictureFormula.bytes(width: example.width, height: example.height, channels: example.channels)
        let prepared = try prepare(samples, geometry, example.preprocessing)
        let side = example.preprocessing.resolution
        var (worst, sum, index) = (0.0, 0.0, 0)
        for y in stride(from: 0, to: side, by: example.step) {
            for x in stride(from: 0, to: side, by: example.step) {
                for c in 0..<example.channels {
                    let normalised = Double(prepared[(c * side + y) * side + x])
                    let found = (normalised * example.preprocessing.std[c] + example.preprocessing.mean[c]) * 255
                    let difference = abs(found - Double(example.expected[index]))
                    worst = max(worst, difference)
                    sum += difference
                    index += 1
                }
            }
        }
        #expect(index == example.expected.count)
        #expect(worst < 0.01)
        #expect(sum / Double(index) < 0.001)
    }

    @Test("Gray is the same in all three channels but for mean and standard deviation")
    func grayToThree() throws {
        let geometry = FrameGeometry(width: 40, height: 30, sample: .u8)
        let samples = PictureFormula.bytes(width: 40, height: 30, channels: 1)
        let settings = Preprocessing(resolution: 20)
        let prepared = try prepare(samples, geometry, settings)
        let plain = try prepare(samples, geometry, Preprocessing(resolution: 20, mean: [0, 0, 0], std: [1, 1, 1]))
        for c in 0..<3 {
            for i in 0..<400 {
                let expected = (plain[i] - Float(settings.mean[c])) / Float(settings.std[c])
                #expect(abs(prepared[c * 400 + i] - expected) < 1e-6)
            }
        }
    }

    @Test("A 16-bit picture is prepared as finely as it is stored")
    func deep() throws {
        // A ramp over four stored steps only: in 8 bits it would be flat.
        let samples = (0..<64).map { UInt16(30_000 + $0 % 8 / 2) }
        let prepared = try prepare(samples, FrameGeometry(width: 8, height: 8, sample: .u16), .plain(8))
        for (i, value) in prepared[0..<64].enumerated() {
            #expect(abs(Double(value) - Double(samples[i]) / 65_535) < 1e-6)
        }
    }
}
