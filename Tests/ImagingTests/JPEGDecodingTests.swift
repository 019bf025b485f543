import Foundation
import Imaging
import Testing

/// Small files of `Fixtures/make_jpeg.py`; the expected samples are those that Pillow gives.
@Suite("JPEG")
struct JPEGDecodingTests {
    struct Fixture {
        var name: String
        var width, height, channels, orientation: Int
        var file: [UInt8]
        var digest: String
    }

    static func fixtures() throws -> [Fixture] {
        try fixture("jpeg", "txt").map { line in
            let fields = line.split(separator: " ").map(String.init)
            let numbers = try fields[1...4].map { try #require(Int($0)) }
            return Fixture(
                name: fields[0], width: numbers[0], height: numbers[1], channels: numbers[2], orientation: numbers[3],
                file: try base64(fields[5]), digest: fields[6])
        }
    }

    static func file(_ name: String) throws -> [UInt8] {
        try #require(try fixtures().first { $0.name == name }).file
    }

    @Test("Every coding, sampling, colour and orientation gives the samples that Pillow gives")
    func kinds() throws {
        var compared = 0
        for fixture in try Self.fixtures() where fixture.digest != "-" {
            let scan = try decode(fixture.file)
            #expect(scan.format == .jpeg)
            var geometry = FrameGeometry(
                width: fixture.width, height: fixture.height, channels: fixture.channels, sample: .u8, flags: .lossy)
            geometry.orientation = fixture.orientation
            #expect(scan.frames == [geometry], "\(fixture.name)")
            #expect(scan.withSamples(ofFrame: 0) { sha256($0) } == fixture.digest, "\(fixture.name)")
            #expect(scan.description.framesInFile == 1)
            compared += 1
        }
        #expect(compared == 32)
    }

    /// The upright file is decoded once; where its pixels belong under each orientation is worked out here (EXIF 2.32, 4.6.4 A).
    @Test("The EXIF orientation turns the picture as EXIF says", arguments: 2...8)
    func orientation(_ number: Int) throws {
        let upright = try decode(Self.file("exif-1"))
        let turned = try decode(Self.file("exif-\(number)"))
        let (width, height) = (upright.frames[0].width, upright.frames[0].height)
        let from = upright.samples(UInt8.self)
        let to = turned.samples(UInt8.self)
        let columns = turned.frames[0].width
        for y in 0..<height {
            for x in 0..<width {
                let (right, down) = (width - 1 - x, height - 1 - y)
                let place = [
                    2: (right, y), 3: (right, down), 4: (x, down), 5: (y, x), 6: (down, x), 7: (down, right),
                    8: (y, right),
                ]
                let (column, row) = try #require(place[number])
                let at = (row * columns + column) * 3
                try #require(to[at..<at + 3] == from[(y * width + x) * 3..<(y * width + x) * 3 + 3])
            }
        }
    }

    @Test("How the samples were coded is told")
    func coding() throws {
        #expect(try decode(Self.file("gray")).description.compression == "sequential")
        #expect(try decode(Self.file("gray-progressive")).description.compression == "progressive")
        #expect(try decode(Self.file("rgb-arithmetic")).description.compression == "sequential, arithmetic")
    }

    @Test("12-bit and lossless files are refused with what they are")
    func unsupported() throws {
        let expected = ["12-bit": "found 12", "lossless": "found lossless"]
        for (name, words) in expected {
            let file = try Self.file(name)
            #expect {
                try decode(file)
            } throws: { error in
                guard case ImagingError.undecodable(_, .unsupported, let reason) = error else { return false }
                return reason.contains(words)
            }
        }
    }

    @Test("A file cut off anywhere is truncated, never a picture", arguments: ["gray", "rgb-420-progressive", "ycck"])
    func cutOff(_ name: String) throws {
        let whole = try Self.file(name)
        for length in stride(from: 3, to: whole.count, by: 7) {
            #expect(try failureKind { try decode(whole.prefix(length)) } == .truncated, "cut at \(length)")
        }
        #expect(try failureKind { try decode(whole.dropLast(2)) } == .truncated)
    }

    /// The data of the last third are left out, the end marker stays: libjpeg fills with gray and only warns.
    @Test("Missing and wrong data are a failure, not a gray picture")
    func damaged() throws {
        let whole = try Self.file("gray")
        let cut = whole.prefix(whole.count * 2 / 3) + [0xFF, 0xD9]
        #expect(try failureKind { try decode(cut) } == .corrupt)
        var wrongRestart = try Self.file("rgb-restarts")
        let marker = try #require(
            wrongRestart.indices.dropLast().last { index in
                wrongRestart[index] == 0xFF && (0xD0...0xD7).contains(wrongRestart[index + 1])
            })
        wrongRestart[marker + 1] = 0xD0 | (wrongRestart[marker + 1] + 3) & 7
        #expect(try failureKind { try decode(wrongRestart) } == .corrupt)
    }

    /// The second scan of the file, again and again: each one says the same coefficients once more, which is allowed.
    @Test("A hundred scans are read and one more is refused")
    func scans() throws {
        let file = try Self.file("two-scans")
        let starts = file.indices.dropLast().filter { file[$0] == 0xFF && file[$0 + 1] == 0xDA }
        try #require(starts.count == 2)
        let scan = file[starts[1]..<file.count - 2]
        func repeated(_ times: Int) -> [UInt8] {
            file.dropLast(2) + (0..<times).flatMap { _ in scan } + file.suffix(2)
        }
        let once = try decode(file).samples(UInt8.self)
        #expect(try decode(repeated(98)).samples(UInt8.self) == once)
        #expect(try failureKind { try decode(repeated(99)) } == .overLimit)
        #expect(try failureKind { try decode(repeated(5000)) } == .overLimit)
    }

    @Test("The limits hold: pixels, samples, and the coefficients of a picture in several scans")
    func limits() throws {
        let gray = try Self.file("gray-progressive")
        let pixels = 37 * 29
        #expect(try decode(gray, limits: ScanLimits(maxPixels: pixels)).frames.count == 1)
        #expect(try failureKind { try decode(gray, limits: ScanLimits(maxPixels: pixels - 1)) } == .overLimit)
        #expect(try failureKind { try decode(gray, limits: ScanLimits(maxPlaneBytes: pixels)) } == .overLimit)
        #expect(try decode(Self.file("gray"), limits: ScanLimits(maxPlaneBytes: pixels)).frames.count == 1)
        // The header's word for height and width, 65,500 each: four billion pixels.
        var huge = gray
        let header = try #require(huge.indices.dropLast().first { huge[$0] == 0xFF && huge[$0 + 1] == 0xC2 })
        huge.replaceSubrange(header + 5..<header + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
        #expect(try failureKind { try decode(huge) } == .overLimit)
    }

    @Test("An EXIF block that is no EXIF, cut short or points past its end changes nothing")
    func exif() throws {
        let plain = try Self.file("gray")
        let expected = try decode(plain).samples(UInt8.self)
        let blocks: [[UInt8]] = [
            [], Array("Exif\0\0".utf8), Array("Exif\0\0II*\0".utf8), Array("http://ns.adobe.com/xap/1.0/\0".utf8),
            Array("Exif\0\0II*\0".utf8) + [0xFF, 0xFF, 0xFF, 0xFF, 1, 0],
            Array("Exif\0\0MM\0*".utf8) + [0, 0, 0, 8, 0xFF, 0xFF, 1, 0x12],
            Array("Exif\0\0MM\0*".utf8) + [0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 9, 0, 0],
            Array("Exif\0\0MM\0*".utf8) + [0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 2, 0, 6, 0, 0],
        ]
        for block in blocks {
            let length = block.count + 2
            let marker = [0xFF, 0xE1, UInt8(length >> 8), UInt8(length & 255)] + block
            let scan = try decode(plain.prefix(2) + marker + plain.dropFirst(2))
            #expect(scan.frames[0].orientation == 1)
            #expect(scan.samples(UInt8.self) == expected)
        }
    }
}
