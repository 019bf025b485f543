import Foundation
import Store
import Testing

@testable import Reporting

/// Expected values are worked by hand from the rules' definitions.
@Suite("Frames, scans, patients and studies brought together")
struct AggregationTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func near(_ left: [Double], _ right: [Double]) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) < 1e-12 }
    }

    @Test("Each rule is its definition, and one list stays as it is")
    func rules() {
        let lists = [[0.5, 0.2], [0.9, 0.4], [0.1, 0.0]]
        #expect(near(Aggregation.Rule.max.combined(lists), [0.9, 0.4]))
        #expect(near(Aggregation.Rule.mean.combined(lists), [0.5, 0.2]))
        // 1 − 0.5 · 0.1 · 0.9 and 1 − 0.8 · 0.6 · 1
        #expect(near(Aggregation.Rule.noisyOr.combined(lists), [0.955, 0.52]))
        for rule in Aggregation.Rule.allCases {
            #expect(rule.combined([[0.3, 0.7]]) == [0.3, 0.7])
            #expect(rule.combined([]) == [])
        }
    }

    /// Two patients: the first with two scans, one of them with three frames; the second with one; and a scan that names nobody.
    private func record(_ aggregation: Aggregation) throws -> String {
        var start = start(model())
        start.aggregation = aggregation
        let run = try scratch.store.beginRun(start).id
        func named(_ number: Int, patient: String?, study: String?, frames: Int = 1) -> ScanRecord {
            var record = scan(number, frames: frames)
            var attributes = ScanAttributes()
            attributes.patient = patient
            attributes.studyUID = study
            attributes.modality = patient == nil ? nil : "CR"
            attributes.acquisitionDate = patient == nil ? nil : "2024031\(number)"
            record.attributes = attributes
            return record
        }
        let rows: [(String, ScanRecord, [[Double]])] = [
            (
                "a", named(1, patient: "p-one", study: "1.2.3", frames: 3),
                [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1]]
            ),
            ("b", named(2, patient: "p-one", study: "1.2.4"), [[0.55, 0.4, 0.05]]),
            ("c", named(3, patient: "p-two", study: "1.2.5"), [[0.9, 0.06, 0.04]]),
            ("d", named(4, patient: nil, study: nil), [[0.1, 0.8, 0.1]]),
        ]
        for (index, (name, record, frames)) in rows.enumerated() {
            try scratch.store.recordRead(
                run: run, path: "/in/\(name).dcm", stamp: stamp(index + 1), scan: record,
                readings: frames.enumerated().map {
                    reading($1, frame: $0, png: $0 == 1 ? picture(seed: 3, lesion: true) : nil)
                })
        }
        try scratch.store.finishRun(run, status: .finished)
        return run
    }

    private func table(_ run: String, _ aggregation: Aggregation? = nil) throws -> [[String]] {
        let csv = scratch.folder.appendingPathComponent("groups.csv")
        try FindingsReport.write(
            store: scratch.store, run: run, aggregation: aggregation, html: nil, csv: nil, groupsCSV: csv, program: "")
        let lines = try String(contentsOf: csv, encoding: .utf8).components(separatedBy: "\r\n").dropLast()
        return lines.map { $0.components(separatedBy: ",") }
    }

    @Test("A scan's call is its frames' by the run's rule, and the frame that carries it is named")
    func scans() throws {
        for (rule, probabilities, finding, carrier) in [
            (Aggregation.Rule.max, [0.7, 0.6, 0.1], true, 1),
            // Means 1.6/3, 1.1/3, 0.1: no label over its threshold; normal is most probable in frame 0.
            (.mean, [1.6 / 3, 1.1 / 3, 0.1], false, 0),
            // 1 − 0.3·0.7·0.4, 1 − 0.8·0.4·0.7, 1 − 0.9³
            (.noisyOr, [0.916, 0.776, 0.271], true, 1),
        ] {
            let run = try record(Aggregation(frames: rule))
            let facts = try RunFacts(store: scratch.store, run: run)
            let scan = try #require(facts.scans.first)
            #expect(near(scan.probabilities, probabilities), "\(rule)")
            #expect(scan.call.finding == finding, "\(rule)")
            #expect(scan.carrier.frame == carrier, "\(rule)")
            #expect(facts.scans.map(\.frames.count) == [3, 1, 1, 1])
        }
    }

    @Test("The second table has a row per patient and per DICOM study, with the scan and frame that carry the call")
    func groups() throws {
        let run = try record(Aggregation(frames: .max, scans: .noisyOr))
        let rows = try table(run)
        #expect(rows.count == 6)
        let columns = Dictionary(uniqueKeysWithValues: rows[0].enumerated().map { ($1, $0) })
        func cell(_ row: Int, _ name: String) throws -> String { rows[row][try #require(columns[name])] }
        #expect(
            try (1...5).map { try cell($0, "group") } == ["patient", "patient"]
                + Array(repeating: "dicom-study", count: 3))
        #expect(try (1...5).map { try cell($0, "identifier") } == ["p-one", "p-two", "1.2.3", "1.2.4", "1.2.5"])
        #expect(try (1...5).map { try cell($0, "scans") } == ["2", "1", "1", "1", "1"])
        #expect(try (1...5).map { try cell($0, "frames") } == ["4", "1", "3", "1", "1"])
        // Of p-one's nodule: 1 − (1 − 0.6) · (1 − 0.4) = 0.76.
        #expect(abs(try #require(Double(try cell(1, "p_nodule"))) - 0.76) < 1e-12)
        #expect(try (1...5).map { try cell($0, "call") } == ["finding", "none", "finding", "none", "none"])
        #expect(try cell(1, "findings") == "nodule")
        #expect(try cell(1, "carrying_path") == "/in/a.dcm")
        #expect(try cell(1, "carrying_frame") == "1")
        #expect(try cell(1, "modalities") == "CR")
        #expect(try cell(1, "first_date") == "20240311" && cell(1, "last_date") == "20240312")
        #expect(try cell(1, "frame_rule") == "max" && cell(1, "scan_rule") == "noisy-or")
        // Asked for otherwise, with the same readings: the mean of 0.6 and 0.4.
        let mean = try table(run, Aggregation(frames: .max, scans: .mean))
        #expect(mean[1][try #require(columns["p_nodule"])] == "0.5")
    }

    @Test("The page has patients and studies, what is pseudonymous, and what belongs to none")
    func page() throws {
        try scratch.store.choose(StoredIdentifiers(policy: .pseudonyms, keyCheck: "00"))
        let run = try record(Aggregation())
        let folder = scratch.folder.appendingPathComponent("page")
        try FindingsReport.write(
            store: scratch.store, run: run, html: folder, csv: folder.appendingPathComponent("f.csv"), program: "")
        let page = try String(contentsOf: folder.appendingPathComponent("index.html"), encoding: .utf8)
        for text in [
            ">Patients</h2>", ">DICOM studies</h2>", "p-one", "1.2.4", "1 scan names no patient and is not here",
            "Identifiers are pseudonyms.", "frame 2 of 3", "CR · 2024-03-11 · patient p-one",
            "2024-03-11 to 2024-03-12",
            "1 scan has several frames, 3 in all; of each label, the largest probability of its frames counts",
            "findings on 2 scans",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        let table = try String(contentsOf: folder.appendingPathComponent("f.csv"), encoding: .utf8)
        let rows = table.components(separatedBy: "\r\n").map { $0.components(separatedBy: ",") }
        let columns = Dictionary(uniqueKeysWithValues: rows[0].enumerated().map { ($1, $0) })
        let frame = try #require(columns["carrying_frame"])
        let patient = try #require(columns["patient"])
        #expect(rows[1...3].map { $0[frame] } == ["1", "1", "1"])
        #expect(rows[1...6].map { $0[patient] } == ["p-one", "p-one", "p-one", "p-one", "p-two", ""])
    }

    @Test("A run whose files name nobody has no such sections")
    func nobody() throws {
        let run = try recordNight(scratch.store, model: model())
        let facts = try RunFacts(store: scratch.store, run: run)
        let view = try FindingsPage(facts: facts).view(store: scratch.store, program: "", at: .now())
        #expect(view["hasGroups"] as? Bool == false)
    }
}
