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
}
