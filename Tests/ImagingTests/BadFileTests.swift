import Foundation
import Imaging
import Testing

@Suite("Files that are no scans")
struct BadFileTests {
    /// IHDR says 2,147,483,647 × 2,147,483,647 × 4 of 16 bits, 0 × 5 and 20,000 × 20,000; a few bytes of data follow.
    static let gigantic =
        "iVBORw0KGgoAAAANSUhEUn////9/////EAYAAABEWdclAAAADElEQVR4nGNgoD0AAABkAAGGZDw1AAAAAElFTkSuQmCC"
    static let zeroSized =
        "iVBORw0KGgoAAAANSUhEUgAAAAAAAAAFCAAAAABOLbJ9AAAADElEQVR4nGNgoD0AAABkAAGGZDw1AAAAAElFTkSuQmCC"
    static let tooLarge =
        "iVBORw0KGgoAAAANSUhEUgAATiAAAE4gCAAAAADGGxnlAAAADElEQVR4nGNgoD0AAABkAAGGZDw1AAAAAElFTkSuQmCC"

    @Test("Gigantic and zero-sized pictures are refused before memory is taken")
    func sizes() throws {
        #expect(try failureKind { try decode(base64(Self.gigantic)) } == .overLimit)
        #expect(try failureKind { try decode(base64(Self.tooLarge)) } == .overLimit)
        #expect(try failureKind { try decode(base64(Self.zeroSized)) } == .corrupt)
        let wide = TIFFWriter(width: 2_000_000_000, height: 2_000_000_000, [0])
        #expect(try failureKind { try decode(wide.file()) } == .overLimit)
        #expect(try failureKind { try decode(TIFFWriter(width: 0, height: 3, [0]).file()) } == .corrupt)
        var tile = TIFFWriter(width: 16, height: 16, [0])
        tile.pages[0].tile = (1_048_576, 1_048_576)
        #expect(try failureKind { try decode(tile.file()) } == .overLimit)
    }

    @Test("The limits hold: pixels, bytes of samples, bytes of the file, frames")
    func limits() throws {
        let picture = TIFFWriter(width: 10, height: 10, bits: 16, [UInt8](repeating: 0, count: 200)).file()
        #expect(try decode(picture, limits: ScanLimits(maxPixels: 100)).frames.count == 1)
        #expect(try failureKind { try decode(picture, limits: ScanLimits(maxPixels: 99)) } == .overLimit)
        #expect(try decode(picture, limits: ScanLimits(maxPlaneBytes: 200)).frames.count == 1)
        #expect(try failureKind { try decode(picture, limits: ScanLimits(maxPlaneBytes: 199)) } == .overLimit)
        #expect(
            try failureKind { try decode(picture, limits: ScanLimits(maxFileBytes: picture.count - 1)) } == .overLimit)
        #expect(throws: ImagingError.self) { try decode(picture, limits: ScanLimits(maxFrames: 5000)) }
        #expect(throws: ImagingError.self) { try decode(picture, limits: ScanLimits(maxPixels: 0)) }
    }

    @Test("Folders, pipes, missing files and other formats each say what they are")
    func otherThings() throws {
        let folder = try ScratchFolder()
        let named = folder.url.appending(path: "scan.png")
        try FileManager.default.createDirectory(at: named, withIntermediateDirectories: false)
        #expect(try failureKind { try ScanDecoder.decode(contentsOf: named) } == .io)
        let pipe = folder.url.appending(path: "pipe.png")
        #expect(mkfifo(pipe.path, 0o600) == 0)
        #expect(try failureKind { try ScanDecoder.decode(contentsOf: pipe) } == .io)
        #expect(throws: ImagingError.unreadable(path: "/nowhere/x.png", reason: "No such file or directory")) {
            try ScanDecoder.decode(contentsOf: URL(filePath: "/nowhere/x.png"))
        }
        #expect(try failureKind { try decode(Array("not a picture".utf8)) } == .unrecognised)
        #expect(try failureKind { try decode([0xFF, 0xD8, 0xFF, 0xE0, 0, 16] as [UInt8]) } == .truncated)
        #expect(try failureKind { try decode([UInt8](repeating: 0, count: 128) + Array("DICM".utf8)) } == .truncated)
    }

    @Test("A loop of symbolic links is a file that cannot be opened")
    func loop() throws {
        let folder = try ScratchFolder()
        let a = folder.url.appending(path: "a.png")
        let b = folder.url.appending(path: "b.png")
        try FileManager.default.createSymbolicLink(at: a, withDestinationURL: b)
        try FileManager.default.createSymbolicLink(at: b, withDestinationURL: a)
        #expect(throws: ImagingError.unreadable(path: a.path, reason: "Too many levels of symbolic links")) {
            try ScanDecoder.decode(contentsOf: a)
        }
    }

    @Test("A TIFF file cut off anywhere is a failure, and truncated where its data are missing")
    func truncatedTIFF() throws {
        let whole = TIFFWriter(width: 40, height: 40, [UInt8](repeating: 7, count: 1600)).file()
        for length in stride(from: 9, to: whole.count, by: 37) {
            #expect(try failureKind { try decode(whole.prefix(length)) } == .truncated, "cut at \(length)")
        }
        // Directory first, data cut: what a copy in progress looks like.
        var strip = TIFFWriter(width: 40, height: 40, [UInt8](repeating: 7, count: 1600))
        strip.pages[0].tags = [273: [1700]]
        #expect(try failureKind { try decode(strip.file()) } == .truncated)
    }

    @Test("A chain of directories that loops is refused")
    func directoryLoop() throws {
        var file = TIFFWriter(width: 1, height: 1, [1]).file()
        let directory = Int(file[4]) | Int(file[5]) << 8
        let entries = Int(file[directory])
        let link = directory + 2 + 12 * entries
        file.replaceSubrange(link..<link + 4, with: file[4..<8])
        #expect(try failureKind { try decode(file) } == .corrupt)
    }

    @Test("The descriptor's own offset is neither used nor moved")
    func descriptor() throws {
        let folder = try ScratchFolder()
        let file = try folder.write(base64(PNGDecodingTests.gray8))
        let handle = try FileHandle(forReadingFrom: file)
        try handle.seek(toOffset: 33)
        let scan = try ScanDecoder.decode(descriptor: handle.fileDescriptor)
        #expect(scan.frames[0].width == 5)
        #expect(try handle.offset() == 33)
    }

    @Test("Damaged bytes anywhere end in a picture or a failure, never a crash")
    func damage() throws {
        let seed: UInt64 = 20_261_124
        var generator = SeededGenerator(seed: seed)
        let pictures = [
            try base64(PNGDecodingTests.gray16),
            TIFFWriter(width: 6, height: 5, bits: 12, [UInt8](repeating: 9, count: 45)).file(),
            TIFFWriter(
                width: 6, height: 5, samples: 3, photometric: 2, tags: [274: [6]], [UInt8](repeating: 9, count: 90)
            ).file(),
        ]
        let limits = ScanLimits(maxPixels: 1_000_000, maxPlaneBytes: 1 << 24, maxFrames: 16)
        for picture in pictures {
            for _ in 0..<150 {
                var damaged = picture
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] = UInt8.random(
                        in: 0...255, using: &generator)
                }
                _ = try failureKind { try decode(damaged, limits: limits) }
            }
        }
    }
}
