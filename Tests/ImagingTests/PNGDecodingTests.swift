import Foundation
import Imaging
import Testing

/// The files below are our own pictures, encoded with Pillow 13; the expected samples are the formulas they were made with.
@Suite("PNG")
struct PNGDecodingTests {
    static let gray8 =
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAADCAAAAAB+XZokAAAAFUlEQVR4nGNk0NDQ0GBiZ2dnZ4eQAAr8AOwMrYjaAAAAAElFTkSuQmCC"
    static let gray16 =
        "iVBORw0KGgoAAAANSUhEUgAAAAUAAAADEAAAAAAuzUZnAAAAJUlEQVR4nGNkYOBfILCAf4HAAka5RAiDfwGLXKIAo0Ai/wKBRACFdggjXmICaQAAAABJRU5ErkJggg=="

    @Test("An 8-bit gray picture gives its samples and geometry")
    func gray8() throws {
        let scan = try decode(base64(Self.gray8))
        #expect(scan.format == .png)
        #expect(scan.frames == [FrameGeometry(width: 5, height: 3, sample: .u8)])
        let expected = (0..<15).map { (i: Int) in UInt8(i % 5 * 40 + i / 5 * 7) }
        #expect(scan.samples(UInt8.self) == expected)
    }

    @Test("A 16-bit gray picture comes in native byte order")
    func gray16() throws {
        let scan = try decode(base64(Self.gray16))
        #expect(scan.frames == [FrameGeometry(width: 5, height: 3, sample: .u16)])
        let expected = (0..<15).map { (i: Int) in UInt16(i % 5 * 4000 + i / 5 * 7777) }
        #expect(scan.samples(UInt16.self) == expected)
    }

    @Test("A file cut off anywhere is truncated, never a picture")
    func cutOff() throws {
        let whole = try base64(Self.gray16)
        #expect(try failureKind { try decode([UInt8]()) } == .empty)
        for length in 1..<whole.count {
            #expect(try failureKind { try decode(whole.prefix(length)) } == .truncated, "cut at \(length)")
        }
    }

    /// `Fixtures/make_png.py`: the expected samples are those that the encoder was given.
    @Test(
        "Every colour type, depth and interlacing gives the samples that went in", arguments: try fixture("png", "txt"))
    func kinds(_ line: Substring) throws {
        let fields = line.split(separator: " ").map(String.init)
        let numbers = try fields[1...5].map { try #require(Int($0)) }
        let scan = try decode(base64(fields[6]))
        let expected = try fields[7].split(separator: ",").map { try #require(UInt16($0)) }
        let geometry = FrameGeometry(
            width: numbers[0], height: numbers[1], channels: numbers[2], sample: numbers[3] == 16 ? .u16 : .u8,
            bits: numbers[3], flags: numbers[4] == 1 ? .alpha : [])
        #expect(scan.frames == [geometry])
        let samples = numbers[3] == 16 ? scan.samples(UInt16.self) : scan.samples(UInt8.self).map(UInt16.init)
        #expect(samples == expected)
    }
}
