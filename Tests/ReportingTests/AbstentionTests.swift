import Foundation
import Store
import Testing

@testable import Reporting

@Suite("What reports say of scans unlike a model's training")
struct AbstentionTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func limited(_ variant: String = "b0", limit: Double? = 30) -> ModelRecord {
        let plain = model(variant)
        return ModelRecord(
            digest: plain.digest, name: plain.name, variant: variant, labels: plain.labels,
            thresholds: plain.thresholds,
            negativeLabel: plain.negativeLabel,
            abstainLimit: limit.map { AbstainLimit(distance: $0, falseAbstainRate: 0.01) }, manifestJSON: "{}",
            path: plain.path)
    }

    private func reading(
        _ probabilities: [Double], frame: Int = 0, distance: Double?, isAbstained: Bool = false, png: [UInt8]? = nil
    ) -> NewReading {
        NewReading(
            frame: frame, probabilities: probabilities, distance: distance, isAbstained: isAbstained,
            decodeMilliseconds: 1, prepareMilliseconds: 1, networkMilliseconds: 20, thumbnailPNG: png)
    }

    /// A finding, a scan without, two that are unlike (one of a patient of its own), and one of three frames that is so in part.
    private func record(_ model: ModelRecord) throws -> String {
        let run = try scratch.store.beginRun(start(model)).id
        func named(_ number: Int, _ patient: String, frames: Int = 1) -> ScanRecord {
            var record = scan(number, frames: frames)
            var attributes = ScanAttributes()
            attributes.patient = patient
            record.attributes = attributes
            return record
        }
        let far = model.abstainLimit != nil
        let rows: [(String, ScanRecord, [NewReading])] = [
            (
                "finding.png", named(1, "p-1"),
                [reading([0.1, 0.8, 0.1], distance: 12, png: picture(seed: 1, lesion: true))]
            ),
            ("normal.png", named(2, "p-1"), [reading([0.9, 0.05, 0.05], distance: 14.5)]),
            (
                "blank.png", named(3, "p-1"),
                [reading([0, 0.99, 0.01], distance: 48, isAbstained: far, png: picture(seed: 2, lesion: false))]
            ),
            (
                "hand<b>.png", named(4, "p-2"),
                [reading([0, 0.01, 0.99], distance: 1204.25, isAbstained: far, png: picture(seed: 3, lesion: false))]
            ),
            (
                "volume.tif", named(5, "p-3", frames: 3),
                [
                    reading([0, 0.99, 0.01], distance: 77, isAbstained: far),
                    reading([0.8, 0.1, 0.1], frame: 1, distance: 10), reading([0.7, 0.2, 0.1], frame: 2, distance: 11),
                ]
            ),
        ]
        for (index, (name, scan, readings)) in rows.enumerated() {
            try scratch.store.recordRead(
                run: run, path: "/in/\(name)", stamp: stamp(index + 1), scan: scan, readings: readings)
        }
        try scratch.store.finishRun(run, status: .finished)
        return run
    }

    /// A CSV without quoted cells, as rows by column name.
    private func table(_ file: URL) throws -> [[String: String]] {
        let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\r\n").filter { !$0.isEmpty }
        let names = lines.first?.components(separatedBy: ",") ?? []
        return lines.dropFirst().map { line in
            Dictionary(zip(names, line.components(separatedBy: ",")), uniquingKeysWith: { first, _ in first })
        }
    }

    private func report(_ run: String, _ name: String) throws -> (page: String, readings: URL, groups: URL) {
        let folder = scratch.reports
        let html = folder.appendingPathComponent(name)
        let csv = html.appendingPathComponent("readings.csv"), groups = html.appendingPathComponent("groups.csv")
        try FindingsReport.write(
            store: scratch.store, run: run, html: html, csv: csv, groupsCSV: groups, program: "nightread 0.1.0")
        return (
            try String(contentsOf: html.appendingPathComponent("index.html"), encoding: .utf8), csv, groups
        )
    }

    @Test("The page shows them in a section of their own, farthest first and with pictures, and not among the findings")
    func page() throws {
        let run = try record(limited())
        let (page, _, _) = try report(run, "abstained")
        #expect(
            page.contains(
                "5 scans read with chest-phantom-b0; findings on 1 scan; 2 scans unlike the model&#39;s training;"))
        #expect(page.contains("5 seen = 5 read (2 abstained) + 0 duplicate"))
        #expect(page.contains("<b>2</b><span>abstained</span>"))
        let section = try #require(
            page.components(separatedBy: "<section aria-labelledby=\"abstained\">").last?
                .components(separatedBy: "</section>").first)
        #expect(section.components(separatedBy: "<li class=\"card\">").count == 3)
        #expect(section.components(separatedBy: "src=\"data:image/png;base64,").count == 3)
        for text in [
            "its limit of 30.00, which 1 % of", "1,204", "48.00", "1.60 × the limit", "40 × the limit", "patient p-2",
        ] {
            #expect(section.contains(text), "\(text)")
        }
        let hand = try #require(section.range(of: "hand&lt;b&gt;.png")),
            blank = try #require(section.range(of: "blank.png"))
        #expect(hand.lowerBound < blank.lowerBound)
        let findings = try #require(
            page.components(separatedBy: "<section aria-labelledby=\"findings\">").last?
                .components(separatedBy: "</section>").first)
        #expect(findings.contains("finding.png") && !findings.contains("blank.png"))
        // The charts hold the three scans that have a call; of the volume the two frames that count.
        #expect(page.contains("1 of 3 at or over 0.500") && page.contains("0 of 3 at or over 0.450"))
        #expect(page.contains("1 frame of 1 scan is unlike what the model was trained on and does not count."))
        #expect(page.contains("no call beyond a distance of 30.00"))
        #expect(
            page.contains(
                "2 scans are unlike what the model was trained on and do not count, unless a patient has no other."))
        #expect(!page.contains("Uncalibrated scans"))
        // No probability of what the model does not know: of neither scan, nor of the patient that has no other.
        #expect(!page.contains("0.990") && !page.contains("0.010"))
    }

    @Test("The tables say of every frame whether it was abstained on and how far it lies")
    func tables() throws {
        let (_, readings, groups) = try report(try record(limited()), "tables")
        let rows = try table(readings)
        #expect(rows.map { $0["abstained"] } == ["1", "0", "1", "0", "1", "0", "0"])
        #expect(rows.map { $0["distance"] } == ["48", "12", "1204.25", "14.5", "77", "10", "11"])
        #expect(rows.map { $0["call"] } == ["abstained", "finding", "abstained", "none", "abstained", "none", "none"])
        #expect(rows.map { $0["findings"] } == ["", "nodule", "", "", "", "", ""])
        #expect(rows.map { $0["scan_call"] } == ["abstained", "finding", "abstained", "none", "none", "none", "none"])
        #expect(rows.map { $0["carrying_frame"] } == ["0", "0", "0", "0", "1", "1", "1"])
        let patients = try table(groups)
        #expect(patients.map { $0["identifier"] } == ["p-1", "p-2", "p-3"])
        #expect(patients.map { $0["call"] } == ["finding", "abstained", "none"])
        #expect(patients.map { $0["abstained_scans"] } == ["1", "1", "0"])
        // Of p-1 the largest probabilities of the two scans that count.
        #expect(patients[0]["p_nodule"] == "0.8" && patients[0]["scans"] == "3")
    }

    @Test("A model that knows nothing of its training has no such section, and empty cells; abstain: false says so")
    func without() throws {
        let run = try scratch.store.beginRun(start(model("b1"))).id
        try scratch.store.recordRead(
            run: run, path: "/in/a.png", stamp: stamp(1), scan: scan(1),
            readings: [reading([0.9, 0.1, 0], distance: nil)])
        let (page, readings, _) = try report(run, "without")
        #expect(!page.contains("abstained") && !page.contains("Unlike"))
        let row = try #require(try table(readings).first)
        #expect(row["abstained"] == "" && row["distance"] == "")

        var begin = start(limited())
        begin.preprocessingDigest = String(repeating: "cd", count: 32)
        begin.preprocessingJSON = #"{"abstain":false,"resolution":224}"#
        let called = try scratch.store.beginRun(begin).id
        try scratch.store.recordRead(
            run: called, path: "/in/a.png", stamp: stamp(1), scan: scan(1),
            readings: [reading([0.1, 0.8, 0.1], distance: 99)])
        let all = try report(called, "called")
        #expect(all.page.contains("a call at any distance (abstain: false)"))
        #expect(!all.page.contains("id=\"abstained\"") && all.page.contains("findings on 1 scan"))
        #expect(try table(all.readings).first?["distance"] == "99")
    }

    @Test("A run that abstains on everything says so")
    func nothingElse() throws {
        let run = try scratch.store.beginRun(start(limited())).id
        try scratch.store.recordRead(
            run: run, path: "/in/a.png", stamp: stamp(1), scan: scan(1),
            readings: [reading([0.1, 0.8, 0.1], distance: .infinity, isAbstained: true)])
        let (page, readings, _) = try report(run, "everything")
        #expect(page.contains("Every scan is unlike what the model was trained on"))
        #expect(page.contains("beyond measure"))
        #expect(try table(readings).first?["distance"] == "inf")
        #expect(!page.contains("How the probabilities lie"))
    }

    @Test("In a comparison abstaining is no disagreement: counted, shown with both distances, and left out of kappa")
    func comparison() throws {
        let a = try record(limited())
        let second = limited("b1", limit: 50)
        let b = try scratch.store.beginRun(start(second)).id
        // Of the same scans: one call differs, the blank is unlike to A alone, the hand to both.
        for (number, probabilities, distance) in [
            (1, [0.9, 0.05, 0.05], 20.0), (2, [0.9, 0.05, 0.05], 21), (3, [0.9, 0.05, 0.05], 40),
            (4, [0.1, 0.8, 0.1], 75),
        ] {
            try scratch.store.recordRead(
                run: b, path: "/in/\(number)", stamp: stamp(number), scan: scan(number),
                readings: [reading(probabilities, distance: distance, isAbstained: distance > 50)])
        }
        try scratch.store.finishRun(b, status: .finished)
        let comparison = try Comparison(first: a, in: scratch.store, second: b, in: scratch.store)
        #expect(comparison.count(.abstained) == 2)
        #expect(comparison.abstained.map(\.firstCall) == ["abstained", "abstained"])
        #expect(comparison.abstained.map(\.secondCall) == ["no finding", "abstained"])
        #expect(comparison.count(.changed) == 1 && comparison.count(.same) == 1)
        #expect(comparison.agreement.total == 2)
        #expect(comparison.text.contains("  abstained          2\n"))
        #expect(comparison.notes.contains { $0.hasPrefix("2 frames are unlike what a model was trained on;") })
        let object = try JSONSerialization.jsonObject(with: Data(comparison.json.canonical.utf8)) as? [String: Any]
        #expect(object?["abstained"] as? Int == 2 && object?["changed"] as? Int == 1)
        let folder = scratch.reports
        let html = folder.appendingPathComponent("abstained-comparison")
        let csv = html.appendingPathComponent("frames.csv")
        try ComparisonReport.write(
            comparison, first: scratch.store, second: scratch.store, html: html, csv: csv, program: "nightread 0.1.0")
        let page = try String(contentsOf: html.appendingPathComponent("index.html"), encoding: .utf8)
        let section = try #require(
            page.components(separatedBy: "<section aria-labelledby=\"abstained\">").last?
                .components(separatedBy: "</section>").first)
        for text in [
            "Both abstain on 1, A alone on 1, B alone on 0.", "A: abstained · B: no finding",
            "A: abstained · B: abstained",
            "B, distance: 40.00, limit 50.00", "A, distance: 48.00, limit 30.00",
            // Of bars that are whole at 4 limits or more, 48 / 30 are 40 %, and the mark is at a quarter.
            "width=\"40.0\"", "width=\"100.0\"", "x1=\"25.0\"",
        ] {
            #expect(section.contains(text), "\(text)")
        }
        #expect(section.components(separatedBy: "src=\"data:image/png;base64,").count == 3)
        let rows = try table(csv)
        #expect(rows.map { $0["comparison"] } == ["abstained", "changed", "abstained", "same"])
        #expect(rows.map { $0["abstained_a"] } == ["1", "0", "1", "0"])
        #expect(rows.map { $0["abstained_b"] } == ["0", "0", "1", "0"])
        #expect(rows.map { $0["distance_a"] } == ["48", "12", "1204.25", "14.5"])
        #expect(rows.map { $0["distance_b"] } == ["40", "20", "75", "21"])
    }
}
