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
            one row per scan and frame, and one per file without a reading. The table of groups has one row per patient and per \
            DICOM study, where scans name them.

            Exit status: 0 written, 64 bad usage, 66 no such run or store, 73 cannot be created, 74 input/output error.
            """)

    @OptionGroup var source: RunSource

    @Argument(help: ArgumentHelp("A run: its id, the beginning of its id, or latest.", valueName: "run"))
    var name: String

    @Option(help: ArgumentHelp("Folder for index.html, made when missing.", valueName: "folder"))
    var html: String?

    @Option(help: ArgumentHelp("File for the table.", valueName: "file"))
    var csv: String?

    @Option(help: ArgumentHelp("File for the table of patients and DICOM studies.", valueName: "file"))
    var groupsCsv: String?

    @Option(
        help: ArgumentHelp("How the frames of a scan are brought together (default: as the run did).", valueName: rules)
    )
    var frames: String?

    @Option(
        help: ArgumentHelp(
            "How the scans of a patient or DICOM study are brought together (default: as the run did).",
            valueName: rules))
    var scans: String?

    private static let rules = Aggregation.Rule.allCases.map(\.rawValue).joined(separator: "|")

    func validate() throws {
        if html == nil, csv == nil, groupsCsv == nil {
            throw ValidationError("say where to: --html FOLDER, --csv FILE, --groups-csv FILE, or several of them")
        }
        for (name, rule) in [("frames", frames), ("scans", scans)] {
            if let rule, Aggregation.Rule(rawValue: rule) == nil {
                throw ValidationError("expected --\(name) to be one of \(Self.rules), found '\(rule)'")
            }
        }
    }

    func run() throws {
        do {
            let found = try source.registry.resolve(run: name, store: source.store)
            let store = RunSource.forWriting(found.store)
            let html = html.map { URL(fileURLWithPath: $0) }
            let csv = csv.map { URL(fileURLWithPath: $0) }
            let groups = groupsCsv.map { URL(fileURLWithPath: $0) }
            let own = found.run.aggregation
            let aggregation = Aggregation(
                frames: frames.flatMap(Aggregation.Rule.init) ?? own.frames,
                scans: scans.flatMap(Aggregation.Rule.init) ?? own.scans)
            try FindingsReport.write(
                store: store, run: found.run.id, aggregation: aggregation, html: html, csv: csv, groupsCSV: groups,
                program: "nightread \(Nightread.version)")
            for file in [html?.appendingPathComponent("index.html"), csv, groups].compactMap(\.self) {
                print(file.path)
            }
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}
