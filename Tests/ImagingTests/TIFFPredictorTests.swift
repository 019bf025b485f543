import Foundation
import Imaging
import Testing

/// Files whose samples are stored as differences (TIFF 6.0, section 14), written here by the standard's formula.
@Suite("TIFF, horizontal differences")
struct TIFFPredictorTests {
    struct Kind: CustomTestStringConvertible {
        var samples: Int
        var bits: Int
        var bigEndian: Bool
        var testDescription: String { "\(samples) × \(bits) bits, \(bigEndian ? "big" : "little")-endian" }
    }

    static let kinds = [1, 2, 3, 4, 5].flatMap { samples in
        [8, 16].flatMap { bits in
            [false, true].map { Kind(samples: samples, bits: bits, bigEndian: $0) }
        }
    }

    /// Where a page's samples are cut into blocks.
    enum Layout: CaseIterable { case strips, tiles, planes }

    private static let height = 13

    /// Samples from a fixed sequence that wrap around often.
    private static func values(_ count: Int, bits: Int) -> [Int] {
        var state: UInt64 = 20_261_125
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 40) & (1 << bits - 1)
        }
    }

    /// A block of a picture: what lies outside of the picture is 7.
    private static func block(
        _ values: [Int], _ kind: Kind, width: Int, from: (x: Int, y: Int), size: (width: Int, height: Int), plane: Int?
    ) -> [Int] {
        var block: [Int] = []
        for y in from.y..<from.y + size.height {
            for x in from.x..<from.x + size.width {
                for sample in plane.map({ $0...$0 }) ?? 0...kind.samples - 1 {
                    block.append(x < width && y < height ? values[(y * width + x) * kind.samples + sample] : 7)
                }
            }
        }
        return block
    }

    /// Every row's samples less those of the pixel to their left.
    private static func differences(_ block: [Int], row: Int, pixel: Int) -> [Int] {
        block.indices.map { $0 % row < pixel ? block[$0] : block[$0] - block[$0 - pixel] }
    }

    private static func file(_ values: [Int], _ kind: Kind, width: Int, _ layout: Layout) -> [UInt8] {
        let photometric = kind.samples < 3 ? 1 : 2
        var writer = TIFFWriter(
            width: width, height: height, bits: kind.bits, samples: kind.samples, photometric: photometric,
            bigEndian: kind.bigEndian, tags: [259: [8], 317: [2]], [])
        var page = writer.pages[0]
        let extras = kind.samples - (photometric == 1 ? 1 : 3)
        // Two of gray: the second is alpha, or it would be another picture. Of colour, what is beside it is left out.
        if extras > 0 { page.tags[338] = [Int](repeating: kind.samples == 2 ? 2 : 0, count: extras) }
        func add(_ from: (x: Int, y: Int), _ size: (width: Int, height: Int), plane: Int? = nil) {
            let block = Self.block(values, kind, width: width, from: from, size: size, plane: plane)
            let pixel = plane == nil ? kind.samples : 1
            let stored = differences(block, row: size.width * pixel, pixel: pixel)
            page.blocks.append(zlibStored(stored.flatMap { writer.number($0, size: kind.bits / 8) }))
        }
        page.blocks = []
        switch layout {
        case .strips:
            page.rowsPerStrip = 5
            for y in [0, 5, 10] { add((0, y), (width, min(5, height - y))) }
        case .tiles:
            page.tile = (32, 16)
            for x in stride(from: 0, to: width, by: 32) { add((x, 0), (32, 16)) }
        case .planes:
            page.tags[284] = [2]
            for plane in 0..<kind.samples { add((0, 0), (width, height), plane: plane) }
        }
        writer.pages = [page]
        return writer.file()
    }

    @Test("Samples are those that were taken apart, at any width, in strips, tiles and planes", arguments: kinds)
    func sums(_ kind: Kind) throws {
        for layout in Layout.allCases {
            for width in [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 100] {
                let values = Self.values(width * Self.height * kind.samples, bits: kind.bits)
                let scan = try decode(Self.file(values, kind, width: width, layout))
                let channels = kind.samples < 3 ? kind.samples : 3
                let expected = values.enumerated().filter { $0.offset % kind.samples < channels }.map(\.element)
                #expect(scan.frames.map(\.channels) == [channels])
                let found =
                    kind.bits == 8 ? scan.samples(UInt8.self).map(Int.init) : scan.samples(UInt16.self).map(Int.init)
                #expect(found == expected, "width \(width), \(layout)")
            }
        }
    }

    @Test("Every page's samples are summed up")
    func pages() throws {
        var writer = TIFFWriter(width: 2, height: 1, bits: 16, tags: [259: [8], 317: [2]], [])
        writer.pages[0].blocks = [zlibStored([1, 0, 0xFF, 0xFF])]
        writer.pages += [writer.pages[0], writer.pages[0]]
        writer.pages[1].tags[317] = [1]
        writer.pages[2].blocks = [zlibStored([0, 1, 1, 1])]
        let scan = try decode(writer.file())
        #expect(scan.frames.count == 3)
        #expect(scan.samples(UInt16.self, frame: 0) == [1, 0])
        #expect(scan.samples(UInt16.self, frame: 1) == [1, 65_535])
        #expect(scan.samples(UInt16.self, frame: 2) == [256, 513])
    }
}
