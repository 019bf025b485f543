import Foundation
import Store
import Testing

@testable import Reporting

@Suite("Findings report")
struct FindingsReportTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// Writes both files and reads them back.
    func report(_ run: String, name: String) throws -> (page: String, table: String) {
        let folder = scratch.reports
        let html = folder.appendingPathComponent(name)
        let csv = folder.appendingPathComponent(name).appendingPathComponent("readings.csv")
        try FindingsReport.write(store: scratch.store, run: run, html: html, csv: csv, program: "nightread 0.1.0")
        return (
            try String(contentsOf: html.appendingPathComponent("index.html"), encoding: .utf8),
            try String(contentsOf: csv, encoding: .utf8)
        )
    }

    @Test("A night's page says what was read, what was found, what failed, and with which model")
    func night() throws {
        let run = try recordNight(scratch.store, model: model())
        let (page, _) = try report(run, name: "night")
        for text in [
            "Left alone by a rule: 1 hidden file, 1 no pattern matches.", "40 scans read with chest-phantom-b0",
            "3 files could not be read",
            "48 seen = 40 read + 2 duplicate + 2 skipped",
            String(repeating: "b0", count: 32), "percentiles 0.5, 99.5 become black and white", "For research use only",
            "expected 301,442 bytes of image data", "ended decoders in 2 runs (crash)", "hidden file", " of 3</span>",
            "EfficientNet-B0", "nightread 0.1.0", "Copy it again from its source",
        ] {
            #expect(page.contains(text), "\(text)")
        }
        #expect(page.components(separatedBy: "For research use only").count == 3)
        #expect(
            try scratch.store.auditEvents(after: 0, limit: 1000).suffix(2).map(\.action) == [
                "report written", "report written",
            ])
        #expect(try scratch.store.verifyAudit().isIntact)
    }

    @Test("No name of others becomes markup, and the page asks for nothing from anywhere")
    func hostile() throws {
        let evil = "</style><script>alert(1)</script>\"\u{301} onload=\u{301}x="
        let labels = ["normal", evil, "{{program}}"]
        let run = try recordNight(
            scratch.store, model: model(labels: labels, thresholds: [evil: 0.2, "{{program}}": 0.2]))
        let (page, _) = try report(run, name: "hostile")
        let body = try #require(page.components(separatedBy: "</style>").last)
        #expect(page.components(separatedBy: "</style>").count == 2)
        for forbidden in [
            "<script", "<img src=x", "\"http:", "https:", "url(", "@import", "<link", "\u{202E}", "\u{1B}",
        ] {
            #expect(!page.contains(forbidden), "\(forbidden)")
        }
        #expect(page.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"))
        #expect(body.contains("&lt;img src=x onerror=alert(1)&gt;.png"))
        #expect(body.contains("{{stylesheet}}{{{title}}}.png"))
        #expect(body.contains("invoice⟨U+202E⟩gnp.exe"))
        // A quotation mark with an accent behind it still ends an attribute.
        #expect(!body.unicodeScalars.elementsPairs.contains { $0 == "\"" && $1 == "\u{301}" })
        for tag in body.split(separator: "<").dropFirst() {
            #expect(
                tag.unicodeScalars.prefix { $0 != ">" }.filter { $0 == "\"" }.count.isMultiple(of: 2),
                "\(tag.prefix(80))")
        }
    }

    @Test("An empty run, an interrupted run and a run without findings have a page that says so")
    func quiet() throws {
        let run = try scratch.store.beginRun(start(model())).id
        let empty = try report(run, name: "empty")
        #expect(empty.page.contains("No scan was read."))
        #expect(empty.page.contains("has not finished"))
        #expect(empty.table.components(separatedBy: "\r\n").count == 2)
        try scratch.store.recordRead(
            run: run, path: "/in/a.png", stamp: stamp(1), scan: scan(1), readings: [reading([0.9, 0.06, 0.04])])
        try scratch.store.finishRun(run, status: .interrupted, reason: "SIGTERM")
        let page = try report(run, name: "quiet").page
        #expect(page.contains("No scan reached a threshold"))
        #expect(page.contains("was interrupted (SIGTERM)"))
        #expect(page.contains("1 scan read"))
    }

    @Test("A model without thresholds makes no calls; its readings are shown as uncalibrated")
    func uncalibrated() throws {
        let run = try recordNight(scratch.store, model: model("b1", thresholds: [:]))
        let (page, table) = try report(run, name: "uncalibrated")
        #expect(page.contains("makes no calls"))
        #expect(page.contains("Uncalibrated scans"))
        #expect(!table.contains(",finding,"))
        #expect(table.contains(",uncalibrated,"))
    }

    @Test("A strongest finding comes first, and only labels at or over their own threshold are called")
    func order() throws {
        let run = try scratch.store.beginRun(start(model())).id
        for (number, probabilities) in [[0.4, 0.5, 0.1], [0.05, 0.05, 0.9], [0.51, 0.49, 0.0], [0.5, 0.05, 0.45]]
            .enumerated()
        {
            try scratch.store.recordRead(
                run: run, path: "/in/\(number).png", stamp: stamp(number), scan: scan(number + 1),
                readings: [reading(probabilities)])
        }
        try scratch.store.finishRun(run, status: .finished)
        let facts = try RunFacts(store: scratch.store, run: run)
        let view = try FindingsPage(facts: facts).view(store: scratch.store, program: "", at: .now())
        let cards = try #require(view["findings"] as? [View])
        #expect(cards.compactMap { $0["file"] as? String } == ["1.png", "0.png", "3.png"])
        #expect(cards.compactMap { $0["call"] as? String } == ["effusion", "nodule", "effusion"])
        #expect(cards.compactMap { $0["strength"] as? String } == ["0.900", "0.500", "0.450"])
    }

    @Test("Ten thousand readings are a page within two seconds, cut where it says so, and a whole table")
    func large() throws {
        let run = try scratch.store.beginRun(start(model())).id
        for number in 1...2500 {
            try scratch.store.recordRead(
                run: run, path: "/in/\(number).tiff", stamp: stamp(number), scan: scan(number, frames: 4),
                readings: (0..<4).map { reading([0.2, number.isMultiple(of: 3) ? 0.7 : 0.3, 0.1], frame: $0) })
        }
        try scratch.store.finishRun(run, status: .finished)
        let clock = ContinuousClock()
        let begin = clock.now
        let (page, table) = try report(run, name: "large")
        let seconds = (clock.now - begin) / .seconds(1)
        #expect(seconds < 2, "took \(seconds) s")
        #expect(page.contains("The first 2,000 of 2,500 scans are listed; the CSV has all."))
        #expect(page.utf8.count < 8_000_000)
        #expect(table.components(separatedBy: "\r\n").count == 10_002)
    }

    @Test("A run whose files changed while it went on keeps and shows the earlier readings")
    func superseded() throws {
        let run = try scratch.store.beginRun(start(model())).id
        for number in 1...2 {
            try scratch.store.recordRead(
                run: run, path: "/in/a.png", stamp: stamp(number), scan: scan(number),
                readings: [reading([0.1, 0.8, 0.1])])
        }
        try scratch.store.finishRun(run, status: .finished)
        let (page, _) = try report(run, name: "superseded")
        #expect(page.contains("Changed after they were read"))
        #expect(page.contains("1 seen = 1 read"))
    }

    @Test("A folder that cannot be made and an unknown run are named")
    func refused() throws {
        let run = try scratch.store.beginRun(start(model())).id
        let file = scratch.folder.appendingPathComponent("study.sqlite")
        #expect(throws: ReportingError.self) {
            try FindingsReport.write(
                store: scratch.store, run: run, html: file.appendingPathComponent("x"), csv: nil, program: "")
        }
        #expect(throws: ReportingError.store(.noSuchRun(name: "none", searched: [scratch.store.path]))) {
            try FindingsReport.write(store: scratch.store, run: "none", html: nil, csv: nil, program: "")
        }
    }
}

extension String.UnicodeScalarView {
    /// Neighbours.
    var elementsPairs: [(Unicode.Scalar, Unicode.Scalar)] { Array(zip(self, dropFirst())) }
}
