import Foundation
import Store
import Testing

@testable import Reporting

@Suite("Comparison of two runs")
struct ComparisonTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// A run that read scan 1, 2, 3 … with these probabilities.
    func run(_ model: ModelRecord, from first: Int = 1, _ readings: [[Double]]) throws -> String {
        let run = try scratch.store.beginRun(start(model)).id
        for (index, probabilities) in readings.enumerated() {
            let number = first + index
            try scratch.store.recordRead(
                run: run, path: "/in/\(model.variant)-\(number).png", stamp: stamp(number), scan: scan(number),
                readings: [reading(probabilities, png: picture(seed: UInt64(number), lesion: true, side: 32))])
        }
        try scratch.store.finishRun(run, status: .finished)
        return run
    }

    func compare(_ first: String, _ second: String) throws -> Comparison {
        try Comparison(first: first, in: scratch.store, second: second, in: scratch.store)
    }

    /// Pairs of calls that make the given table.
    func pairs(_ table: [[Int]]) -> [(first: String, second: String)] {
        table.enumerated().flatMap { a, row in
            row.enumerated().flatMap { b, count in
                [(first: String, second: String)](repeating: ("\(a)", "\(b)"), count: count)
            }
        }
    }

    @Test("Kappa is the one that the textbook's and numpy's formula gives")
    func kappa() throws {
        // numpy: po = trace/n, pe = Σ rows × columns / n², (po − pe) / (1 − pe); the first table is the usual textbook example.
        for (table, expected) in [
            ([[20, 5], [10, 15]], 0.4), ([[22, 3, 1], [2, 14, 4], [0, 5, 9]], 0.6153846153846154),
            ([[0, 3], [3, 0]], -1),
            ([[5, 0], [2, 0]], 0),
        ] {
            let kappa = try #require(Agreement(pairs(table)).kappa)
            #expect(abs(kappa - expected) < 1e-12)
        }
    }

    @Test("Kappa is undefined without cases and when both raters only ever made one call")
    func degenerate() {
        #expect(Agreement([]).kappa == nil)
        #expect(Agreement([]).share == nil)
        let constant = Agreement(pairs([[7]]))
        #expect(constant.kappa == nil)
        #expect(constant.share == 1)
    }

    @Test("Frames are matched by content; agreement, changes and what only one run read are counted")
    func counted() throws {
        // Thresholds: b0 nodule 0.5, effusion 0.45; b1 nodule 0.9, effusion 0.45.
        let a = try run(
            model(), [[0.1, 0.8, 0.1], [0.9, 0.05, 0.05], [0.2, 0.1, 0.7], [0.1, 0.85, 0.05], [0.9, 0.1, 0]])
        let b = try run(
            model("b1", thresholds: ["nodule": 0.9, "effusion": 0.45]), from: 2,
            [[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0.3, 0.6, 0.1], [0.1, 0.95, 0], [0.9, 0.1, 0]])
        let comparison = try compare(a, b)
        #expect(comparison.pairs.count == 4)
        #expect(comparison.onlyFirst == 1)
        #expect(comparison.onlySecond == 1)
        #expect(comparison.pairs.map(\.firstCall) == ["no finding", "effusion", "nodule", "no finding"])
        #expect(comparison.pairs.map(\.secondCall) == ["no finding", "effusion", "no finding", "nodule"])
        #expect(comparison.agreement.categories == ["no finding", "nodule", "effusion"])
        #expect(comparison.agreement.counts == [[1, 1, 0], [1, 0, 0], [0, 0, 1]])
        // numpy, the same table.
        #expect(abs((comparison.agreement.kappa ?? 0) - 0.2) < 1e-12)
        #expect(comparison.changed.map(\.first.path) == ["/in/b0-5.png", "/in/b0-4.png"])
        #expect(comparison.firstMedian.map { abs($0 - 30.8) < 1e-9 } == true)
        #expect(comparison.summary == "2 of 4 frames with a call in both runs agree (50.0 %). Cohen's kappa is 0.200.")
    }

    @Test("Without thresholds there is no call to compare: such frames are left out of kappa and counted")
    func uncalibrated() throws {
        let a = try run(model(), [[0.1, 0.8, 0.1], [0.9, 0.05, 0.05]])
        let b = try run(model("b1", thresholds: [:]), [[0.1, 0.8, 0.1], [0.9, 0.05, 0.05]])
        let comparison = try compare(a, b)
        #expect(comparison.count(.uncalibrated) == 1)
        #expect(comparison.count(.same) == 1)  // the negative label needs no threshold
        #expect(comparison.agreement.total == 1)
        #expect(comparison.notes.contains { $0.contains("no threshold for nodule, effusion") })
    }

    @Test("Different labels are named, and what only one model can call is not compared")
    func labels() throws {
        let a = try run(model(), [[0.1, 0.8, 0.1], [0.1, 0.1, 0.8]])
        let b = try run(
            model("b1", labels: ["normal", "effusion", "fracture"], thresholds: ["effusion": 0.5, "fracture": 0.5]),
            [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1]])
        let comparison = try compare(a, b)
        #expect(comparison.sharedLabels == ["normal", "effusion"])
        #expect(comparison.count(.incomparable) == 1)
        #expect(comparison.count(.same) == 1)
        #expect(comparison.notes.first?.contains("only A has nodule, only B has fracture") == true)
    }

    @Test("Page, table, text and JSON of two hostile nights hold nothing that runs, and are recorded")
    func written() throws {
        let a = try recordNight(scratch.store, model: model())
        let b = try recordNight(scratch.store, model: model("b1"), seed: 8, rerunOf: a)
        let comparison = try compare(a, b)
        let folder = scratch.reports
        let html = folder.appendingPathComponent("comparison")
        let csv = html.appendingPathComponent("comparison.csv")
        try ComparisonReport.write(
            comparison, first: scratch.store, second: scratch.store, html: html, csv: csv, program: "nightread 0.1.0")
        let page = try String(contentsOf: html.appendingPathComponent("index.html"), encoding: .utf8)
        for forbidden in ["<script", "<img src=x", "\"http:", "https:", "\u{202E}", "\"\u{301}"] {
            #expect(!page.unicodeScalars.contains(forbidden.unicodeScalars), "\(forbidden)")
        }
        #expect(page.contains("Cohen&#39;s kappa is") && page.contains(a) && page.contains(b))
        let table = try String(contentsOf: csv, encoding: .utf8)
        #expect(table.components(separatedBy: "\r\n").count == 44)  // header, 42 frames, end
        #expect(!comparison.text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" })
        let object = try JSONSerialization.jsonObject(with: Data(comparison.json.canonical.utf8)) as? [String: Any]
        #expect(object?["frames"] as? Int == 42)
        #expect(
            try scratch.store.auditEvents(after: 0, limit: 1000).suffix(2).map(\.action) == [
                "comparison written", "comparison written",
            ])
    }

    @Test("Runs without anything in common, and empty runs, compare to nothing")
    func nothing() throws {
        let a = try run(model(), [])
        let b = try run(model("b1"), [[0.1, 0.8, 0.1]])
        #expect(throws: ReportingError.incomparable("both names mean run \(a)")) { try compare(a, a) }
        #expect(try compare(a, b).summary == "The runs have no scan in common.")
        let html = scratch.folder.appendingPathComponent("nothing")
        try ComparisonReport.write(
            try compare(a, b), first: scratch.store, second: scratch.store, html: html, csv: nil, program: "")
        #expect(
            try String(contentsOf: html.appendingPathComponent("index.html"), encoding: .utf8).contains(
                "There is no frame"))
    }
}

extension String.UnicodeScalarView {
    func contains(_ part: String.UnicodeScalarView) -> Bool {
        String(self).utf8.split(separator: Array(String(part).utf8), maxSplits: 1).count > 1
    }
}
