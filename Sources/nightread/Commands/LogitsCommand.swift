import ArgumentParser
import EfficientNet
import Foundation
import Tensors

struct LogitsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logits",
        abstract: "Run a network over a prepared input and print its logits.",
        discussion: """
            For checks against other implementations. The weights are a safetensors file with timm's names; the input is a \
            safetensors file with the tensor `input`, [N, 3, H, W], F32, already normalised. H and W need not be the \
            variant's own. The number of labels is the classifier's.

            Example: nightread logits --weights b0.safetensors --variant b0 --convention symmetric --input x.safetensors --json
            """)

    @Option(help: "Weights: a safetensors file (F32, F16 or BF16).")
    var weights: String

    @Option(help: "Variant: \(Variant.names).")
    var variant: Variant

    @Option(help: "How stride-2 convolutions pad: symmetric (timm, torchvision) or same (TensorFlow, Keras).")
    var convention: ModelManifest.Padding

    @Option(help: "Added to batch norm's variances; 1e-5 for symmetric and 1e-3 for same where absent.")
    var batchNormEpsilon: Double?

    @Option(help: "Precision of the arithmetic: f32 or bf16 (float where the machine has no instructions for it).")
    var precision = Precision.f32

    @Option(help: "Input: a safetensors file with the tensor `input`.")
    var input: String

    @Flag(help: "Print {\"logits\": [[…]]}.")
    var json = false

    func validate() throws {
        guard batchNormEpsilon.map({ $0 > 0 && $0 < 1 }) ?? true else {
            throw ValidationError(
                "--batch-norm-epsilon: expected a number between 0 and 1, found \(batchNormEpsilon ?? 0)")
        }
    }

    func run() throws {
        do {
            let file = try SafetensorsFile(contentsOf: URL(fileURLWithPath: weights))
            let input = try SafetensorsFile(contentsOf: URL(fileURLWithPath: input)).tensor("input")
            let network = try Network(
                file, variant: variant, padding: convention, batchNormEpsilon: batchNormEpsilon, input: input.shape,
                precision: precision)
            if let note = precision.note(on: network.instructionSet) {
                FileHandle.standardError.write(Data("nightread: \(note)\n".utf8))
            }
            try print(network.logits(input))
        } catch {
            throw ExitStatus.leave(error)
        }
    }

    private func print(_ logits: Tensor) {
        let rows = (0..<logits.shape[0]).map { logits.scalars[$0 * logits.shape[1]..<($0 + 1) * logits.shape[1]] }
        if json {
            // Swift prints the shortest digits that read back as the same float; JSON has no NaN.
            let lists = rows.map { "[\($0.map { $0.isFinite ? "\($0)" : "null" }.joined(separator: ", "))]" }
            Swift.print("{\"logits\": [\(lists.joined(separator: ", "))]}")
            return
        }
        for (image, row) in rows.enumerated() {
            Swift.print("image \(image): \(row.count) logits, strongest first")
            for (label, value) in zip(row.indices, row).sorted(by: { $0.1 > $1.1 }).prefix(10) {
                Swift.print("  label \(label - row.startIndex)\t\(value)")
            }
        }
    }
}
