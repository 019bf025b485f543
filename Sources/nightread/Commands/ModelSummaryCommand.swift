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

    @Option(help: "Head: linear, mlp, flatten-linear or flatten-mlp.")
    var head: ModelManifest.Head.Kind = .linear

    @Option(help: "Units of a hidden layer of mlp and flatten-mlp; given again: of the next one.")
    var hidden = [256]

    @Option(help: "Number of labels.")
    var labels = 1000

    @Option(help: "Side of the input in pixels; the variant's own where absent.")
    var resolution: Int?

    @Flag(help: "Leave the head out.")
    var withoutTop = false

    func validate() throws {
        guard (1...ModelManifest.Head.hiddenLimit).contains(hidden.count),
            hidden.allSatisfy(ModelManifest.Head.units.contains)
        else {
            throw ValidationError(
                "--hidden: expected 1 to \(ModelManifest.Head.hiddenLimit) layers of 1 to 65536 units, found \(hidden)")
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

extension Variant: ExpressibleByArgument {
    /// Any of the names `Variant.init(name:)` takes.
    public init?(argument: String) {
        self.init(name: argument)
    }
}

extension ModelManifest.Head.Kind: ExpressibleByArgument {}
extension ModelManifest.Padding: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}
