import ArgumentParser
import Foundation
import Pipeline
import Store

/// `nightread rerun`
struct RerunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerun",
        abstract: "Reads the scans of an earlier run again, with another variant's model.",
        discussion: """
            Example: nightread rerun latest --variant b1

            The pipeline file of the earlier run says which model that is. The new run refers to the earlier one; compare both \
            with nightread compare. Its report goes into a folder and a file named after the variant, beside the earlier one.
            """)

    @Argument(help: ArgumentHelp("The earlier run: its id, the beginning of its id, or 'latest'.", valueName: "run"))
    var earlier: String

    @OptionGroup
    var arguments: RunArguments

    func validate() throws {
        guard arguments.variant != nil else { throw ValidationError("expected --variant with the model to read with") }
    }

    func run() throws {
        let signals = try RunLauncher.leaving { try StopSignals() }
        let (pipeline, options) = try RunLauncher.leaving {
            let found = try StoreRegistry().resolve(run: earlier, store: arguments.store)
            return try Rerun.prepare(found.run, in: found.store, options: arguments.options)
        }
        try RunLauncher.run(pipeline, options: options, style: arguments.style, signals: signals)
    }
}
