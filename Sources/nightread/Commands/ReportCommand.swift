import ArgumentParser
import Foundation
import Reporting
import Store

/// `nightread report`
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes the findings report of a run: a page and a table.",
        discussion: """
            Example: nightread report latest --html reports/tonight --csv reports/tonight.csv

            The page is one file (index.html) that opens from disk and loads nothing. The table is CSV (RFC 4180, UTF-8), \
            one row per scan and frame, and one per file without a reading.

            Exit status: 0 written, 64 bad usage, 66 no such run or store, 73 cannot be created, 74 input/output error.
            """)

    @OptionGroup var source: RunSource

    @Argument(help: ArgumentHelp("A run: its id, the beginning of its id, or latest.", valueName: "run"))
    var name: String

    @Option(help: ArgumentHelp("Folder for index.html, made when missing.", valueName: "folder"))
    var html: String?

    @Option(help: ArgumentHelp("File for the table.", valueName: "file"))
    var csv: String?

    func validate() throws {
        if html == nil, csv == nil { throw ValidationError("say where to: --html FOLDER, --csv FILE, or both") }
    }

    func run() throws {
        do {
            let found = try source.registry.resolve(run: name, store: source.store)
            let store = RunSource.forWriting(found.store)
            let html = html.map { URL(fileURLWithPath: $0) }
            let csv = csv.map { URL(fileURLWithPath: $0) }
            try FindingsReport.write(
                store: store, run: found.run.id, html: html, csv: csv, program: "nightread \(Nightread.version)")
            for file in [html?.appendingPathComponent("index.html"), csv].compactMap(\.self) { print(file.path) }
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}
