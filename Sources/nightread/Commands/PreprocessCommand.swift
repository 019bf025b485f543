import ArgumentParser
import EfficientNet
import Foundation
import Imaging
import Pipeline
import Tensors

struct PreprocessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preprocess",
        abstract: "Make the network's exact input out of one scan.",
        discussion: """
            Decodes a scan, applies the intensity rule, resizes, crops and normalises as a run does, and writes a \
            safetensors file with the tensor `input`, [1, 3, R, R], F32. Settings left out are the variant's own.

            Examples:
              nightread preprocess scan.png --variant b0 --output x.safetensors
              nightread preprocess scan.tiff --variant b3 --intensity percentile:0.5,99.5 --fit pad --output x.safetensors
              nightread preprocess chest.dcm --variant b0 --intensity file --output x.safetensors
              nightread preprocess ct.nii.gz --variant b0 --intensity window:-600,1500 --slices middle --axis coronal \
                --output x.safetensors
            """)

    @Argument(help: "The scan: a file of any format that is read.")
    var scan: String

    @Option(help: "Variant, whose published preprocessing is used: \(Variant.names).")
    var variant: Variant

    @Option(help: "The safetensors file to write.")
    var output: String

    @Option(help: "crop (centre square), squash (aspect ratio lost) or pad (black bars).")
    var fit: Preprocessing.Fit?

    @Option(help: "bicubic or bilinear; both antialiased.")
    var interpolation: Preprocessing.Interpolation?

    @Option(help: "Share of the resized picture that --fit crop keeps, 0.01 to 1.")
    var cropPct: Double?

    @Option(
        help: ArgumentHelp(
            "full-range, percentile:LOW,HIGH, window:CENTER,WIDTH[,FUNCTION] or file[:NAME].",
            discussion: """
                Windows and percentiles are about modality values (Hounsfield units of a CT). FUNCTION: linear, linear-exact \
                (default) or sigmoid. file: the file's own display; NAME: its window of that explanation.
                """),
        transform: { text in try Preprocessing.Intensity(commandLine: text) })
    var intensity: Preprocessing.Intensity?

    @Option(
        help: "Which frames, pages or slices are decoded: all, middle or every:N.",
        transform: { text in try Slicing.Slices(commandLine: text) })
    var slices: Slicing.Slices?

    @Option(help: "The axis that a volume is cut along: axial, coronal or sagittal.")
    var axis: Slicing.Axis?

    @Option(help: "Frame of those that --slices chooses, from 0.")
    var frame = 0

    func run() throws {
        do {
            var preprocessing = Preprocessing.standard(for: variant)
            preprocessing.fit = fit ?? preprocessing.fit
            preprocessing.interpolation = interpolation ?? preprocessing.interpolation
            preprocessing.cropFraction = cropPct ?? preprocessing.cropFraction
            preprocessing.intensity = intensity ?? preprocessing.intensity
            preprocessing.slicing = Slicing(
                slices: slices ?? preprocessing.slicing.slices, axis: axis ?? preprocessing.slicing.axis)
            let preparation = try FramePreparation(preprocessing)
            let decoded = try IsolatedDecoder().decode(scan, slicing: preprocessing.slicing)
            let input = try preparation.input(of: decoded, frame: frame, named: scan)
            var writer = SafetensorsWriter()
            writer.add("input", input)
            try writer.write(to: URL(fileURLWithPath: output))
            print(try summary(decoded, preprocessing))
        } catch {
            throw ExitStatus.leave(error)
        }
    }

    private func summary(_ decoded: DecodedScan, _ preprocessing: Preprocessing) throws -> String {
        let geometry = decoded.frames[frame]
        let resolved = try decoded.withSamples(ofFrame: frame) { samples in
            try ResolvedIntensity(
                preprocessing.intensity, of: geometry, samples: samples, planes: decoded.planes.bytes)
        }
        let side = preprocessing.resolution
        let fit = preprocessing.fit == .crop ? "crop \(preprocessing.cropFraction)" : preprocessing.fit.rawValue
        return """
            \(scan): \(decoded.format), frame \(frame) of \(decoded.frames.count), \(geometry)
            \(resolved)
            \(output): input [1, 3, \(side), \(side)] F32, \(preprocessing.intensity), \(fit), \
            \(preprocessing.interpolation.rawValue), mean \(preprocessing.mean), std \(preprocessing.std)
            """
    }
}

extension Preprocessing.Fit: ExpressibleByArgument {}
extension Preprocessing.Interpolation: ExpressibleByArgument {}
extension Slicing.Axis: ExpressibleByArgument {}

extension Preprocessing.Intensity {
    /// Reads `full-range`, `percentile:LOW,HIGH`, `window:CENTER,WIDTH[,FUNCTION]` or `file[:NAME]`.
    init(commandLine text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let words = parts.dropFirst().flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let numbers = words.prefix(2).compactMap { Double($0) }
        let function = words.count == 3 ? Preprocessing.WindowFunction(rawValue: String(words[2])) : .linearExact
        switch (parts[0], words.count, numbers.count) {
        case ("full-range", 0, 0): self = .fullRange
        case ("percentile", 2, 2): self = .percentile(low: numbers[0], high: numbers[1])
        case ("window", 2...3, 2) where function != nil:
            self = .window(center: numbers[0], width: numbers[1], function: function ?? .linearExact)
        case ("file", 0, _) where parts.count == 1: self = .file()
        case ("file", 1..., _) where !parts[1].isEmpty: self = .file(window: String(parts[1]))
        default:
            throw ValidationError(
                "expected full-range, percentile:LOW,HIGH, window:CENTER,WIDTH[,FUNCTION] or file[:NAME], found \(text)"
            )
        }
    }
}

extension Slicing.Slices {
    /// Reads `all`, `middle` or `every:N`.
    init(commandLine text: String) throws {
        let step = text.hasPrefix("every:") ? Int(text.dropFirst(6)) : nil
        switch (text, step) {
        case ("all", _): self = .all
        case ("middle", _): self = .middle
        case (_, let step?) where (1...65_536).contains(step): self = .every(step)
        default: throw ValidationError("expected all, middle or every:N with N from 1 to 65536, found \(text)")
        }
    }
}
