import EfficientNet
import Foundation
import Imaging
import ScanFixtures
import Testing

/// Expected samples come from `Fixtures/make_dicom.py` (pydicom, imagecodecs) or stand in the test.
@Suite("DICOM")
struct DICOMDecodingTests {
    @Test(
        "Every transfer syntax, depth and colour model gives the samples that went in",
        arguments: try fixture("dicom", "txt"))
    func kinds(_ line: Substring) throws {
        let fields = line.split(separator: " ").map(String.init)
        let numbers = try fields[1...7].map { try #require(Int($0)) }
        let scan = try decode(base64(fields[8]))
        #expect(scan.format == .dicom)
        #expect(scan.frames.count == numbers[0])
        for (index, frame) in scan.frames.enumerated() {
            #expect([frame.width, frame.height, frame.channels] == Array(numbers[1...3]))
            #expect(frame.sample == SampleType(rawValue: UInt32(numbers[4])))
            #expect(frame.bits == numbers[5])
            let lossyOrInverted = frame.flags.intersection([.lossy, .minIsWhite])
            #expect(lossyOrInverted.rawValue == UInt32(numbers[6]))
            #expect(frame.number == index)
        }
        let expected = try fields[9].split(separator: ",").map { try #require(Double($0)) }
        let samples = scan.frames.indices.flatMap { index -> [Double] in
            switch scan.frames[index].sample {
            case .u8: scan.samples(UInt8.self, frame: index).map(Double.init)
            case .u16: scan.samples(UInt16.self, frame: index).map(Double.init)
            case .u32: scan.samples(UInt32.self, frame: index).map(Double.init)
            case .i8: scan.samples(Int8.self, frame: index).map(Double.init)
            case .i16: scan.samples(Int16.self, frame: index).map(Double.init)
            case .i32: scan.samples(Int32.self, frame: index).map(Double.init)
            case .f32: scan.samples(Float.self, frame: index).map(Double.init)
            case .f64: scan.samples(Double.self, frame: index)
            }
        }
        #expect(samples == expected)
    }

    @Test("A file cut off anywhere ends in a failure, never in a picture")
    func cutOff() throws {
        for line in try fixture("dicom", "txt").enumerated().filter({ $0.offset % 7 == 3 }).map(\.element) {
            let whole = try base64(String(line.split(separator: " ")[8]))
            let isBare = whole.count < 132 || whole[128..<132] != [0x44, 0x49, 0x43, 0x4D]
            for length in stride(from: isBare ? 40 : 133, to: whole.count - 2, by: 13) {
                let kind = try failureKind { try decode(whole.prefix(length)) }
                #expect(kind != nil, "\(line.prefix(30)) cut at \(length)")
            }
        }
    }

    @Test("Only the frames that are asked for are decoded, and keep their numbers")
    func slices() throws {
        var writer = DICOMWriter(width: 1, height: 2, pixels: (0..<10).map { UInt8($0) })
        writer.set(0x0028_0008, "IS", "5")
        let folder = try ScratchFolder()
        let file = try folder.write(writer.file())
        let every = try ScanDecoder.decode(contentsOf: file, slicing: Slicing(slices: .every(2)))
        #expect(every.frames.map(\.number) == [0, 2, 4])
        #expect(every.samples(UInt8.self, frame: 1) == [4, 5])
        let middle = try ScanDecoder.decode(contentsOf: file, slicing: Slicing(slices: .middle))
        #expect(middle.frames.map(\.number) == [2])
        #expect(middle.description.framesInFile == 5)
    }

    @Test("The file says whom and what it shows")
    func identity() throws {
        var writer = DICOMWriter()
        writer.set(0x0008_0018, "UI", "1.2.3")
        writer.set(0x0008_0020, "DA", "20200101")
        writer.set(0x0008_0060, "CS", "DX")
        writer.set(0x0008_002A, "DT", "20210203040506.7")
        writer.set(0x0010_0020, "LO", " 4711 ")
        writer.set(0x0010_0021, "LO", "HOSPITAL")
        writer.set(0x0018_0015, "CS", "CHEST")
        writer.set(0x0018_1164, "DS", "0.143\\0.139")
        writer.set(0x0018_5101, "CS", "PA")
        writer.set(0x0020_000D, "UI", "1.2.3.4")
        writer.set(0x0020_000E, "UI", "1.2.3.4.5")
        writer.set(0x0020_0060, "CS", "R")
        let description = try decode(writer.file()).description
        #expect(description.compression == "1.2.840.10008.1.2.1")
        #expect(description.patient == Array("4711".utf8))
        #expect(description.patientIssuer == Array("HOSPITAL".utf8))
        #expect(description.instanceUID == "1.2.3" && description.studyUID == "1.2.3.4")
        #expect(description.seriesUID == "1.2.3.4.5")
        #expect(description.modality == "DX" && description.bodyPart == "CHEST" && description.view == "PA")
        #expect(description.laterality == "R")
        #expect(description.acquisitionDate == "20210203")
        #expect(description.pixelSpacing == ScanDescription.PixelSpacing(row: 0.143, column: 0.139))
        #expect(description.framesInFile == 1)

        writer.set(0x0008_0022, "DA", "2022.03.04")
        writer.set(0x0020_0062, "CS", "L")
        writer.set(0x0028_0030, "DS", "0.5\\0.25")
        let other = try decode(writer.file()).description
        #expect(other.acquisitionDate == "20220304" && other.laterality == "L")
        #expect(other.pixelSpacing == ScanDescription.PixelSpacing(row: 0.5, column: 0.25))
    }

    @Test("A preamble with a TIFF header is DICOM's all the same")
    func tiffPreamble() throws {
        var file = DICOMWriter().file()
        file.replaceSubrange(0..<8, with: [0x49, 0x49, 42, 0, 8, 0, 0, 0])
        #expect(try decode(file).format == .dicom)
    }

    @Test("The deflated data set of a bomb is left where it passes its limit")
    func deflatedBomb() throws {
        // 128 MiB of zeroes as a private attribute before the pixels; deflate stores 258 of them in two bits and a half.
        let line = try #require(try fixture("dicom", "txt").first { $0.hasPrefix("deflated-u8 ") })
        let whole = try base64(String(line.split(separator: " ")[8]))
        let folder = try ScratchFolder()
        let limits = ScanLimits(maxPixels: 20)
        #expect(try failureKind { try decode(whole, limits: limits) } == .overLimit)
        let header = DICOMWriter()
        var bomb = header
        bomb.transferSyntax = "1.2.840.10008.1.2.1.99"
        // A stored block with the head of an element of 4 GiB, then a block of zeroes without end: 258 of them per two codes.
        let head: [UInt8] = [0x09, 0x00, 0x10, 0x10, 0x4F, 0x42, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF]
        var stream: [UInt8] = [0, UInt8(head.count), 0, ~UInt8(head.count), 0xFF] + head
        // Fixed Huffman codes: literal 0 is 00110000, length 258 is 11000101, distance 1 is 00000.
        var bits: [UInt8] = [1, 1, 0] + [0, 0, 1, 1, 0, 0, 0, 0]
        for _ in 0..<300_000 { bits += [1, 1, 0, 0, 0, 1, 0, 1] + [0, 0, 0, 0, 0] }
        for start in stride(from: 0, to: bits.count - 7, by: 8) {
            stream.append((0..<8).reduce(0) { $0 | bits[start + $1] << UInt8($1) })
        }
        let file = try folder.write(bomb.header + stream)
        #expect(try failureKind { try ScanDecoder.decode(contentsOf: file) } != nil)
    }
}
