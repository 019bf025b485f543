import Foundation
import Imaging
import Testing

/// Files written tag by tag, expected samples written out.
@Suite("TIFF")
struct TIFFDecodingTests {
    @Test("16-bit samples are the same from either byte order", arguments: [false, true])
    func byteOrder(_ bigEndian: Bool) throws {
        let samples = [1, 258, 40_000, 65_535, 0, 513]
        var writer = TIFFWriter(width: 3, height: 2, bits: 16, bigEndian: bigEndian, [])
        writer.pages[0].blocks = [samples.flatMap { writer.number($0, size: 2) }]
        let scan = try decode(writer.file())
        #expect(scan.format == .tiff)
        #expect(scan.frames == [FrameGeometry(width: 3, height: 2, sample: .u16)])
        #expect(scan.samples(UInt16.self) == [1, 258, 40_000, 65_535, 0, 513])
    }

    @Test("Signed samples keep their sign")
    func signed() throws {
        let scan = try decode(TIFFWriter(width: 2, height: 1, bits: 16, format: 2, [0xFF, 0xFF, 0x00, 0x80]).file())
        #expect(scan.frames[0].sample == .i16)
        #expect(scan.samples(Int16.self) == [-1, -32_768])
        let bytes = try decode(TIFFWriter(width: 3, height: 1, bits: 8, format: 2, [0x80, 0xFF, 0x7F]).file())
        #expect(bytes.samples(Int8.self) == [-128, -1, 127])
    }

    @Test("32-bit integers and floating point of 16, 32 and 64 bits are read exactly", arguments: [false, true])
    func wide(_ bigEndian: Bool) throws {
        func scan(_ bits: Int, _ format: Int, _ patterns: [Int]) throws -> DecodedScan {
            var writer = TIFFWriter(
                width: patterns.count, height: 1, bits: bits, format: format, bigEndian: bigEndian, [])
            writer.pages[0].blocks = [patterns.flatMap { writer.number($0, size: bits / 8) }]
            return try decode(writer.file())
        }
        #expect(try scan(32, 1, [0xFFFF_FFFF, 7]).samples(UInt32.self) == [4_294_967_295, 7])
        #expect(try scan(32, 2, [0xFFFF_FFFE, 7]).samples(Int32.self) == [-2, 7])
        #expect(try scan(32, 3, [0x3FC0_0000, 0xC000_0000]).samples(Float.self) == [1.5, -2])
        #expect(try scan(64, 3, [0x3FF8_0000_0000_0000]).samples(Double.self) == [1.5])
        // IEEE 754 binary16: 1.5, −2, the smallest subnormal, the largest number, infinity.
        let halves = try scan(16, 3, [0x3E00, 0xC000, 0x0001, 0x7BFF, 0x7C00])
        #expect(halves.frames[0].sample == .f32 && halves.frames[0].bits == 16)
        #expect(halves.samples(Float.self) == [1.5, -2, 5.960464477539063e-08, 65_504, .infinity])
    }

    @Test("Samples of 1, 2, 4 and 12 bits are unpacked to their stored values")
    func packed() throws {
        let bits = try decode(TIFFWriter(width: 10, height: 1, bits: 1, [0b1010_0111, 0b0100_0000]).file())
        #expect(bits.frames == [FrameGeometry(width: 10, height: 1, sample: .u8, bits: 1)])
        #expect(bits.samples(UInt8.self) == [1, 0, 1, 0, 0, 1, 1, 1, 0, 1])
        #expect(
            try decode(TIFFWriter(width: 3, height: 1, bits: 2, [0b1101_1000]).file()).samples(UInt8.self) == [3, 1, 2])
        #expect(
            try decode(TIFFWriter(width: 3, height: 1, bits: 4, [0xAB, 0xC0]).file()).samples(UInt8.self) == [
                10, 11, 12,
            ])
        let twelve = try decode(TIFFWriter(width: 2, height: 2, bits: 12, [0x12, 0x3A, 0xBC, 0xFF, 0xF0, 0x01]).file())
        #expect(twelve.frames == [FrameGeometry(width: 2, height: 2, sample: .u16, bits: 12)])
        #expect(twelve.samples(UInt16.self) == [0x123, 0xABC, 0xFFF, 1])
    }

    /// A 3 × 2 picture (1 2 3 / 4 5 6) as its first stored row and column say where they belong (TIFF 6.0, tag 274).
    @Test(
        "Orientation is applied, all eight of it",
        arguments: [
            (1, [1, 2, 3, 4, 5, 6], 3), (2, [3, 2, 1, 6, 5, 4], 3), (3, [6, 5, 4, 3, 2, 1], 3),
            (4, [4, 5, 6, 1, 2, 3], 3),
            (5, [1, 4, 2, 5, 3, 6], 2), (6, [4, 1, 5, 2, 6, 3], 2), (7, [6, 3, 5, 2, 4, 1], 2),
            (8, [3, 6, 2, 5, 1, 4], 2),
        ])
    func orientation(_ tag: Int, _ expected: [UInt8], _ width: Int) throws {
        let scan = try decode(TIFFWriter(width: 3, height: 2, tags: [274: [tag]], [1, 2, 3, 4, 5, 6]).file())
        #expect(scan.frames[0].width == width && scan.frames[0].height == 6 / width)
        #expect(scan.frames[0].orientation == tag)
        #expect(scan.samples(UInt8.self) == expected)
    }

    @Test("Min-is-white is flagged and the samples are left as stored")
    func minIsWhite() throws {
        let scan = try decode(TIFFWriter(width: 2, height: 1, photometric: 0, [0, 200]).file())
        #expect(scan.frames[0].flags == .minIsWhite)
        #expect(scan.samples(UInt8.self) == [0, 200])
    }

    @Test("A palette becomes RGB, CMYK becomes RGB as Pillow turns it")
    func colours() throws {
        var map = [Int](repeating: 0, count: 48)
        (map[1], map[17], map[33], map[2]) = (0xFF00, 0x8000, 0x0100, 0x1234)
        let palette = try decode(
            TIFFWriter(width: 3, height: 1, bits: 4, photometric: 3, tags: [320: map], [0x12, 0x00]).file())
        #expect(palette.frames[0].channels == 3)
        #expect(palette.samples(UInt8.self) == [255, 128, 1, 0x12, 0, 0, 0, 0, 0])
        // Image.new("CMYK", (1, 1), (10, 100, 200, 50)).convert("RGB") in Pillow 13.
        let cmyk = try decode(TIFFWriter(width: 1, height: 1, samples: 4, photometric: 5, [10, 100, 200, 50]).file())
        #expect(cmyk.samples(UInt8.self) == [197, 125, 44])
    }

    @Test("Alpha is kept and flagged, other extra samples are dropped")
    func extraSamples() throws {
        let alpha = TIFFWriter(width: 1, height: 1, samples: 4, photometric: 2, tags: [338: [2]], [1, 2, 3, 4])
        #expect(try decode(alpha.file()).frames[0].flags == .alpha)
        #expect(try decode(alpha.file()).samples(UInt8.self) == [1, 2, 3, 4])
        let other = TIFFWriter(width: 1, height: 1, samples: 4, photometric: 2, tags: [338: [0]], [1, 2, 3, 4])
        #expect(try decode(other.file()).samples(UInt8.self) == [1, 2, 3])
        let undeclared = TIFFWriter(width: 1, height: 1, samples: 3, [1, 2, 3])
        #expect(try failureKind { try decode(undeclared.file()) } == .unsupported)
    }

    @Test("Planes, strips and tiles give the picture that one strip gives")
    func blocks() throws {
        let expected: [UInt8] = (0..<60).map { UInt8($0) }
        func check(_ page: TIFFWriter.Page, _ name: Comment) throws {
            var writer = TIFFWriter(width: 5, height: 4, samples: 3, photometric: 2, [])
            writer.pages = [page]
            #expect(try decode(writer.file()).samples(UInt8.self) == expected, name)
        }
        var page = TIFFWriter(width: 5, height: 4, samples: 3, photometric: 2, expected).pages[0]
        try check(page, "one strip")
        page.rowsPerStrip = 3
        page.blocks = [Array(expected[0..<45]), Array(expected[45...])]
        try check(page, "two strips")
        page.rowsPerStrip = nil
        page.blocks = (0..<3).map { plane in expected.enumerated().filter { $0.offset % 3 == plane }.map(\.element) }
        page.tags = [284: [2]]
        try check(page, "planes")
        page.tags = [:]
        page.tile = (16, 16)
        var tile = [UInt8](repeating: 99, count: 16 * 16 * 3)
        for row in 0..<4 { tile.replaceSubrange(row * 48..<row * 48 + 15, with: expected[row * 15..<row * 15 + 15]) }
        page.blocks = [tile]
        try check(page, "a tile larger than the picture")
    }

    @Test("Each page is a frame of its own size; thumbnails and masks are left out")
    func pages() throws {
        var writer = TIFFWriter(width: 2, height: 1, [1, 2])
        writer.pages += TIFFWriter(width: 1, height: 1, tags: [254: [1]], [7]).pages
        writer.pages += TIFFWriter(width: 1, height: 1, bits: 1, photometric: 4, tags: [254: [4]], [0x80]).pages
        writer.pages += TIFFWriter(width: 1, height: 3, tags: [254: [2]], [3, 4, 5]).pages
        let scan = try decode(writer.file())
        #expect(scan.frames.map(\.width) == [2, 1])
        #expect(scan.samples(UInt8.self, frame: 0) == [1, 2])
        #expect(scan.samples(UInt8.self, frame: 1) == [3, 4, 5])
        #expect(scan.frames[1].offset % 64 == 0)
        #expect(try failureKind { try decode(writer.file(), limits: ScanLimits(maxFrames: 1)) } == .overLimit)
    }

    @Test("A predictor without a compression that has one is not applied, as libtiff and Pillow do not")
    func predictor() throws {
        let scan = try decode(TIFFWriter(width: 4, height: 1, tags: [317: [2]], [250, 3, 4, 255]).file())
        #expect(scan.samples(UInt8.self) == [250, 3, 4, 255])
    }

    /// `Fixtures/make_tiff.py`: the expected samples are those that tifffile and Pillow were given to write.
    @Test("Every compression and layout gives the samples that went in", arguments: try fixture("tiff", "txt"))
    func compressions(_ line: Substring) throws {
        let fields = line.split(separator: " ").map(String.init)
        let scan = try decode(base64(fields[6]))
        let frame = scan.frames[0]
        #expect([frame.width, frame.height, frame.channels].map(String.init) == Array(fields[1...3]))
        let found =
            switch frame.sample {
            case .u8: scan.samples(UInt8.self).map(Double.init)
            case .u16: scan.samples(UInt16.self).map(Double.init)
            default: scan.samples(Float.self).map(Double.init)
            }
        #expect("\(frame.sample)" == ["uint8": "u8", "uint16": "u16", "float32": "f32"][fields[4]])
        let expected = try fields[7].split(separator: ",").map { try #require(Double($0)) }
        let tolerance = try #require(Double(fields[5]))
        // Whether WebP is lossy stands in the compressed data alone.
        #expect(frame.flags.contains(.lossy) == (tolerance > 0 || fields[0].hasSuffix("webp")))
        // Bits are stored as 0 is white by some fax writers: the flag says so, the samples stay as stored.
        let turned = frame.bits == 1 && frame.flags.contains(.minIsWhite) ? found.map { 1 - $0 } : found
        #expect(turned.count == expected.count && zip(turned, expected).allSatisfy { abs($0 - $1) <= tolerance })
    }
}
