import EfficientNet
import Foundation
import Store
import Testing

@testable import Pipeline

/// A folder of its own for one test, removed afterwards.
final class TemporaryFolder {
    let url: URL
    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("nightread-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: url) }

    var path: String { url.resolvingSymlinksInPath().path }

    @discardableResult
    func folder(_ name: String) throws -> URL {
        let folder = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    @discardableResult
    func file(_ name: String, _ content: String) throws -> URL {
        let file = url.appendingPathComponent(name)
        try Data(content.utf8).write(to: file)
        return file
    }
}

@Suite("Pipeline files")
struct PipelineFileTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.folder("scans")
        try folder.folder("model")
        try folder.folder("model-b1")
    }

    private func read(_ text: String) throws -> PipelineFile {
        try PipelineFile.parse(text, path: folder.path + "/night.yaml", shownAs: "night.yaml")
    }

    /// The messages of a file that is refused.
    private func refusal(_ text: String) -> [String] {
        do {
            _ = try read(text)
            return ["accepted"]
        } catch PipelineError.invalidFile(let problems) {
            return problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    private static let smallest = """
        study: night
        inputs: [{path: scans}]
        model: model
        store: night.sqlite
        report: {html: report, csv: report/findings.csv}
        """

    @Test("The smallest file has five keys, and paths start from the file's folder")
    func smallest() throws {
        let file = try read(Self.smallest)
        #expect(file.study == "night")
        #expect(file.inputs.map(\.path) == [folder.path + "/scans"])
        #expect(file.inputs[0].recursive)
        #expect(file.inputs[0].patterns.isEmpty)
        #expect(file.identifiers == .pseudonyms)
        #expect(file.pseudonymKey(store: file.store) == folder.path + "/night.sqlite.key")
        #expect(file.selection.wanted.isEmpty)
        #expect(file.aggregation == Aggregation(frames: .max, scans: .max))
        #expect(try file.model(for: nil).path == folder.path + "/model")
        #expect(file.store == folder.path + "/night.sqlite")
        #expect(file.report.html == folder.path + "/report")
        #expect(file.report.csv == folder.path + "/report/findings.csv")
        #expect(file.workers == nil)
        #expect(file.precision == nil)
        #expect(file.abstain == nil)
        #expect(file.limits.seconds == 60)
        #expect(file.limits.scan.maxFrames == 1024)
        #expect(file.limits.decoderScans == 1)
    }

    @Test("Every key is read")
    func everyKey() throws {
        let file = try read(
            """
            study: 2026
            inputs:
              - {path: scans, patterns: ["*.PNG", "a/*.tif"], recursive: false}
            models: {b0: model, b1: model-b1}
            variant: b1
            preprocessing:
              intensity: {window: {center: 40, width: 400}}
              fit: pad
              crop_pct: 0.9
              interpolation: bilinear
              mean: [0, 0, 0]
              std: [1, 1, 0.5]
            limits: {pixels: 1000, bytes: 1 GiB, frames: 7, file_bytes: 500 MB, seconds: 2.5, memory: 512 MiB, decoder_scans: 50}
            workers: 3
            precision: bf16
            abstain: false
            store: /var/night.sqlite
            report: {csv: out.csv}
            settle: 0.5
            rescan: 2
            free_space: 0
            """)
        #expect(file.study == "2026")
        #expect(file.inputs[0].patterns == ["*.PNG", "a/*.tif"])
        #expect(!file.inputs[0].recursive)
        #expect(try file.model(for: nil).variant == .b1)
        #expect(try file.model(for: .b0).path == folder.path + "/model")
        #expect(file.preprocessing.intensity == .window(center: 40, width: 400))
        #expect(file.preprocessing.fit == .pad)
        #expect(file.preprocessing.cropFraction == 0.9)
        #expect(file.preprocessing.interpolation == .bilinear)
        #expect(file.preprocessing.std == [1, 1, 0.5])
        #expect(file.limits.scan.maxPixels == 1000)
        #expect(file.limits.scan.maxPlaneBytes == 1_073_741_824)
        #expect(file.limits.scan.maxFileBytes == 500_000_000)
        #expect(file.limits.scan.maxFrames == 7)
        #expect(file.limits.seconds == 2.5)
        #expect(file.limits.memory == 536_870_912)
        #expect(file.limits.decoderScans == 50)
        #expect(file.workers == 3)
        #expect(file.precision == .bf16)
        #expect(file.abstain == false)
        #expect(file.store == "/var/night.sqlite")
        #expect(file.report.html == nil)
        #expect(file.settle == 0.5)
        #expect(file.rescan == 2)
        #expect(file.freeSpace == 0)
    }

    @Test("An unknown key is refused with its line and the nearest key")
    func unknownKey() {
        #expect(
            refusal(Self.smallest + "\nlimits:\n  pixls: 3") == [
                "night.yaml:7: limits.pixls: unknown key; did you mean 'pixels'? "
                    + "Known keys here: pixels, bytes, frames, file_bytes, seconds, memory, decoder_scans"
            ])
        #expect(
            refusal(Self.smallest.replacing("store:", with: "stor:")).contains {
                $0.hasPrefix("night.yaml:4: stor: unknown key; did you mean 'store'?")
            })
    }

    @Test("All problems of a file are shown at once, in the file's order")
    func allAtOnce() {
        let messages = refusal(
            """
            study: night
            inputs: [{path: nowhere}]
            model: model
            report: {html: report}
            workers: many
            limits: {seconds: -1, bytes: lots}
            preprocessing: {fit: padd, intensity: {percentile: [99, 1]}}
            """)
        #expect(
            messages == [
                "night.yaml:1: store: missing; expected the path of the store's file",
                "night.yaml:2: inputs[0].path: no such folder: \(folder.path)/nowhere; expected a folder of scans",
                "night.yaml:5: workers: expected a whole number from 1 to 1024, found 'many'",
                "night.yaml:6: limits.bytes: expected a size from 4 KiB to 1 TiB, such as 1073741824 or 1 GiB, found 'lots'",
                "night.yaml:6: limits.seconds: expected a number from 0.1 to 86400, found '-1'",
                "night.yaml:7: preprocessing.intensity: expected the lower percentile first, found 99.0 and 1.0",
                "night.yaml:7: preprocessing.fit: expected one of crop, squash, pad, found 'padd'; did you mean 'pad'?",
            ])
    }

    @Test(
        "A wrong type is refused",
        arguments: [
            ("inputs: scans", "night.yaml:2: inputs: expected a list of folders: [{path: DIR}], found 'scans'"),
            (
                "inputs: [scans]",
                "night.yaml:2: inputs[0]: expected keys and values (path, patterns, recursive), found 'scans'"
            ),
            (
                "inputs: [{path: scans, recursive: 3}]",
                "night.yaml:2: inputs[0].recursive: expected true or false, found '3'"
            ),
            ("inputs: [{path: [scans]}]", "night.yaml:2: inputs[0].path: expected text, found a list of 1"),
            ("inputs: []", "night.yaml:2: inputs: expected a list of folders: [{path: DIR}], found a list of 0"),
        ])
    func wrongType(line: String, message: String) {
        #expect(refusal(Self.smallest.replacing("inputs: [{path: scans}]", with: line)) == [message])
    }

    @Test("A key used twice and broken YAML name their line")
    func brokenYAML() {
        let twice = refusal(Self.smallest + "\nstudy: again")
        #expect(twice.count == 1)
        #expect(twice[0].hasSuffix("the same key twice in one place: study; keep one of them"))
        let broken = refusal("study: [night\nstore: x")
        #expect(broken.count == 1)
        #expect(broken[0].hasPrefix("night.yaml:2: not valid YAML: "))
        #expect(
            refusal("") == ["night.yaml:1: the file is empty; expected at least study, inputs, model, store and report"]
        )
    }

    @Test("Either model or models, and a variant that is listed")
    func modelOrModels() throws {
        #expect(
            refusal(Self.smallest + "\nmodels: {b1: model-b1}") == [
                "night.yaml:3: model: expected either model or models, found both; keep one of them"
            ])
        let several = Self.smallest.replacing("model: model", with: "models: {b0: model}")
        #expect(
            refusal(several + "\nvariant: b1") == [
                "night.yaml:6: variant: expected one of the listed models, found 'b1'; add it under models"
            ])
        #expect(throws: PipelineError.self) { try read(several).model(for: .b3) }
    }

    @Test("A pipeline file that is not there is named")
    func unreadable() {
        #expect(throws: PipelineError.self) { try PipelineFile.read("/nowhere/night.yaml") }
    }

    @Test(
        "Sizes are read as people write them",
        arguments: [
            ("1073741824", 1_073_741_824), ("1 GiB", 1_073_741_824), ("500 MB", 500_000_000), ("1.5kib", 1536),
            ("7b", 7),
        ] as [(String, UInt64)])
    func sizes(text: String, bytes: UInt64) {
        #expect(ByteSize.bytes(text) == bytes)
    }

    @Test("What is no size is refused", arguments: ["", "GiB", "-1", "1e99", "nan", "3 apples", "99999999 TiB"])
    func noSizes(text: String) {
        #expect(ByteSize.bytes(text) == nil)
    }

    @Test(
        "Distances count insertions, deletions, substitutions and swaps",
        arguments: [
            ("kitten", "sitting", 3), ("", "abc", 3), ("abc", "", 3), ("modle", "model", 1), ("Store", "store", 0),
            ("ca", "abc", 3),
        ])
    func distances(first: String, second: String, distance: Int) {
        #expect(NearestKey.distance(first, second) == distance)
    }

    @Test("Overrides replace the model's preprocessing key by key")
    func overrides() {
        let model = Preprocessing(resolution: 240, fit: .squash, cropFraction: 0.882)
        #expect(PreprocessingOverrides(jpegScaling: false).applied(to: model) == model)
        let changed = PreprocessingOverrides(intensity: .percentile(low: 1, high: 99), fit: .pad).applied(to: model)
        #expect(changed.resolution == 240)
        #expect(changed.fit == .pad)
        #expect(changed.intensity == .percentile(low: 1, high: 99))
        #expect(changed.cropFraction == 0.882)
    }
}
