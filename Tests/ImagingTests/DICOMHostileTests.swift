import Foundation
import Imaging
import ScanFixtures
import Testing

@Suite("DICOM that contradicts itself")
struct DICOMHostileTests {
    private func failure(_ file: [UInt8], limits: ScanLimits = ScanLimits()) -> (ImagingError.DecodeFailure?, String) {
        do {
            _ = try decode(file, limits: limits)
            return (nil, "")
        } catch ImagingError.undecodable(_, let kind, let reason) {
            return (kind, reason)
        } catch {
            return (nil, "\(error)")
        }
    }

    @Test(
        "Sizes that cannot be or are missing are refused",
        arguments: [0x0028_0010, 0x0028_0011, 0x0028_0100] as [UInt32])
    func sizes(_ tag: UInt32) {
        var writer = DICOMWriter()
        writer.set(tag, "US", [0])
        #expect(failure(writer.file()).0 == .corrupt)
        writer.remove(tag)
        #expect(failure(writer.file()).0 == .corrupt)
        writer.set(tag, "UL", bytes: [0xFF, 0xFF, 0xFF, 0xFF])
        #expect([.corrupt, .overLimit].contains(failure(writer.file()).0))
        writer.set(tag, "CS", "PATIENT")
        #expect(failure(writer.file()).0 == .corrupt)
    }

    @Test("Pixels that end before their frames do are truncated")
    func short() {
        var writer = DICOMWriter(width: 100, height: 100)
        #expect(failure(writer.file()).0 == .truncated)
        writer = DICOMWriter()
        writer.set(0x0028_0008, "IS", "2")
        #expect(failure(writer.file()).0 == .truncated)
        #expect(failure(DICOMWriter().file().dropLast(1)).0 == .truncated)
        writer.set(0x0028_0008, "IS", "1A")
        #expect(failure(writer.file()).0 == .corrupt)
        writer.set(0x0028_0008, "IS", "2147483647")
        #expect(failure(writer.file()).0 == .truncated)
    }

    @Test("Limits hold before memory is taken")
    func limits() {
        var writer = DICOMWriter(width: 1, height: 1, pixels: [UInt8](repeating: 0, count: 64))
        writer.set(0x0028_0008, "IS", "64")
        #expect(failure(writer.file(), limits: ScanLimits(maxFrames: 63)).0 == .overLimit)
        #expect(failure(DICOMWriter().file(), limits: ScanLimits(maxPixels: 3)).0 == .overLimit)
        #expect(failure(DICOMWriter().file(), limits: ScanLimits(maxPlaneBytes: 3)).0 == .overLimit)
    }

    @Test("A file without pixels says what it is instead")
    func noPicture() {
        var writer = DICOMWriter()
        writer.elements = []
        writer.set(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.88.11")
        writer.set(0x0008_0060, "CS", "SR")
        let (kind, reason) = failure(writer.file())
        #expect(kind == .noPicture)
        #expect(reason == "DICOM: holds no picture (modality SR, class BasicTextSRStorage)")
    }

    @Test("An icon's pixels are not the picture's")
    func icon() {
        var writer = DICOMWriter()
        writer.remove(0x7FE0_0010)
        writer.set(0x0088_0200, items: [DICOMWriter(width: 1, height: 1, pixels: [1, 2]).elements])
        #expect(failure(writer.file()).0 == .truncated)
    }

    @Test("Sequences nested without end are refused")
    func nested() {
        var inner: [UInt8] = []
        for _ in 0..<40_000 {
            inner += [
                0x08, 0, 0x40, 0x11, 0x53, 0x51, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0, 0xE0, 0xFF, 0xFF, 0xFF,
                0xFF,
            ]
        }
        #expect([.corrupt, .truncated].contains(failure(DICOMWriter().header + inner).0))
    }

    @Test("Compressed pixels of another size, of none, or without end are refused")
    func encapsulated() throws {
        let line = try #require(try fixture("dicom", "txt").first { $0.hasPrefix("jpeg-gray ") })
        let whole = try base64(String(line.split(separator: " ")[8]))
        let start = try #require(whole.indices.first { Array(whole[$0...].prefix(4)) == [0x28, 0, 0x10, 0] })
        var other = whole
        other[start + 8] += 1
        #expect(failure(other).0 == .corrupt)
        #expect(failure(Array(whole.dropLast(8))).0 == .truncated)
        var writer = DICOMWriter()
        writer.transferSyntax = "1.2.840.10008.1.2.4.50"
        #expect(failure(writer.file()).0 == .corrupt)
        writer.transferSyntax = "1.2.840.10008.1.2.4.100"
        #expect(failure(writer.file()).0 == .unsupported)
    }

    @Test("No failure repeats a value that says whom the file shows")
    func canary() {
        let canary = "CANARY4711"
        var writer = DICOMWriter()
        for tag in [0x0010_0010, 0x0010_0020, 0x0010_1000, 0x0008_0050, 0x0008_0090, 0x0008_0080, 0x0010_4000]
            as [UInt32]
        {
            writer.set(tag, "LO", canary)
        }
        for tag in [0x0028_0004, 0x0028_0008, 0x0028_0010, 0x0008_0016, 0x0028_0100, 0x0028_0103] as [UInt32] {
            var broken = writer
            broken.set(tag, "LO", "\(canary)^x")
            let (kind, reason) = failure(broken.file())
            #expect(kind == nil || !reason.contains(canary), "\(reason)")
            for length in stride(from: 160, to: broken.file().count, by: 17) {
                #expect(!failure(Array(broken.file().prefix(length))).1.contains(canary))
            }
        }
    }

    @Test("A deflated value that announces more than all attributes may take is refused before memory is taken for it")
    func deflatedLength() throws {
        for (length, kind) in [(800 << 20, ImagingError.DecodeFailure.overLimit), (1 << 20, .truncated)] {
            var writer = DICOMWriter()
            writer.transferSyntax = "1.2.840.10008.1.2.1.99"
            // A private element of `length` bytes, of which four follow.
            let element: [UInt8] = [0x09, 0, 0x10, 0x10, 0x4F, 0x42, 0, 0] + DICOMWriter.long(length) + [1, 2, 3, 4]
            // Stored, in deflate's own words (RFC 1951, 3.2.4).
            let size = DICOMWriter.words([element.count])
            let file = writer.header + [1] + size + size.map { ~$0 } + element
            #expect(try failureKind { try decode(file) } == kind)
        }
    }
}
