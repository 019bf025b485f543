import ArgumentParser
import EfficientNet
import Tensors

struct ModelSummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary",
        abstract: "Print a variant's layers, output shapes and parameters.",
        discussion: """
            The table has Keras' columns, so that both can be laid side by side. Batch norm's running statistics count \
            as non-trainable. Keras' total for B0 is larger by 7: its normalisation of the image is a layer there.

            Example: nightread model summary b0 --without-top
            """)

    @Argument(help: "Variant: \(Variant.names).")
    var variant: Variant

    @Option(help: "Head: linear, mlp or flatten-mlp.")
    var head: HeadKind = .linear

    @Option(help: "Units of the hidden layer of mlp and flatten-mlp.")
    var hidden = 256

    @Option(help: "Number of labels.")
    var labels = 1000

    @Option(help: "Side of the input in pixels; the variant's own where absent.")
    var resolution: Int?

    @Flag(help: "Leave the head out.")
    var withoutTop = false

    func validate() throws {
        guard (1...65_536).contains(hidden) else {
            throw ValidationError("--hidden: expected 1 to 65536, found \(hidden)")
        }
        guard (1...100_000).contains(labels) else {
            throw ValidationError("--labels: expected 1 to 100000, found \(labels)")
        }
        guard (1...4096).contains(resolution ?? 1) else {
            throw ValidationError("--resolution: expected 1 to 4096 pixels, found \(resolution ?? 0)")
        }
    }

    func run() {
        print(
            Summary(variant, head: withoutTop ? nil : head.head(hidden: hidden), labels: labels, resolution: resolution)
        )
    }
}

/// A head on the command line.
enum HeadKind: String, ExpressibleByArgument, CaseIterable {
    case linear, mlp
    case flattenMLP = "flatten-mlp"

    func head(hidden: Int) -> ModelManifest.Head {
        switch self {
        case .linear: .linear
        case .mlp: .mlp(hidden: hidden)
        case .flattenMLP: .flattenMLP(hidden: hidden)
        }
    }
}

extension Variant: ExpressibleByArgument {
    /// Any of the names `Variant.init(name:)` takes.
    public init?(argument: String) {
        self.init(name: argument)
    }
}

extension ModelManifest.Padding: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
