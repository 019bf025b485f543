import EfficientNet
import Testing

@testable import Pipeline

@Suite("The key preprocessing of pipeline files")
struct PreprocessingKeysTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.folder("scans")
        try folder.folder("model")
    }

    /// A pipeline file with `preprocessing` on its line 6.
    private func parse(_ preprocessing: String) throws -> PreprocessingOverrides {
        let text = """
            study: night
            inputs: [{path: scans}]
            model: model
            store: night.sqlite
            report: {csv: out.csv}
            preprocessing: \(preprocessing)
            """
        return try PipelineFile.parse(text, path: folder.path + "/night.yaml", shownAs: "night.yaml").preprocessing
    }

    @Test(
        "Every form of an intensity rule is read",
        arguments: [
            ("full-range", .fullRange), ("file", .file()), ("{file: LUNG}", .file(window: "LUNG")),
            ("{file: \"Lung, hard\"}", .file(window: "Lung, hard")),
            ("{percentile: [0.5, 99.5]}", .percentile(low: 0.5, high: 99.5)),
            ("{window: {center: -600, width: 1500}}", .window(center: -600, width: 1500, function: .linearExact)),
            (
                "{window: {center: -600, width: 1500, function: linear-exact}}",
                .window(center: -600, width: 1500, function: .linearExact)
            ),
            (
                "{window: {center: -600, width: 1500, function: linear}}",
                .window(center: -600, width: 1500, function: .linear)
            ),
            (
                "{window: {center: -600, width: 1500, function: sigmoid}}",
                .window(center: -600, width: 1500, function: .sigmoid)
            ),
        ] as [(String, Preprocessing.Intensity)])
    func intensity(_ text: String, _ rule: Preprocessing.Intensity) throws {
        #expect(try parse("{intensity: \(text)}").intensity == rule)
    }

    @Test("JPEG may be reduced unless the file says no, or percentiles need every pixel")
    func jpegScaling() throws {
        let model = Preprocessing(resolution: 224)
        #expect(!model.jpegScaling)
        #expect(try parse("{fit: pad}").applied(to: model).jpegScaling)
        #expect(try parse("{jpeg_scaling: true}").applied(to: model).jpegScaling)
        #expect(try !parse("{jpeg_scaling: false}").applied(to: model).jpegScaling)
        #expect(try parse("{jpeg_scaling: false}").applied(to: model).digest == model.digest)
        #expect(try parse("{jpeg_scaling: true}").applied(to: model).digest != model.digest)
        #expect(try !parse("{intensity: {percentile: [1, 99]}}").applied(to: model).jpegScaling)
        #expect(throws: PipelineError.self) { try parse("{jpeg_scaling: sometimes}") }
    }

    @Test("Slices and axis are read, and replace the model's")
    func slicing() throws {
        #expect(try parse("{slices: all}").slices == .all)
        #expect(try parse("{slices: middle}").slices == .middle)
        #expect(try parse("{slices: {every: 4}}").slices == .every(4))
        for axis in Slicing.Axis.allCases { #expect(try parse("{axis: \(axis.rawValue)}").axis == axis) }
        var model = Preprocessing(resolution: 224)
        model.slicing = Slicing(slices: .every(2), axis: .sagittal)
        #expect(try parse("{fit: pad}").applied(to: model).slicing == model.slicing)
        #expect(try parse("{slices: middle}").applied(to: model).slicing == Slicing(slices: .middle, axis: .sagittal))
        #expect(try parse("{axis: coronal}").applied(to: model).slicing == Slicing(slices: .every(2), axis: .coronal))
    }

    @Test(
        "What is wrong is said with line and key",
        arguments: [
            (
                "{intensity: fill}",
                "preprocessing.intensity: expected full-range, file, {file: NAME}, {percentile: [0.5, 99.5]} or "
                    + "{window: {center: 40, width: 400}}, found 'fill'"
            ),
            ("{intensity: {file: [LUNG]}}", "preprocessing.intensity.file: expected text, found a list of 1"),
            (
                "{intensity: {file: \(String(repeating: "L", count: 64))}}",
                "preprocessing.intensity.file: expected a window's explanation of at most 63 bytes, found 64"
            ),
            (
                "{intensity: {file: LUNG, percentile: [1, 2]}}",
                "preprocessing.intensity: expected one of percentile, window and file, found 2 keys"
            ),
            (
                "{intensity: {window: {center: 1, width: 2, function: sigmoyd}}}",
                "preprocessing.intensity.window.function: expected one of linear, linear-exact, sigmoid, found 'sigmoyd'; "
                    + "did you mean 'sigmoid'?"
            ),
            (
                "{intensity: {window: {center: 1}}}",
                "preprocessing.intensity.window.width: missing; expected the window's width"
            ),
            ("{slices: some}", "preprocessing.slices: expected all, middle or {every: N}, found 'some'"),
            ("{slices: 4}", "preprocessing.slices: expected all, middle or {every: N}, found '4'"),
            ("{slices: [1, 2]}", "preprocessing.slices: expected all, middle or {every: N}, found a list of 2"),
            ("{slices: {every: 0}}", "preprocessing.slices.every: expected a whole number from 1 to 65536, found '0'"),
            ("{slices: {}}", "preprocessing.slices.every: missing; expected a whole number, such as 4"),
            (
                "{axis: coronel}",
                "preprocessing.axis: expected one of axial, coronal, sagittal, found 'coronel'; did you mean 'coronal'?"
            ),
        ])
    func refused(_ text: String, _ message: String) throws {
        #expect {
            try parse(text)
        } throws: { error in
            guard case PipelineError.invalidFile(let problems)? = error as? PipelineError else { return false }
            return problems.map(\.description) == ["night.yaml:6: " + message]
        }
    }
}
