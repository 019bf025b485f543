import Foundation
import Imaging
import Testing

/// Files written here by the standard's formulas, which the decoder undoes in another way: whole streams and whole vectors.
@Suite("PNG, row filters")
struct PNGFilterTests {
    static let kinds: [(channels: Int, depth: Int)] = [1, 2, 3, 4].flatMap { [($0, 8), ($0, 16)] }

    /// Noise, ramps and flat runs: every neighbour of the Paeth filter is the nearest one somewhere.
    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var state = seed
        return (0..<count).map { index in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let noise = UInt8(truncatingIfNeeded: state >> 56)
            switch index / 37 % 3 {
            case 0: return noise
            case 1: return UInt8(truncatingIfNeeded: index) &+ noise % 3
            default: return noise > 250 ? 0 : 200
            }
        }
    }

    static func expect(_ writer: PNGWriter, limits: ScanLimits = ScanLimits()) throws {
        let row = writer.width * writer.channels * writer.depth / 8
        let bytes = bytes(row * writer.height, seed: UInt64(row + writer.height))
        let scan = try decode(writer.file(bytes), limits: limits)
        #expect(
            scan.frames == [
                FrameGeometry(
                    width: writer.width, height: writer.height, channels: writer.channels,
                    sample: writer.depth == 16 ? .u16 : .u8)
            ])
        if writer.depth == 8 {
            #expect(scan.samples(UInt8.self) == bytes)
        } else {
            let expected = stride(from: 0, to: bytes.count, by: 2).map {
                UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1])
            }
            #expect(scan.samples(UInt16.self) == expected)
        }
    }

    @Test("Every filter of every kind of pixel is undone, at any width", arguments: kinds)
    func filters(_ kind: (channels: Int, depth: Int)) throws {
        for width in [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 100] {
            for filters: [UInt8] in [[0], [1], [2], [3], [4], [4, 3, 2, 1, 0, 4, 4, 1, 3, 3, 2, 2]] {
                try Self.expect(
                    PNGWriter(
                        width: width, height: 13, channels: kind.channels, depth: kind.depth, filters: filters))
            }
        }
    }

    @Test("Data in chunks of any size, behind chunks that are not looked at, are the same picture")
    func chunks() throws {
        for chunk in [1, 7, 1000, 1024, 5000] {
            var writer = PNGWriter(width: 61, height: 40, channels: 1, depth: 16, filters: [4, 2, 1], chunk: chunk)
            writer.before = [("tEXt", Array("a\0b".utf8)), ("zzZz", [UInt8](repeating: 3, count: 5000))]
            try Self.expect(writer)
        }
    }

    @Test("Planes that hold the picture and not a byte more are enough")
    func exactRoom() throws {
        try Self.expect(
            PNGWriter(width: 64, height: 64, channels: 1, depth: 16, filters: [4, 2, 1]),
            limits: ScanLimits(maxPlaneBytes: 64 * 64 * 2))
    }

    @Test("What is wrong in the stream is a failure, whatever the checksums around it say")
    func spoiled() throws {
        let writer = PNGWriter(width: 20, height: 20, channels: 1, depth: 16, filters: [4, 2, 1])
        let bytes = Self.bytes(800, seed: 1)
        func kind(_ spoil: @escaping (inout [UInt8]) -> Void) throws -> ImagingError.DecodeFailure? {
            var writer = writer
            writer.spoil = spoil
            return try failureKind { try decode(writer.file(bytes)) }
        }
        #expect(try kind { _ in } == nil)
        #expect(try kind { $0[$0.count - 1] ^= 1 } == .corrupt, "Adler-32")
        #expect(try kind { $0[40] ^= 1 } == .corrupt, "a sample")
        #expect(try kind { $0.removeLast(30) } == .corrupt, "too few bytes")
        #expect(try kind { $0[0] = 0x79 } == .corrupt, "no deflate")
        var five = writer
        five.filters = [0, 5]
        #expect(try failureKind { try decode(five.file(bytes)) } == .corrupt, "a filter that is none")
        var file = writer.file(bytes)
        file[60] ^= 1
        #expect(try failureKind { try decode(file) } == .corrupt, "CRC")
        #expect(try failureKind { try decode(writer.file(bytes).dropLast(12)) } == .truncated, "no end")
    }
}
