import ArgumentParser
import Conversion
import EfficientNet
import Foundation
import Pipeline

struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a model package from weights of PyTorch, Keras or Hugging Face.",
        discussion: """
            SOURCE is safetensors, a PyTorch state dict (.pth, .pt), or a Keras model or its weights (.keras, .h5, .weights.h5), \
            with the tensor names of timm, torchvision, Hugging Face transformers, efficientnet_pytorch or \
            keras.applications. The variant is recognised from the tensors' shapes. What tensors cannot show (padding, \
            epsilon, preprocessing) follows from where they come from, is printed, and can be said otherwise. Code in a \
            PyTorch file is never run; the file is read in a process that can reach nothing.

            Examples:
              nightread import chest.pth --output models/chest --labels normal,effusion,nodule
              nightread import classifier.keras --output models/classifier --dry-run
              nightread import model.safetensors --output models/b0 --convention same --preprocessing torchvision

            Exit status: 0 written, 64 bad usage or weights that do not fit, 66 no such file, 73 the folder exists or cannot be \
            made.
            """)

    @Argument(help: "The file of weights.")
    var source: String

    @Option(help: ArgumentHelp("The package's folder, which must not exist.", valueName: "folder"))
    var output: String?

    @Option(help: "Variant, where the tensors' shapes are not to be believed.")
    var variant: Variant?

    @Option(
        help: ArgumentHelp(
            "Names of the outputs, in their order: separated by commas, or a file with one a line; class 0 … where absent.",
            valueName: "a,b,…|file"))
    var labels: String?

    @Option(
        help:
            "How stride-2 convolutions pad, and with it the epsilon: symmetric (timm, torchvision) or same (TensorFlow, Keras)."
    )
    var convention: ModelManifest.Padding?

    @Option(help: "Added to batch norm's variances.")
    var batchNormEpsilon: Double?

    @Option(
        help: ArgumentHelp(
            "How scans become the input; may be given again. \(PreprocessingSetting.forms).", valueName: "setting"))
    var preprocessing: [String] = []

    @Flag(help: "Print what would be made, tensor by tensor, and write nothing.")
    var dryRun = false

    func validate() throws {
        guard dryRun || output != nil else { throw ValidationError("--output: expected the package's folder") }
        guard batchNormEpsilon.map({ $0 > 0 && $0 < 1 }) ?? true else {
            throw ValidationError(
                "--batch-norm-epsilon: expected a number between 0 and 1, found \(batchNormEpsilon ?? 0)")
        }
        for text in preprocessing where PreprocessingSetting(text) == nil {
            throw ValidationError("--preprocessing: expected one of \(PreprocessingSetting.forms), found '\(text)'")
        }
    }

    func run() throws {
        do {
            let options = ImportOptions(
                variant: variant, labels: try labels.map { try LabelList(commandLine: $0).labels },
                padding: convention, epsilon: batchNormEpsilon,
                preprocessing: preprocessing.compactMap { PreprocessingSetting($0) })
            let folder = output.map { URL(fileURLWithPath: $0) }
            let plan = try ImportPlan(
                IsolatedSource().read(source), options: options, name: folder?.lastPathComponent ?? "import")
            print(plan)
            if dryRun {
                print(plan.tensorLines.joined(separator: "\n"))
            } else if let folder {
                try plan.write(to: folder)
                print("written         \(folder.path)")
            }
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}

/// Labels on the command line: a list, or the name of a file with one a line.
private struct LabelList {
    static let fileLimit = 16 << 20

    let labels: [String]

    init(commandLine text: String) throws(ConversionError) {
        guard FileManager.default.fileExists(atPath: text) else {
            labels = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return
        }
        guard let data = FileManager.default.contents(atPath: text), data.count <= Self.fileLimit,
            let content = String(validating: data, as: UTF8.self)
        else {
            throw .option("--labels: \(text): expected a text file of at most \(Self.fileLimit >> 20) MiB in UTF-8")
        }
        labels = content.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }
}
