import ArgumentParser
import EfficientNet
import Foundation
import Imaging
import Tensors

struct PreprocessCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "preprocess",
        abstract: "Make the network's exact input out of one scan.",
        discussion: """
            Decodes a PNG or TIFF file, applies the intensity rule, resizes, crops and normalises as a run does, and writes a \
            safetensors file with the tensor `input`, [1, 3, R, R], F32. Settings left out are the variant's own.

            Examples:
              nightread preprocess scan.png --variant b0 --output x.safetensors
              nightread preprocess scan.tiff --variant b3 --intensity percentile:0.5,99.5 --fit pad --output x.safetensors
            """)

    @Argument(help: "The scan: a PNG or TIFF file.")
    var scan: String

    @Option(help: "Variant: b0 to b7; sets the resolution and crop_pct.")
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
        help: "full-range, percentile:LOW,HIGH or window:CENTER,WIDTH.",
        transform: { text in try Preprocessing.Intensity(commandLine: text) })
    var intensity: Preprocessing.Intensity?

    @Option(help: "Frame (page) of the scan, from 0.")
    var frame = 0

    func run() throws {
        do {
            var preprocessing = Preprocessing.standard(for: variant)
            preprocessing.fit = fit ?? preprocessing.fit
            preprocessing.interpolation = interpolation ?? preprocessing.interpolation
            preprocessing.cropFraction = cropPct ?? preprocessing.cropFraction
            preprocessing.intensity = intensity ?? preprocessing.intensity
            let preparation = try FramePreparation(preprocessing)
            let decoded = try ScanDecoder.decode(contentsOf: URL(fileURLWithPath: scan))
            let input = try preparation.input(of: decoded, frame: frame, named: scan)
            var writer = SafetensorsWriter()
            writer.add("input", input)
            try writer.write(to: URL(fileURLWithPath: output))
            print(summary(decoded, preprocessing))
        } catch {
            throw ExitStatus.leave(error)
        }
    }

    private func summary(_ decoded: DecodedScan, _ preprocessing: Preprocessing) -> String {
        let geometry = decoded.frames[frame]
        let side = preprocessing.resolution
        let fit = preprocessing.fit == .crop ? "crop \(preprocessing.cropFraction)" : preprocessing.fit.rawValue
        return """
            \(scan): \(decoded.format), frame \(frame) of \(decoded.frames.count), \(geometry)
            \(output): input [1, 3, \(side), \(side)] F32, \(preprocessing.intensity), \(fit), \
            \(preprocessing.interpolation.rawValue), mean \(preprocessing.mean), std \(preprocessing.std)
            """
    }
}

extension Preprocessing.Fit: ExpressibleByArgument {}
extension Preprocessing.Interpolation: ExpressibleByArgument {}

extension Preprocessing.Intensity {
    /// Reads `full-range`, `percentile:LOW,HIGH` or `window:CENTER,WIDTH`.
    fileprivate init(commandLine text: String) throws {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let bounds = parts.dropFirst().flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let numbers = bounds.compactMap { Double($0) }
        switch (parts[0], bounds.count, numbers.count) {
        case ("full-range", 0, 0): self = .fullRange
        case ("percentile", 2, 2): self = .percentile(low: numbers[0], high: numbers[1])
        case ("window", 2, 2): self = .window(center: numbers[0], width: numbers[1])
        default:
            throw ValidationError("expected full-range, percentile:LOW,HIGH or window:CENTER,WIDTH, found \(text)")
        }
    }
}
