import ArgumentParser
import Conversion
import EfficientNet
import Foundation

struct ModelExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write a package's network for other programs.",
        discussion: """
            torchvision: safetensors with torchvision's names, of packages with symmetric padding and a linear head. \
            onnx: a model with input `input`, [N, 3, R, R], normalised with the package's mean and std, and output `logits`; its \
            metadata has the labels. timm reads a package's weights.safetensors as it is.

            Example: nightread model export models/chest --to onnx chest.onnx

            Exit status: 0 written, 64 a package that the format has no place for, 66 no such package, 73 the file cannot be \
            written.
            """)

    @Argument(help: "The model package.")
    var package: String

    @Option(help: "torchvision or onnx.")
    var to: Format

    @Argument(help: "The file to write; one that exists is replaced.")
    var file: String

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case torchvision, onnx
    }

    func run() throws {
        do {
            let package = try ModelPackage.open(URL(fileURLWithPath: package))
            let url = URL(fileURLWithPath: file)
            switch to {
            case .torchvision: try TorchvisionExport.tensors(of: package).write(to: url)
            case .onnx:
                let model = try ONNXExport.model(of: package)
                do { try model.write(to: url, options: .atomic) } catch {
                    throw EfficientNetError.cannotWrite(path: file, reason: error.localizedDescription)
                }
            }
            print(file)
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}
