import Foundation
import Store

/// What the page of a run shows, as the template `findings` takes it.
struct FindingsPage {
    /// Findings with a card and a picture; the rest are in the table of all readings and in the CSV.
    static let mostCards = 200
    /// Rows of any one table; the CSV has all.
    static let mostRows = 2000
    /// Labels with a chart.
    static let mostCharts = 12
    /// Labels with a column in the table of all readings.
    static let mostColumns = 6

    let facts: RunFacts
    private let findings: [ScanReading]
    /// Scans that a call could be made of: all but those that are unlike what the model was trained on.
    private let called: [ScanReading]
    private let abstained: AbstainedScans
    private var model: ModelRecord { facts.run.model }

    init(facts: RunFacts) {
        self.facts = facts
        called = facts.scans.filter { $0.call.kind != .abstained }
        abstained = AbstainedScans(facts: facts)
        findings = facts.scans.filter { $0.call.finding == true }.sorted { left, right in
            let (a, b) = (left.call.findings[0].probability, right.call.findings[0].probability)
            return a != b ? a > b : left.path < right.path
        }
    }

    /// The view of the whole page; `store` gives the thumbnails.
    func view(store: StudyStore, program: String, at moment: Timestamp) throws(StoreError) -> View {
        let run = facts.run
        var view: View = [
            "title": "\(run.study): findings of \(Words.moment(run.startedAt))", "eyebrow": "Nightread findings",
            "heading": run.study, "program": program, "writtenAt": Words.moment(moment), "summary": summary,
            "ledger": ledger, "balance": balance,
        ]
        if run.status != .finished {
            view["unfinished"] =
                (run.status == .running
                    ? "This run has not finished: it is still going on, or was ended from outside."
                    : "This run was interrupted\(run.sessions.last?.reason.map { " (\($0))" } ?? "").")
                + " What it has read so far is below; starting the pipeline again resumes it."
        }
        try addFindings(to: &view, store: store)
        try abstained.add(to: &view, store: store)
        addReadings(to: &view)
        GroupSections(facts: facts).add(to: &view)
        addFailures(to: &view)
        addOthers(to: &view)
        addCharts(to: &view)
        FindingsSettings(facts: facts).add(to: &view)
        return view
    }

    private var summary: String {
        let run = facts.run
        var parts = [Words.count(facts.ledger.read, "scan") + " read with \(model.name)"]
        if findings.isEmpty {
            parts.append(facts.ledger.read == 0 ? "no readings" : "no findings")
        } else {
            parts.append("findings on \(Words.count(findings.count, "scan"))")
        }
        if !abstained.scans.isEmpty {
            parts.append("\(Words.count(abstained.scans.count, "scan")) unlike the model's training")
        }
        let open = facts.scans.lazy.filter { $0.call.kind == .uncalibrated }.count
        if open > 0 { parts.append("\(Words.count(open, "scan")) without a calibrated call") }
        parts.append(
            facts.ledger.failed == 0
                ? "nothing failed" : "\(Words.count(facts.ledger.failed, "file")) could not be read")
        let time = run.activeSeconds > 0 ? ", in \(Words.duration(run.activeSeconds))" : ""
        return parts.joined(separator: "; ") + ". Begun \(Words.moment(run.startedAt))\(time)."
    }

    private var ledger: [View] {
        let ledger = facts.ledger
        let scans = findings.count
        func item(_ count: Int, _ what: String, _ style: String = "") -> View {
            ["count": Words.grouped(count), "what": what, "style": count == 0 ? "quiet" : style]
        }
        let unlike =
            model.abstainLimit == nil && ledger.abstained == 0 ? [] : [item(ledger.abstained, "abstained", "open")]
        return [
            item(scans, scans == 1 ? "scan with findings" : "scans with findings", "strong"), item(ledger.read, "read"),
        ] + unlike + [
            item(ledger.duplicate, "duplicate"), item(ledger.skipped, "skipped"), item(ledger.failed, "failed"),
            item(ledger.quarantined, "quarantined"), item(ledger.pending, "pending"),
        ]
    }

    private var balance: String {
        facts.ledger.balances
            ? "Every file is accounted for: \(facts.ledger.line)."
            : "The ledger does not balance: \(facts.ledger.line). Check the store with nightread audit verify."
    }

    private func addFindings(to view: inout View, store: StudyStore) throws(StoreError) {
        view["hasFindings"] = !findings.isEmpty
        if facts.scans.isEmpty {
            view["noFindings"] = "No scan was read."
        } else if called.isEmpty {
            view["noFindings"] = "Every scan is unlike what the model was trained on, so that it makes no calls."
        } else if model.thresholds.isEmpty {
            view["noFindings"] = "The model has no thresholds, so that it makes no calls."
        } else {
            view["noFindings"] = "No scan reached a threshold. That is what the model says, and no proof of absence."
        }
        if findings.count > Self.mostCards {
            view["findingsNote"] =
                "The strongest \(Words.grouped(Self.mostCards)) of \(Words.count(findings.count, "scan")) with "
                + "findings are shown; the CSV has all."
        }
        var cards: [View] = []
        for scan in findings.prefix(Self.mostCards) {
            let labels = scan.call.words(model.labels)
            var card = Words.view(of: scan)
            card["call"] = labels
            card["strength"] = Words.probability(scan.call.findings[0].probability)
            card["bars"] = Bars.view(scan.probabilities, call: scan.call, model: model)
            card["alt"] = "\(Words.path(scan.path).file), called \(labels)"
            if scan.carrier.hasThumbnail, let png = try store.thumbnail(reading: scan.carrier.id) {
                card["picture"] = Self.dataURI(png)
            }
            cards.append(card)
        }
        view["findings"] = cards
    }

    /// A picture as part of the page.
    static func dataURI(_ png: [UInt8]) -> String { "data:image/png;base64," + Data(png).base64EncodedString() }

    private func addReadings(to view: inout View) {
        let scans = facts.scans
        let open = scans.filter { $0.call.kind == .uncalibrated }
        view["hasUncalibrated"] = !open.isEmpty
        view["uncalibratedNote"] =
            "The most probable label of these has no threshold in this model, so that there is neither a positive nor a "
            + "negative call." + Self.note(shown: open.count, "scans")
        view["uncalibrated"] = open.prefix(Self.mostRows).map { scan -> View in
            var row = Words.view(of: scan)
            row["top"] = scan.call.topLabel
            row["probability"] = Words.probability(scan.call.topProbability)
            return row
        }
        view["hasReadings"] = !scans.isEmpty
        let hasColumns = model.labels.count <= Self.mostColumns
        view["columns"] = hasColumns ? model.labels : ["top label", "probability"]
        view["readingsNote"] =
            "In the order of their paths." + severalFrames + Self.note(shown: scans.count, "scans")
        view["readings"] = scans.prefix(Self.mostRows).map { scan -> View in
            var row = Words.view(of: scan)
            row["call"] = scan.call.words(model.labels)
            row["style"] = scan.call.style
            let values =
                hasColumns
                ? scan.probabilities.map(Words.probability)
                : [scan.call.topLabel, Words.probability(scan.call.topProbability)]
            // What a model says of something that it does not know means nothing.
            row["values"] = scan.call.kind == .abstained ? values.map { _ in "–" } : values
            return row
        }
    }

    /// How scans with several frames are read, where there are any.
    private var severalFrames: String {
        let several = facts.scans.filter { $0.frames.count > 1 }
        guard !several.isEmpty else { return "" }
        let frames = several.reduce(0) { $0 + $1.frames.count }
        return
            " \(Words.count(several.count, "scan has", "scans have")) several frames, \(Words.grouped(frames)) in all; of each "
            + "label, \(facts.aggregation.frames.words) its frames counts, and the frame that carries the call is named."
            + abstained.framesNote + " The CSV has every frame."
    }

    private func addFailures(to view: inout View) {
        view["hasFailures"] = !facts.failures.isEmpty
        view["failuresNote"] =
            "Nothing is known of what these show. Each failure cost its own file only."
            + Self.note(shown: facts.failures.count, "failures")
        view["failures"] = facts.failures.prefix(Self.mostRows).map { failure -> View in
            var row = Words.view(path: failure.path)
            row["stage"] = failure.stage
            row["kind"] = failure.kind
            row["reason"] = failure.reason
            row["advice"] = Advice.text(kind: failure.kind)
            return row
        }
    }

    /// `12 where: modality MR, 3 not a scan`.
    private var skippedByRule: String {
        facts.ledger.skippedByRule.map { "\(Words.grouped($0.count)) \($0.rule)" }.joined(separator: ", ")
    }

    private func addOthers(to view: inout View) {
        let kinds: [(outcome: EntryRecord.Outcome, title: String, detail: String, note: String)] = [
            (
                .quarantined, "Quarantined", "Why",
                "Their content ended or hung decoders in two runs and is not opened again."
            ),
            (.pending, "Pending", "Why", "Not settled or not reached when the run stopped; the next run reads them."),
            (.duplicate, "Duplicates", "Same content as", "Read once, under the other name."),
            (.skipped, "Skipped", "Rule", "Left alone by a rule: \(skippedByRule)."),
        ]
        var groups: [View] = []
        for kind in kinds {
            let entries = facts.entries.filter { $0.outcome == kind.outcome }
            guard !entries.isEmpty else { continue }
            let rows = entries.prefix(Self.mostRows).map { entry in
                Words.view(path: entry.path).merging(["detail": entry.detail ?? ""]) { old, _ in old }
            }
            groups.append([
                "title": kind.title, "count": Words.count(entries.count, "file"), "detailTitle": kind.detail,
                "note": kind.note + Self.note(shown: entries.count, "files"), "rows": rows,
            ])
        }
        if !facts.superseded.isEmpty {
            let rows = facts.superseded.prefix(Self.mostRows).map { reading -> View in
                var row = Words.view(path: reading.path, frame: reading.frame, of: reading.scan.frames)
                let call = model.call(reading.probabilities, isAbstained: reading.isAbstained)
                row["detail"] =
                    "\(call?.words(model.labels) ?? reading.topLabel) (\(reading.topLabel) \(Words.probability(reading.topProbability)))"
                return row
            }
            groups.append([
                "title": "Changed after they were read", "count": Words.count(facts.superseded.count, "reading"),
                "detailTitle": "Reading of the earlier content", "rows": rows,
                "note": "These files had another content when they were read first; the earlier readings are kept."
                    + Self.note(shown: facts.superseded.count, "readings"),
            ])
        }
        view["hasOthers"] = !groups.isEmpty
        view["others"] = groups
    }

    private func addCharts(to view: inout View) {
        let labels = model.labels.indices.sorted {
            (model.thresholds[model.labels[$0]] != nil ? 0 : 1, $0) < (
                model.thresholds[model.labels[$1]] != nil ? 0 : 1, $1
            )
        }
        view["hasCharts"] = !called.isEmpty
        if labels.count > Self.mostCharts {
            view["chartsNote"] = "The first \(Self.mostCharts) of \(labels.count) labels are shown."
        }
        view["charts"] = labels.prefix(Self.mostCharts).map { index -> View in
            let label = model.labels[index]
            return Histogram.view(
                label: label, values: called.map { $0.probabilities[index] },
                threshold: label == model.negativeLabel ? nil : model.thresholds[label])
        }
    }

    /// Says that a table is not whole, where it is not.
    static func note(shown count: Int, _ what: String) -> String {
        count > mostRows
            ? " The first \(Words.grouped(mostRows)) of \(Words.grouped(count)) \(what) are listed; the CSV has all."
            : ""
    }
}
