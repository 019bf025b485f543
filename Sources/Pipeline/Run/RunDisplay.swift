import CSystem
import Foundation
import Store

/// Shows a run: a bar on a terminal, plain lines elsewhere, JSON lines for programs, or nothing until the end.
///
/// A reader that goes away (a closed pipe) ends the display and never the run.
public final class RunDisplay: RunObserver {
    /// For whom.
    public enum Style: Sendable {
        case people, quiet, json
    }

    private let style: Style
    private let output: Int32
    /// Columns of the terminal; 0 when the output is none.
    private var columns: Int
    private var isClosed = false
    private var progress = Progress()
    private var isBarShown = false
    private var lastDraw = Instant(nanoseconds: 0)
    private var lastLine = Instant(nanoseconds: 0)
    private var isWatching: Bool

    /// Seconds between two redraws of the bar, and between two plain lines.
    private static let drawInterval = 0.1
    private static let lineInterval = 5.0

    /// - Parameters:
    ///   - output: A file descriptor, standard output by default.
    ///   - isWatching: Whether the number of scans is open.
    public init(_ style: Style, output: Int32 = 1, isWatching: Bool = false) {
        self.style = style
        self.output = output
        self.isWatching = isWatching
        columns = style == .people ? Int(nr_terminal_columns(output)) : 0
    }

    /// Shows an event.
    public func handle(_ event: RunEvent) {
        progress.note(event)
        switch style {
        case .quiet: break
        case .json: line(Self.json(event).canonical)
        case .people: show(event)
        }
    }

    /// Brings the bar or the log up to date.
    public func tick() {
        guard style == .people, progress.isStarted else { return }
        if columns > 0 {
            guard Instant.now.seconds(since: lastDraw) >= Self.drawInterval else { return }
            drawBar()
        } else if Instant.now.seconds(since: lastLine) >= Self.lineInterval, progress.hasNews {
            lastLine = .now
            line(progress.sentence(isWatching: isWatching))
        }
    }

    /// Shows how the run ended: the ledger, where the report is, and what the exit status means.
    public func finish(_ result: RunResult, reports: [String], exit: (code: Int32, meaning: String)) {
        clearBar()
        if style == .json {
            line(Self.json(result, reports: reports, exit: exit).canonical)
            return
        }
        for skip in result.ledger.skippedByRule where style == .people { line("skipped: \(skip.count) (\(skip.rule))") }
        if result.ledger.abstained > 0, style == .people {
            line("abstained: \(result.ledger.abstained) unlike what the model was trained on, so that no call is made")
        }
        if case .aborted(let error) = result.end { line("stopped: \(error)") }
        line("run \(result.run.id): \(result.ledger.line)")
        for report in reports { line("report: \(report)") }
        line("exit \(exit.code): \(exit.meaning)")
    }

    // MARK: For people

    private func show(_ event: RunEvent) {
        switch event {
        case .started(let begin):
            let test = begin.selfTest.map { "self-test passed (\($0.cases) pictures)" } ?? "no self-test in its package"
            line("run \(begin.run.id): study \(begin.run.study), model \(begin.run.model.name), \(test)")
            let before = begin.settledBefore > 0 ? ", \(begin.settledBefore) settled before" : ""
            line(
                isWatching
                    ? "watching with \(begin.workers) workers\(before)"
                    : "\(begin.scans) scans to read with \(begin.workers) workers\(before)")
            lastLine = .now
        case .scan(let scan) where scan.outcome == .failed || scan.outcome == .quarantined:
            line("\(scan.outcome.rawValue): \(printable(scan.path)): \(scan.detail ?? "")")
        case .notice(let text): line("note: \(text)")
        case .stopping(let reason, let atOnce):
            line(atOnce ? "\(reason) again: stopping at once" : "\(reason): finishing the scans in hand, then stopping")
        case .found, .scan: break
        }
    }

    private func drawBar() {
        lastDraw = .now
        columns = max(Int(nr_terminal_columns(output)), 20)
        isBarShown = true
        write("\r" + progress.bar(columns: columns - 1, isWatching: isWatching) + "\u{1b}[K")
    }

    private func clearBar() {
        guard isBarShown else { return }
        isBarShown = false
        write("\r\u{1b}[K")
    }

    private func line(_ text: String) {
        let hadBar = isBarShown
        clearBar()
        write(text + "\n")
        if hadBar { drawBar() }
    }

    private func write(_ text: String) {
        guard !isClosed else { return }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                isClosed = true
                return
            }
            rest = rest.dropFirst(count)
        }
    }

    // MARK: For programs

    private static func json(_ event: RunEvent) -> JSONValue {
        switch event {
        case .started(let begin):
            [
                "event": "started", "run": .string(begin.run.id), "study": .string(begin.run.study),
                "model": .string(begin.run.model.digest), "scans": JSONValue(begin.scans),
                "settled_before": JSONValue(begin.settledBefore), "workers": JSONValue(begin.workers),
                "self_test_pictures": begin.selfTest.map { JSONValue($0.cases) } ?? .null,
            ]
        case .found(let count): ["event": "found", "scans": JSONValue(count)]
        case .scan(let scan):
            [
                "event": "scan", "path": .string(scan.path), "outcome": .string(scan.outcome.rawValue),
                "detail": JSONValue(scan.detail), "kind": JSONValue(scan.kind?.rawValue),
                "findings": JSONValue(scan.findings), "abstained": .bool(scan.isAbstained),
                "distance": scan.distance.map(JSONValue.double) ?? .null, "label": JSONValue(scan.label),
                "milliseconds": .double(scan.milliseconds),
            ]
        case .notice(let text): ["event": "notice", "text": .string(text)]
        case .stopping(let reason, let atOnce):
            ["event": "stopping", "reason": .string(reason), "at_once": .bool(atOnce)]
        }
    }

    private static func json(
        _ result: RunResult, reports: [String], exit: (code: Int32, meaning: String)
    ) -> JSONValue {
        let ledger = result.ledger
        var error = JSONValue.null
        if case .aborted(let cause) = result.end { error = .string("\(cause)") }
        return [
            "event": "finished", "run": .string(result.run.id), "exit": JSONValue(Int(exit.code)), "error": error,
            "reports": .array(reports.map(JSONValue.string)), "abstained": JSONValue(ledger.abstained),
            "ledger": [
                "seen": JSONValue(ledger.seen), "read": JSONValue(ledger.read),
                "duplicate": JSONValue(ledger.duplicate),
                "skipped": JSONValue(ledger.skipped), "failed": JSONValue(ledger.failed),
                "quarantined": JSONValue(ledger.quarantined), "pending": JSONValue(ledger.pending),
                "balances": .bool(ledger.balances),
            ],
        ]
    }
}
