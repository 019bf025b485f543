import Foundation
import Imaging
import ScanFixtures
import Testing

/// Expected values stand in the tests, worked by hand from PS3.3 C.11 and C.7.9.
@Suite("What DICOM samples mean")
struct DICOMToneTests {
    private func entries(_ place: Tone.TablePlace?, of scan: DecodedScan) throws -> [UInt16] {
        let place = try #require(place)
        return (0..<place.count).map { index in
            scan.planes.bytes.loadUnaligned(fromByteOffset: place.offset + 2 * index, as: UInt16.self)
        }
    }

    @Test("Rescaling and windows come in the file's order, with what they are for")
    func windows() throws {
        var writer = DICOMWriter(bits: 16, pixels: [UInt8](repeating: 0, count: 8))
        writer.set(0x0028_1050, "DS", "40\\-600.5\\7\\300")
        writer.set(0x0028_1051, "DS", "400\\1500\\0\\1e3")
        writer.set(0x0028_1052, "DS", "-1024")
        writer.set(0x0028_1053, "DS", "+2.5e-1")
        writer.set(0x0028_1055, "LO", "SOFT TISSUE\\LUNG\\BROKEN\\BONE")
        writer.set(0x0028_1056, "CS", "SIGMOID")
        let tone = try decode(writer.file()).frames[0].tone
        #expect(tone.slope == 0.25 && tone.intercept == -1024)
        #expect(tone.function == .sigmoid)
        #expect(
            tone.windows == [
                Tone.Window(center: 40, width: 400, explanation: "SOFT TISSUE"),
                Tone.Window(center: -600.5, width: 1500, explanation: "LUNG"),
                Tone.Window(center: 300, width: 1000, explanation: "BONE"),
            ])
    }

    @Test("What cannot be a window, a slope or a table is left out")
    func broken() throws {
        var writer = DICOMWriter()
        writer.set(0x0028_1050, "DS", "x\\nan\\1e999\\5")
        writer.set(0x0028_1051, "DS", "1\\2\\3\\-4")
        writer.set(0x0028_1052, "DS", "5")
        writer.set(0x0028_1053, "DS", "0")
        writer.set(
            0x0028_3010,
            items: [
                [
                    DICOMWriter.element(0x0028_3002, "US", [300, 0, 16]),
                    DICOMWriter.element(0x0028_3006, "OW", [1, 2, 3]),
                ]
            ])
        #expect(try decode(writer.file()).frames[0].tone == Tone())
    }

    @Test("A modality table and a VOI table are found with their first value and bits")
    func tables() throws {
        var writer = DICOMWriter(bits: 16, isSigned: true, pixels: [UInt8](repeating: 0, count: 8))
        writer.set(
            0x0028_3000,
            items: [
                [
                    DICOMWriter.element(0x0028_3002, "SS", [3, -2, 12]),
                    DICOMWriter.element(0x0028_3006, "US", [7, 4095, 9]),
                ]
            ])
        writer.set(
            0x0028_3010,
            items: [
                [
                    DICOMWriter.element(0x0028_3002, "US", [4, 0xFFF0, 8]),
                    // Four entries of 8 bits in two words, the first in the low half.
                    DICOMWriter.element(0x0028_3006, "OW", [0x0201, 0x0403]),
                ]
            ])
        let scan = try decode(writer.file())
        let tone = scan.frames[0].tone
        #expect(tone.modalityTable?.first == -2 && tone.modalityTable?.bits == 12)
        #expect(try entries(tone.modalityTable, of: scan) == [7, 4095, 9])
        // What a table gives has no sign (PS3.3 C.11.1.1.1).
        #expect(tone.voiTable?.first == 0xFFF0 && tone.voiTable?.bits == 8)
        #expect(try entries(tone.voiTable, of: scan) == [1, 2, 3, 4])
    }

    @Test("Palettes are told beside indices, plain or in segments")
    func palettes() throws {
        var writer = DICOMWriter()
        writer.set(0x0028_0004, "CS", "PALETTE COLOR")
        for colour in 0..<3 {
            writer.set(0x0028_1101 + UInt32(colour), "US", [6, 1, 16])
            writer.set(0x0028_1201 + UInt32(colour), "OW", (0..<6).map { $0 * 1000 + colour })
        }
        let plain = try decode(writer.file())
        #expect(plain.frames[0].channels == 1 && plain.samples(UInt8.self) == [1, 2, 3, 4])
        #expect(plain.frames[0].tone.palette.map(\.first) == [1, 1, 1])
        #expect(plain.frames[0].tone.palette.map(\.bits) == [16, 16, 16])
        #expect(try entries(plain.frames[0].tone.palette[2], of: plain) == [2, 1002, 2002, 3002, 4002, 5002])

        for colour in 0..<3 {
            writer.remove(0x0028_1201 + UInt32(colour))
            // Two values; three on a line to 5500; one more by going back to the first segment, which has two: one too many.
            writer.set(0x0028_1101 + UInt32(colour), "US", [7, 0, 16])
            writer.set(0x0028_1221 + UInt32(colour), "OW", [0, 2, 1000, 2500, 1, 3, 5500, 2, 1, 0, 0])
        }
        let segmented = try decode(writer.file())
        #expect(
            try entries(segmented.frames[0].tone.palette[0], of: segmented) == [
                1000, 2500, 3500, 4500, 5500, 1000, 2500,
            ])

        // An indirect segment that points at itself would never end.
        for colour in 0..<3 { writer.set(0x0028_1221 + UInt32(colour), "OW", [0, 1, 5, 2, 2, 6, 0]) }
        #expect(try failureKind { try decode(writer.file()) } == .corrupt)
    }

    @Test("Enhanced files say it for all frames or for each")
    func functionalGroups() throws {
        var writer = DICOMWriter(width: 1, height: 1, pixels: [1, 2])
        writer.set(0x0028_0008, "IS", "2")
        func rescale(_ slope: String) -> DICOMWriter.Element {
            DICOMWriter.element(
                0x0028_9145,
                items: [
                    [
                        DICOMWriter.element(0x0028_1052, "DS", "1"),
                        DICOMWriter.element(0x0028_1053, "DS", slope),
                    ]
                ])
        }
        let window = DICOMWriter.element(
            0x0028_9132,
            items: [
                [
                    DICOMWriter.element(0x0028_1050, "DS", "10"), DICOMWriter.element(0x0028_1051, "DS", "20"),
                    DICOMWriter.element(0x0028_1056, "CS", "LINEAR_EXACT"),
                ]
            ])
        let measures = DICOMWriter.element(0x0028_9110, items: [[DICOMWriter.element(0x0028_0030, "DS", "2\\3")]])
        let anatomy = DICOMWriter.element(0x0020_9071, items: [[DICOMWriter.element(0x0020_9072, "CS", "B")]])
        writer.set(0x5200_9229, items: [[rescale("3"), measures, anatomy]])
        writer.set(0x5200_9230, items: [[window], [rescale("4")]])
        let scan = try decode(writer.file())
        #expect(scan.frames.map(\.tone.slope) == [3, 4])
        #expect(scan.frames.map(\.tone.windows) == [[Tone.Window(center: 10, width: 20)], []])
        #expect(scan.frames[0].tone.function == .linearExact)
        #expect(scan.description.pixelSpacing == ScanDescription.PixelSpacing(row: 2, column: 3))
        #expect(scan.description.laterality == "B")
    }
}
