import ArgumentParser
import EfficientNet
import Foundation
import Pipeline

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what Nightread sees in one scan.",
        discussion: """
            Decodes the scan in a sandboxed process as a run does, and prints its format, geometry, compression, what the file says of \
            itself, windows, which values become black and white, statistics and a histogram. Settings are the variant's own, or the \
            model's with --model, unless options say otherwise, as for nightread preprocess. The patient's identifiers and UIDs are left out \
            unless asked for.

            Examples:
              nightread inspect chest.dcm
              nightread inspect ct.dcm --intensity window:-600,1500 --png seen.png
              nightread inspect brain.nii.gz --slices middle --axis coronal --model models/brain-b0 --json

            Exit status: 0 shown, 3 the scan cannot be decoded, 64 bad usage, 66 the scan or the model is missing, 73 the picture \
            cannot be written.
            """)

    @Argument(help: "The scan: a file of any format that is read.")
    var scan: String

    @Option(help: "Frame of those that --slices chooses, from 0.")
    var frame = 0

    @Option(
        help: "full-range, percentile:LOW,HIGH, window:CENTER,WIDTH[,FUNCTION] or file[:NAME], as for preprocess.",
        transform: { text in try Preprocessing.Intensity(commandLine: text) })
    var intensity: Preprocessing.Intensity?

    @Option(
        help: "Which frames, pages or slices are decoded: all, middle or every:N.",
        transform: { text in try Slicing.Slices(commandLine: text) })
    var slices: Slicing.Slices?

    @Option(help: "The axis that a volume is cut along: axial, coronal or sagittal.")
    var axis: Slicing.Axis?

    @Option(help: "Variant whose preprocessing is used: \(Variant.names).")
    var variant: Variant = .b0

    @Option(help: "A model package whose preprocessing is used instead.", completion: .directory)
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Write what the network sees as a PNG file: after intensity, resize and crop, before normalisation.",
            valueName: "file"))
    var png: String?

    @Flag(help: "Show the patient's identifiers and the UIDs of study, series and instance.")
    var identifiers = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        do {
            var preprocessing = Preprocessing.standard(for: variant)
            if let model { preprocessing = try ModelPackage.open(URL(fileURLWithPath: model)).manifest.preprocessing }
            preprocessing.intensity = intensity ?? preprocessing.intensity
            preprocessing.slicing = Slicing(
                slices: slices ?? preprocessing.slicing.slices, axis: axis ?? preprocessing.slicing.axis)
            let decoded = try IsolatedDecoder().decode(scan, slicing: preprocessing.slicing)
            let inspection = try ScanInspection(
                decoded, path: scan,
                .init(preprocessing: preprocessing, frame: frame, showsIdentifiers: identifiers))
            if let png { try inspection.writePicture(to: png) }
            if json {
                print(inspection.json.canonical)
            } else {
                for line in inspection.lines { print(line) }
                if let png { print("\nwhat the network sees: \(png)") }
            }
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}
