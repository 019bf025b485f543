public import Foundation
public import Store

/// The report of one run: a page for people and a table for programs.
public enum FindingsReport {
    /// Writes the report of a run.
    ///
    /// Each file is complete or absent. Where the store is open for writing, a "report written" event is recorded.
    /// - Parameters:
    ///   - aggregation: how frames and scans are brought together; nil: as the run did.
    ///   - html: folder that gets `index.html`, made when missing; nil for none.
    ///   - csv: file; its folder is made when missing; nil for none.
    ///   - groupsCSV: file for the table of patients and DICOM studies; nil for none.
    ///   - program: `nightread 0.1.0`.
    /// - Throws: `ReportingError.store` with `noSuchRun`, `outputRefused` or `outputFull`.
    public static func write(
        store: StudyStore, run: String, aggregation: Aggregation? = nil, html: URL?, csv: URL?, groupsCSV: URL? = nil,
        program: String, at moment: Timestamp = .now()
    ) throws(ReportingError) {
        let facts = try fromStore { () throws(StoreError) in
            try RunFacts(store: store, run: run, aggregation: aggregation)
        }
        if let html {
            let page = try page(facts, store: store, program: program, at: moment)
            try publish(Array(page.utf8), to: html.appendingPathComponent("index.html"), of: run, in: store)
        }
        if let csv {
            try publish(FindingsTable.make(facts), to: csv, of: run, in: store)
        }
        if let groupsCSV {
            try publish(GroupsTable.make(facts), to: groupsCSV, of: run, in: store)
        }
    }

    /// The page alone.
    static func page(
        _ facts: RunFacts, store: StudyStore, program: String, at moment: Timestamp
    ) throws(ReportingError) -> String {
        let view = try fromStore { () throws(StoreError) in
            try FindingsPage(facts: facts).view(store: store, program: program, at: moment)
        }
        return try Templates.render("findings", view)
    }

    private static func publish(
        _ bytes: [UInt8], to file: URL, of run: String, in store: StudyStore
    ) throws(ReportingError) {
        try fromStore { () throws(StoreError) in
            try OutputFile.publish(bytes, to: file)
            if store.isWriter {
                try store.audit(
                    .reportWritten, subject: run,
                    details: [
                        "file": .string(file.path), "bytes": JSONValue(bytes.count),
                        "sha256": .string(OutputFile.digest(bytes)),
                    ])
            }
        }
    }
}
