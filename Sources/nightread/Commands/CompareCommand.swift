import ArgumentParser
import Foundation
import Reporting
import Store

/// `nightread compare`
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compares two runs: agreement, Cohen's kappa, changed findings, time per scan.",
        discussion: """
            Example: nightread compare 20261124-0130 latest --html reports/b0-b1

            Frames are matched by content. Each run's calls come from its own model's thresholds; frames that are \
            uncalibrated in one of the runs, or that one of them abstained on, are left out of kappa, and counted.

            Exit status: 0 compared, 64 bad usage, 66 no such run or store, 73 cannot be created, 74 input/output error.
            """)

    @OptionGroup var source: RunSource

    @Argument(help: "The first run: its id, the beginning of its id, or latest.")
    var first: String

    @Argument(help: "The second run.")
    var second: String

    @Option(help: ArgumentHelp("Folder for index.html, made when missing.", valueName: "folder"))
    var html: String?

    @Option(help: ArgumentHelp("File for the table, one row per frame.", valueName: "file"))
    var csv: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        do {
            let a = try source.registry.resolve(run: first, store: source.store)
            let b = try source.registry.resolve(run: second, store: source.store)
            let comparison = try Comparison(first: a.run.id, in: a.store, second: b.run.id, in: b.store)
            if html != nil || csv != nil {
                try ComparisonReport.write(
                    comparison, first: RunSource.forWriting(a.store), second: b.store,
                    html: html.map { URL(fileURLWithPath: $0) }, csv: csv.map { URL(fileURLWithPath: $0) },
                    program: "nightread \(Nightread.version)")
            }
            print(json ? comparison.json.canonical : comparison.text)
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}
