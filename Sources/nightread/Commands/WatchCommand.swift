import ArgumentParser
import Foundation
import Pipeline

/// `nightread watch`
struct WatchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Reads scans as they arrive in the folders of a pipeline file.",
        discussion: """
            Example: nightread watch Pipelines/chest-phantom.yaml --until 06:30

            A scan is read once it was written completely and has not changed for `settle` seconds. Hidden files and *.part \
            are left alone. Ends at the given time, or finishes the scans in hand on Ctrl-C or SIGTERM; the report is \
            written at every end.

            Exit status: as for nightread run; 0 or 3 when the given time is over, 75 when a signal ended it.
            """)

    @Argument(help: "The pipeline file.", completion: .file(extensions: ["yaml", "yml"]))
    var pipeline: String

    @Option(help: ArgumentHelp("Stop when the clock shows this time (24 hours, local).", valueName: "hh:mm"))
    var until: String?

    @Option(
        name: .customLong("for"), help: ArgumentHelp("Stop after a span such as 8h, 90m or 1h30m.", valueName: "span"))
    var span: String?

    @OptionGroup
    var arguments: RunArguments

    func validate() throws {
        if until != nil, span != nil { throw ValidationError("expected either --until or --for, found both") }
        if let until, WatchEnd.seconds(until: until) == nil {
            throw ValidationError("expected --until as a time of day such as 06:30, found '\(until)'")
        }
        if let span, WatchEnd.seconds(for: span) == nil {
            throw ValidationError("expected --for as a span such as 8h, 90m or 1h30m, found '\(span)'")
        }
    }

    func run() throws {
        var options = arguments.options
        options.watch = WatchOptions(
            seconds: until.flatMap { WatchEnd.seconds(until: $0) } ?? span.flatMap { WatchEnd.seconds(for: $0) })
        try RunLauncher.run(pipeline, options: options, style: arguments.style)
    }
}
