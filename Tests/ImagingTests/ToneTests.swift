import CCodecs
import EfficientNet
import Foundation
import Imaging
import Testing

/// A row of samples with a tone whose tables lie after the samples in the planes, as a decoder leaves them.
struct TonedRow {
    var geometry: FrameGeometry
    private(set) var planes: [UInt8]
    private let count: Int

    /// The same row `count` times, so that at its own size nothing is resized.
    init(_ stored: [Int], _ sample: SampleType, bits: Int? = nil, flags: FrameGeometry.Flags = []) {
        count = stored.count
        geometry = FrameGeometry(width: count, height: count, sample: sample, bits: bits, flags: flags)
        planes = (0..<count).flatMap { _ in
            stored.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0.prefix(sample.size)) } }
        }
    }

    /// The same of floating point samples.
    init(_ stored: [Float]) {
        count = stored.count
        geometry = FrameGeometry(width: count, height: count, sample: .f32)
        planes = (0..<count).flatMap { _ in stored.flatMap { value in withUnsafeBytes(of: value) { Array($0) } } }
    }

    /// Lays a table into the planes.
    mutating func table(_ entries: [UInt16], first: Int, bits: Int) -> Tone.TablePlace {
        planes += [UInt8](repeating: 0xee, count: (64 - planes.count % 64) % 64)
        defer { planes += entries.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] } }
        return Tone.TablePlace(offset: planes.count, count: entries.count, first: first, bits: bits)
    }

    /// The intensities of the row; of each sample three where the picture is coloured.
    func intensities(
        _ rule: Preprocessing.Intensity, with preparation: FramePreparation? = nil
    ) throws -> [Float] {
        let preparation = try preparation ?? FramePreparation(.plain(count, intensity: rule))
        var result = [Float](repeating: .nan, count: preparation.inputCount)
        try planes.withUnsafeBytes { planes in
            let samples = UnsafeRawBufferPointer(rebasing: planes[0..<geometry.bytes])
            try result.withUnsafeMutableBufferPointer {
                try preparation.prepare(geometry, samples: samples, planes: planes, into: $0)
            }
        }
        if geometry.preparedChannels == 1 { return Array(result[0..<count]) }
        return (0..<count).flatMap { x in (0..<3).map { c in result[c * count * count + x] } }
    }

    func resolved(_ rule: Preprocessing.Intensity) throws -> ResolvedIntensity {
        try planes.withUnsafeBytes { planes in
            try ResolvedIntensity(
                rule, of: geometry, samples: UnsafeRawBufferPointer(rebasing: planes[0..<geometry.bytes]),
                planes: planes)
        }
    }
}

func expectClose(_ found: [Float], _ expected: [Double], _ tolerance: Double = 1e-6, _ comment: Comment? = nil) {
    #expect(found.count == expected.count, comment)
    for (a, b) in zip(found, expected) where !(abs(Double(a) - b) <= tolerance) {
        Issue.record("\(comment ?? ""): \(found) against \(expected)")
        return
    }
}

/// Expected values come from pydicom 3.0 (`Fixtures/make_tones.py`).
@Suite("Stored samples to intensities, as pydicom")
struct ToneParityTests {
    struct Case: Decodable, CustomTestStringConvertible {
        struct Table: Decodable {
            let entries: [UInt16]
            let first, bits: Int
        }
        struct Stored: Decodable {
            let slope, intercept: Double?
            let modality: Table?
        }
        struct Window: Decodable {
            let center, width: Double
            let function: String
        }
        let name, sample: String
        let stored: [Int]
        let bits: Int
        let tone: Stored
        let window: Window?
        let voi: Table?
        let palette: [Table]?
        let expected: [Double]

        var testDescription: String { name }

        static func all() throws -> [Case] {
            let file = try #require(
                Bundle.module.url(forResource: "tones", withExtension: "json", subdirectory: "Fixtures"))
            return try JSONDecoder().decode([Case].self, from: Data(contentsOf: file))
        }

        func row() throws -> TonedRow {
            let types: [String: SampleType] = ["u8": .u8, "u16": .u16, "i8": .i8, "i16": .i16]
            var row = TonedRow(stored, try #require(types[sample]), bits: bits)
            func place(_ table: Table) -> Tone.TablePlace {
                row.table(table.entries, first: table.first, bits: table.bits)
            }
            var tone = Tone()
            tone.slope = self.tone.slope ?? 1
            tone.intercept = self.tone.intercept ?? 0
            tone.modalityTable = self.tone.modality.map(place)
            tone.voiTable = voi.map(place)
            tone.palette = (palette ?? []).map(place)
            if let window {
                let functions: [String: Tone.Function] = [
                    "LINEAR": .linear, "LINEAR_EXACT": .linearExact, "SIGMOID": .sigmoid,
                ]
                tone.function = try #require(functions[window.function])
                tone.windows = [Tone.Window(center: window.center, width: window.width)]
            }
            row.geometry.tone = tone
            return row
        }
    }

    @Test("The file's own display is pydicom's", arguments: try Case.all())
    func parity(_ example: Case) throws {
        expectClose(try example.row().intensities(.file()), example.expected)
    }

    @Test("A window of the settings is the same as that window in the file", arguments: try Case.all())
    func settings(_ example: Case) throws {
        guard let window = example.window else { return }
        var row = try example.row()
        let function = row.geometry.tone.function.setting
        row.geometry.tone.windows = [Tone.Window(center: 1, width: 2)]
        row.geometry.tone.function = .linear
        let rule = Preprocessing.Intensity.window(center: window.center, width: window.width, function: function)
        expectClose(try row.intensities(rule), example.expected)
    }

    @Test("Wider sample types come to the same", arguments: try Case.all())
    func wide(_ example: Case) throws {
        guard example.palette == nil else { return }
        let narrow = try example.row()
        for type in [SampleType.i32, .f32] {
            var row =
                type == .f32 ? TonedRow(example.stored.map { Float($0) }) : TonedRow(example.stored, type)
            var tone = narrow.geometry.tone
            tone.modalityTable = example.tone.modality.map {
                row.table($0.entries, first: $0.first, bits: $0.bits)
            }
            tone.voiTable = example.voi.map { row.table($0.entries, first: $0.first, bits: $0.bits) }
            row.geometry.tone = tone
            expectClose(try row.intensities(.file()), example.expected, 1e-6, "\(type)")
        }
    }

    @Test("Min-is-white is turned once, after everything else", arguments: try Case.all())
    func turned(_ example: Case) throws {
        guard example.palette == nil else { return }
        var row = try example.row()
        row.geometry.flags.insert(.minIsWhite)
        expectClose(try row.intensities(.file()), example.expected.map { 1 - $0 })
    }

    @Test("One preparation serves frames with different tones, tables and types, one after another")
    func mixed() throws {
        let examples = try Case.all().filter { $0.stored.count == 8 || $0.stored.count == 7 }
        #expect(examples.count >= 6)
        for side in [7, 8] {
            let preparation = try FramePreparation(.plain(side, intensity: .file()))
            let rows = examples.filter { $0.stored.count == side }
            for example in rows + rows.reversed() + rows {
                expectClose(try example.row().intensities(.file(), with: preparation), example.expected)
            }
        }
    }
}
