import EfficientNet
import Foundation
import Imaging
import Testing

/// Expected slices come from nibabel through `Fixtures/make_nifti.py`, or stand in the test.
@Suite("NIfTI")
struct NIfTIDecodingTests {
    /// A line `frames` of the fixtures.
    struct Expected: CustomTestStringConvertible {
        let name: String
        let slicing: Slicing
        let numbers: [Int]
        let spacing: [Double]
        let digest: String

        init(_ line: Substring) throws {
            let fields = line.split(separator: " ").map(String.init)
            name = fields[1]
            let axis = try #require(Slicing.Axis(rawValue: fields[2]))
            let slices: Slicing.Slices =
                switch fields[3] {
                case "all": .all
                case "middle": .middle
                default: .every(try #require(Int(fields[3])))
                }
            slicing = Slicing(slices: slices, axis: axis)
            numbers = try fields[4...8].map { try #require(Int($0)) }
            spacing = try fields[9].split(separator: ",").map { try #require(Double($0)) }
            digest = fields[10]
        }

        var testDescription: String { "\(name) \(slicing.axis) \(slicing.slices)" }

        func check(_ scan: DecodedScan) {
            #expect(scan.format == .nifti)
            #expect(scan.frames.count == numbers[0])
            for frame in scan.frames {
                #expect([frame.width, frame.height, frame.channels] == Array(numbers[1...3]))
                #expect(frame.sample == SampleType(rawValue: UInt32(numbers[4])))
                #expect(frame.bits == 8 * frame.sample.size)
                #expect(frame.flags.contains(.measured) == (frame.channels == 1))
                #expect(frame.flags.contains(.alpha) == (frame.channels == 4))
            }
            let found = scan.description.pixelSpacing.map { [$0.row, $0.column] } ?? []
            #expect(zip(found, spacing).allSatisfy { abs($0 - $1) < 1e-6 * $1 } && found.count == 2)
            var samples: [UInt8] = []
            for number in scan.frames.indices { samples += scan.withSamples(ofFrame: number) { Array($0) } }
            #expect(samples.withUnsafeBytes { sha256($0) } == digest)
        }
    }

    private static let files: [String: [UInt8]] = {
        let lines = (try? fixture("nifti", "txt")) ?? []
        let named = lines.filter { $0.hasPrefix("file ") }.map { $0.split(separator: " ") }
        return Dictionary(uniqueKeysWithValues: named.map { (String($0[1]), (try? base64(String($0[2]))) ?? []) })
    }()

    @Test(
        "Every type, byte order, version and orientation gives nibabel's slices along every axis",
        arguments: try fixture("nifti", "txt").filter { $0.hasPrefix("frames ") }.map { try Expected($0) })
    func slices(_ expected: Expected) throws {
        let folder = try ScratchFolder()
        let file = try folder.write(#require(Self.files[expected.name]))
        let scan = try ScanDecoder.decode(contentsOf: file, slicing: expected.slicing)
        #expect(scan.description.compression == "gzip")
        expected.check(scan)
    }

    @Test(
        "The corpus gives nibabel's slices along every axis", .enabled(if: Corpus.isThere, Corpus.absence),
        arguments: try fixture("nifti-corpus", "txt").map { try Expected($0) })
    func corpus(_ expected: Expected) throws {
        let file = Corpus.folder.appending(path: "nifti/\(expected.name)")
        expected.check(try ScanDecoder.decode(contentsOf: file, slicing: expected.slicing))
    }

    @Test(
        "What the corpus says of scaling is what its manifest has from nibabel",
        .enabled(if: Corpus.isThere, Corpus.absence))
    func corpusTones() throws {
        for (name, slope, intercept) in [
            ("functional.nii", 0.07540696859359741, 3100.76171875),
            ("someones_epi.nii.gz", 0.37656497955322266, 7.742551803588867), ("anatomical.nii", 1, 0),
        ] {
            let scan = try ScanDecoder.decode(contentsOf: Corpus.folder.appending(path: "nifti/\(name)"))
            #expect(scan.frames[0].tone.slope == slope && scan.frames[0].tone.intercept == intercept, "\(name)")
        }
        let matrix = Corpus.folder.appending(path: "nifti/row_major.dconn.nii")
        #expect(try failureKind { try ScanDecoder.decode(contentsOf: matrix) } == .unsupported)
    }

    @Test("A volume stored from right to left, front to back and feet to head is shown as it is stored")
    func storedAsShown() throws {
        var writer = NIfTIWriter([4, 3, 2])
        writer.setForm([[-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 1, 0]])
        let scan = try decode(writer.file())
        #expect(scan.frames.map(\.number) == [0, 1])
        #expect(scan.samples(UInt8.self, frame: 0) == Array(0..<12))
        #expect(scan.samples(UInt8.self, frame: 1) == Array(12..<24))
        #expect(scan.frames[0].width == 4 && scan.frames[0].height == 3)
        #expect(scan.description.compression == "" && scan.description.framesInFile == 2)
    }

    @Test("Front is at the top and the patient's right at the left; head is at the top and front at the left")
    func display() throws {
        // Right, front and head raise a voxel's value by 1, 10 and 100.
        let samples: [UInt8] = [0, 1, 10, 11, 100, 101, 110, 111]
        let folder = try ScratchFolder()
        let file = try folder.write(NIfTIWriter([2, 2, 2], samples).file())
        func frames(_ axis: Slicing.Axis) throws -> [[UInt8]] {
            let scan = try ScanDecoder.decode(contentsOf: file, slicing: Slicing(axis: axis))
            return scan.frames.indices.map { scan.samples(UInt8.self, frame: $0) }
        }
        #expect(try frames(.axial) == [[11, 10, 1, 0], [111, 110, 101, 100]])
        #expect(try frames(.coronal) == [[101, 100, 1, 0], [111, 110, 11, 10]])
        #expect(try frames(.sagittal) == [[110, 100, 10, 0], [111, 101, 11, 1]])
    }

    @Test("The sform is believed before the qform, and the qform where the sform points nowhere")
    func forms() throws {
        var writer = NIfTIWriter([2, 1, 2], [1, 2, 3, 4])
        writer.set(252, Int16(1))  // a qform of no turn: as stored
        #expect(try decode(writer.file()).samples(UInt8.self) == [4, 3, 2, 1])
        writer.setForm([[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 0]])
        #expect(try decode(writer.file()).samples(UInt8.self) == [1, 2, 3, 4])
        writer.setForm([[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
        #expect(try decode(writer.file()).samples(UInt8.self) == [4, 3, 2, 1])
        writer.set(252, Int16(0))
        #expect(try failureKind { try decode(writer.file()) } == .corrupt)
        writer.setForm([[.nan, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
        #expect(try failureKind { try decode(writer.file()) } == .corrupt)
    }

    @Test("A file of one slice is that picture, whatever the axis", arguments: Slicing.Axis.allCases)
    func oneSlice(_ axis: Slicing.Axis) throws {
        let folder = try ScratchFolder()
        for size in [[3, 2], [3, 2, 1]] {
            let file = try folder.write(NIfTIWriter(size).file())
            let scan = try ScanDecoder.decode(contentsOf: file, slicing: Slicing(axis: axis))
            #expect(scan.frames.count == 1)
            #expect(scan.samples(UInt8.self) == [5, 4, 3, 2, 1, 0])
        }
    }

    @Test("Slices of all moments follow each other; the middle one is that of the middle volume")
    func time() throws {
        let folder = try ScratchFolder()
        let file = try folder.write(NIfTIWriter([2, 2, 3, 4]).file())
        func first(_ slices: Slicing.Slices) throws -> [Int: UInt8] {
            let scan = try ScanDecoder.decode(contentsOf: file, slicing: Slicing(slices: slices))
            #expect(scan.description.framesInFile == 12)
            return Dictionary(
                uniqueKeysWithValues: scan.frames.indices.map {
                    (scan.frames[$0].number, scan.samples(UInt8.self, frame: $0)[3])
                })
        }
        #expect(try first(.all) == Dictionary(uniqueKeysWithValues: (0..<12).map { ($0, UInt8(4 * $0)) }))
        #expect(try first(.middle) == [7: 28])
        #expect(try first(.every(5)) == [0: 0, 5: 20, 10: 40])
        #expect(try first(.every(100)) == [0: 0])
    }

    @Test("Slope and intercept, and the display range as a window of modality values")
    func tones() throws {
        var writer = NIfTIWriter()
        writer.set(112, Float(0.5))
        writer.set(116, Float(-3))
        writer.set(124, Float(300))
        writer.set(128, Float(-100))
        let tone = try decode(writer.file()).frames[0].tone
        #expect(tone.slope == 0.5 && tone.intercept == -3)
        #expect(tone.function == .linearExact)
        #expect(tone.windows == [Tone.Window(center: 100, width: 400, explanation: "cal_min to cal_max")])
        for slope in [0, .nan, .infinity] as [Float] {
            writer.set(112, slope)
            let plain = try decode(writer.file()).frames[0].tone
            #expect(plain.slope == 1 && plain.intercept == 0)
        }
        writer.set(112, Float(2))
        writer.set(116, Float.nan)
        #expect(try failureKind { try decode(writer.file()) } == .corrupt)
        writer.set(116, Float(0))
        writer.set(124, Float(-100))
        #expect(try decode(writer.file()).frames[0].tone.windows.isEmpty)
    }

    @Test("Big-endian samples are turned, extensions passed over, and a too small vox_offset counts as 352")
    func placement() throws {
        var writer = NIfTIWriter([1, 1, 2], kind: 4, bits: 16, bigEndian: true, [1, 2, 0xFF, 0xFE])
        #expect(try decode(writer.file()).samples(Int16.self, frame: 1) == [-2])
        writer.set(108, Float(0))
        #expect(try decode(writer.file()).samples(Int16.self) == [258])
        writer.set(108, Float(368))
        writer.samples = [UInt8](repeating: 9, count: 16) + writer.samples
        #expect(try decode(writer.file()).samples(Int16.self) == [258])
        #expect(try decode(NIfTIWriter.gzip(writer.file())).samples(Int16.self) == [258])
    }
}
