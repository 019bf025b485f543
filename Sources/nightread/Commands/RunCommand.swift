import ArgumentParser
import EfficientNet
import Foundation
import Pipeline

/// What `run`, `watch` and `rerun` have in common.
struct RunArguments: ParsableArguments {
    @Option(help: "Read with this variant's model of the pipeline file: \(Variant.names).")
    var variant: String?

    @Option(help: "Scans read at the same time (default: the pipeline file's, else one per core).")
    var workers: Int?

    @Option(help: ArgumentHelp("Another store than the pipeline file's.", valueName: "file"))
    var store: String?

    @Flag(help: "Try content again that took processes down in two runs.")
    var retryQuarantined = false

    @Flag(name: .shortAndLong, help: "Print nothing but errors and the final ledger.")
    var quiet = false

    @Flag(help: "Print one JSON object a line for every event.")
    var json = false

    func validate() throws {
        if let variant, Variant(name: variant) == nil {
            throw ValidationError("expected --variant \(Variant.names), found '\(variant)'")
        }
        if let workers, !(1...1024).contains(workers) {
            throw ValidationError("expected --workers from 1 to 1024, found \(workers)")
        }
    }

    /// As the runner takes them.
    var options: RunOptions {
        var options = RunOptions()
        options.variant = variant.flatMap(Variant.init(name:))
        options.workers = workers
        options.store = store.map { URL(fileURLWithPath: $0).path }
        options.retryQuarantined = retryQuarantined
        return options
    }

    var style: RunDisplay.Style { json ? .json : quiet ? .quiet : .people }
}

/// `nightread run`
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Reads every scan that a pipeline file names, and writes the report.",
        discussion: """
            Example: nightread run Pipelines/chest-phantom.yaml

            What was read before is recognised by its content and not read again; a run that was stopped goes on where it \
            was. Ctrl-C finishes the scans in hand and stops; a second Ctrl-C stops at once.

            Exit status: 0 all read, 3 some scans failed, 64 bad usage or pipeline file, 66 input missing, \
            73 output cannot be created, 74 input/output error, 75 stopped by a signal (run again to resume).
            """)

    @Argument(help: "The pipeline file.", completion: .file(extensions: ["yaml", "yml"]))
    var pipeline: String

    @OptionGroup
    var arguments: RunArguments

    @Option(help: "Read at most so many scans now; the next run goes on.")
    var limit: Int?

    @Flag(
        help: "Print at the end where each lane's time went: decoding, preparation, network, store, hashing, waiting.")
    var profile = false

    @Flag(help: "List what would be read and what would be left alone; open and write nothing.")
    var dryRun = false

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("expected --limit of at least 1, found \(limit)") }
    }

    func run() throws {
        var options = arguments.options
        options.limit = limit
        if profile { options.profile = RunProfile() }
        if dryRun {
            try RunLauncher.plan(pipeline, options: options, style: arguments.style)
        } else {
            try RunLauncher.run(pipeline, options: options, style: arguments.style)
        }
    }
}
