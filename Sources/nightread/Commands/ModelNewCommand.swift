import ArgumentParser
import EfficientNet
import Foundation
import Imaging

struct ModelNewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new",
        abstract: "Make a model package with fresh weights, which knows nothing yet.",
        discussion: """
            For measuring a variant on a machine, for trying a pipeline before there is a model, and as the start of training from \
            nothing. Its readings mean nothing: it has no thresholds and makes no calls.

            Example: nightread model new b4 --labels normal,nodule --output models/empty-b4

            Exit status: 0 written, 64 bad usage, 73 the folder exists or cannot be made.
            """)

    @Argument(help: "Variant: \(Variant.names).")
    var variant: Variant

    @Option(help: ArgumentHelp("Labels, separated by commas.", valueName: "a,b,…"))
    var labels = "no,yes"

    @Option(help: "How stride-2 convolutions pad: symmetric (timm, torchvision) or same (TensorFlow, Keras).")
    var convention = ModelManifest.Padding.same

    @Option(help: "The same seed gives the same weights.")
    var seed: UInt64 = 0

    @Option(help: ArgumentHelp("The package's folder, which must not exist.", valueName: "folder"))
    var output: String

    private var names: [String] { labels.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }

    func validate() throws {
        guard names.allSatisfy({ !$0.isEmpty }), Set(names).count == names.count else {
            throw ValidationError("--labels: expected names that differ, separated by commas, found '\(labels)'")
        }
    }

    func run() throws {
        do {
            let folder = URL(fileURLWithPath: output)
            let manifest = ModelManifest(
                name: folder.lastPathComponent, variant: variant, padding: convention, labels: names)
            var random = SeededGenerator(seed: seed)
            let weights = try InitialWeights.make(for: manifest, using: &random)
            try ModelPackage.write(manifest: manifest, weights: weights, selfTest: nil, to: folder)
            print(folder.path)
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}
