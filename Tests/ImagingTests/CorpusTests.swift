import Foundation
import Imaging
import Testing

/// Files of other projects: image-tiff's and libtiff's own test pictures, PngSuite, and what fuzzers found.
@Suite("Decoder corpora", .enabled(if: Corpus.isThere, Corpus.absence))
struct CorpusTests {
    /// Files in which data are missing that Pillow fills with gray: refused here, see Documentation/FORMATS.md.
    private static let incomplete = ["jpeg/reftest/partial_progressive.jpg", "jpeg/reftest/progressive-missing-dc.jpg"]

    /// `Fixtures/decoders.tsv` (by make_decoders.py): SHA-256 of the samples as Pillow 13 gives them, or pypng for 16-bit colour PNG,
    /// or tifffile for what Pillow does not read; Documentation/FORMATS.md names the exceptions.
    @Test("Every file that is read has the samples that Pillow, pypng or tifffile give")
    func samples() throws {
        var compared = 0
        for line in try fixture("decoders", "tsv").dropFirst() {
            let fields = line.split(separator: "\t").map(String.init)
            if Self.incomplete.contains(fields[0]) {
                let file = Corpus.folder.appending(path: fields[0])
                #expect(try failureKind { try ScanDecoder.decode(contentsOf: file) } == .corrupt, "\(line)")
                continue
            }
            let scan = try ScanDecoder.decode(contentsOf: Corpus.folder.appending(path: fields[0]))
            let number = try #require(Int(fields[1]))
            let frame = try #require(scan.frames.count > number ? scan.frames[number] : nil)
            #expect("\(frame.height)x\(frame.width)x\(frame.channels)" == fields[2], "\(line)")
            #expect("\(frame.sample)" == fields[3] && "\(frame.bits)" == fields[4], "\(line)")
            #expect("\(frame.flags.rawValue)" == fields[5], "\(line)")
            #expect(scan.withSamples(ofFrame: number) { sha256($0) } == fields[6], "\(line)")
            compared += 1
        }
        #expect(compared > 245)
    }

    @Test(
        "Every malformed file is a picture or a failure that says why, never a crash",
        arguments: ["png/fuzz_corpus", "tiff/fuzz_images", "jpeg/crashtest"])
    func malformed(_ folder: String) throws {
        let limits = ScanLimits(maxPixels: 20_000_000, maxPlaneBytes: 1 << 28, maxFrames: 256)
        var failures = 0
        let files = try Corpus.files(folder)
        for file in files {
            do {
                _ = try ScanDecoder.decode(contentsOf: file, limits: limits)
            } catch ImagingError.undecodable(_, _, let reason) {
                #expect(!reason.isEmpty)
                failures += 1
            }
        }
        #expect(failures > files.count / 2, "of \(files.count) files")
    }

    @Test("What PngSuite calls corrupt is refused")
    func corruptPNG() throws {
        for file in try Corpus.files("png/pngsuite") where file.lastPathComponent.hasPrefix("x") {
            #expect(try failureKind { try ScanDecoder.decode(contentsOf: file) } != nil, "\(file.lastPathComponent)")
        }
    }
}
