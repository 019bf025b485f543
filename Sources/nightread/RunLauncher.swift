import ArgumentParser
import Foundation
import Pipeline
import Reporting
import Store

/// What `run`, `watch` and `rerun` do once they know their options: run, show, report, and leave with the right status.
enum RunLauncher {
    /// Runs to the end and writes the report, whatever the end is.
    static func run(_ path: String, options: RunOptions, style: RunDisplay.Style) throws {
        // Before any thread is started, so that all of them leave the signals alone.
        let signals = try leaving { try StopSignals() }
        let pipeline = try leaving { try PipelineFile.read(path) }
        try run(pipeline, options: options, style: style, signals: signals)
    }

    /// The same for a pipeline that has been read.
    static func run(
        _ pipeline: PipelineFile, options: RunOptions, style: RunDisplay.Style, signals: StopSignals
    ) throws {
        let display = RunDisplay(style, isWatching: options.watch != nil)
        var status = ExitStatus.success
        _ = try leaving {
            try Runner(pipeline, options: options, version: Nightread.version).run(
                signals: signals, observer: display,
                idle: { store, run in
                    // The report at the end is the one that counts; this one only is early.
                    _ = try? report(pipeline, store: store, run: run)
                }
            ) { store, result in
                status = ExitStatus(result)
                // A registry that cannot be written costs a convenience.
                try? StoreRegistry().remember(URL(fileURLWithPath: store.path))
                var reports: [String] = []
                do {
                    reports = try report(pipeline, store: store, run: result.run)
                } catch {
                    if status == .success || status == .someFailed { status = ExitStatus(error) }
                    FileHandle.standardError.write(Data("nightread: \(error)\n".utf8))
                }
                if let profile = options.profile {
                    // Not print: its buffer would come after what the display writes.
                    let text = style == .json ? profile.json.canonical : profile.table
                    FileHandle.standardOutput.write(Data((text + "\n").utf8))
                }
                display.finish(result, reports: reports, exit: (status.rawValue, status.meaning))
            }
        }
        guard status == .success else { throw status.code }
    }

    /// Shows what a run would do.
    static func plan(_ path: String, options: RunOptions, style: RunDisplay.Style) throws {
        let pipeline = try leaving { try PipelineFile.read(path) }
        let plan = try leaving { try Runner(pipeline, options: options, version: Nightread.version).plan() }
        if style == .json {
            let notes = { (notes: [RunPlan.Note]) in
                JSONValue.array(notes.map { ["path": .string($0.path), "reason": .string($0.reason)] })
            }
            let object: JSONValue = [
                "model": .string(plan.model.digest), "read": .array(plan.read.map(JSONValue.string)),
                "undecided": .array(plan.undecided.map(JSONValue.string)),
                "skipped": notes(plan.skipped), "unreadable": notes(plan.unreadable),
            ]
            print(object.canonical)
            return
        }
        if style == .people {
            for path in plan.read { print("read: \(path)") }
            for path in plan.undecided { print("look: \(path): read if it holds a scan") }
            for note in plan.skipped { print("skip: \(note.path): \(note.reason)") }
            for note in plan.unreadable { print("fail: \(note.path): \(note.reason)") }
        }
        print(
            "would read \(plan.read.count) scans with \(plan.model.name), look at \(plan.undecided.count) other files, skip \(plan.skipped.count), "
                + "and fail at \(plan.unreadable.count)")
    }

    /// Runs `body`; its error is printed and becomes the exit status.
    static func leaving<Value>(_ body: () throws -> Value) throws -> Value {
        do { return try body() } catch { throw ExitStatus.leave(error) }
    }

    /// Writes the report of a run where the pipeline file wants it.
    ///
    /// - Returns: the files' paths.
    private static func report(_ pipeline: PipelineFile, store: StudyStore, run: RunRecord) throws -> [String] {
        let html = pipeline.report.html.map { URL(fileURLWithPath: $0) }
        let csv = pipeline.report.csv.map { URL(fileURLWithPath: $0) }
        let groups = pipeline.report.groupsCSV.map { URL(fileURLWithPath: $0) }
        try FindingsReport.write(
            store: store, run: run.id, html: html, csv: csv, groupsCSV: groups,
            program: "nightread \(Nightread.version)")
        return [html?.appendingPathComponent("index.html"), csv, groups].compactMap { $0?.path }
    }
}
