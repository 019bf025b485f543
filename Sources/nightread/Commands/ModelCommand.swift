import ArgumentParser

/// Groups the commands about networks.
struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Look into networks, and make model packages.",
        subcommands: [
            ModelListCommand.self, ModelSummaryCommand.self, ModelNewCommand.self, ModelExportCommand.self,
        ])
}
