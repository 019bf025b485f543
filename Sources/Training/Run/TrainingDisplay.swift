import CSystem
import Foundation
import Pipeline

/// Shows a training: a bar with the time that is left on a terminal, a line per epoch everywhere.
public final class TrainingDisplay {
    private let output: Int32
    private let isQuiet: Bool
    private let isTerminal: Bool
    private var isBarShown = false
    private var isClosed = false
    private var lastDraw = ContinuousClock.now - .seconds(1)
    private var begin = ContinuousClock.now
    private var beginDone = 0

    /// - Parameters:
    ///   - isQuiet: Whether only the last line and errors are shown.
    ///   - output: A file descriptor, standard output by default.
    public init(isQuiet: Bool = false, output: Int32 = 1) {
        self.output = output
        self.isQuiet = isQuiet
        isTerminal = nr_terminal_columns(output) > 0
    }

    /// A line for people, unless quiet was asked for.
    public func line(_ text: String) { if !isQuiet { finish(text) } }

    /// A line that is always shown.
    public func finish(_ text: String) {
        clear()
        write(text + "\n")
    }

    /// Something of many parts begins, of which `done` were done before.
    func start(done: Int = 0) {
        begin = .now
        beginDone = done
    }

    /// How far it is.
    func show(_ what: String, done: Int, of total: Int, facts: [String] = []) {
        guard isTerminal, !isQuiet, done == total || ContinuousClock.now - lastDraw >= .milliseconds(100) else {
            return
        }
        lastDraw = .now
        let columns = max(Int(nr_terminal_columns(output)), 20) - 1
        write(
            "\r" + Self.bar(what, done: done, of: total, facts: facts + rate(done, total), columns: columns)
                + "\u{1b}[K")
        isBarShown = true
    }

    private func rate(_ done: Int, _ total: Int) -> [String] {
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        guard done > beginDone, seconds > 0 else { return [] }
        let rate = Double(done - beginDone) / seconds
        return [String(format: "%.1f/s", rate), "\(Progress.duration(Double(total - done) / rate)) left"]
    }

    /// The bar, no wider than `columns`.
    static func bar(_ what: String, done: Int, of total: Int, facts: [String], columns: Int) -> String {
        var facts = ["\(total > 0 ? 100 * done / total : 100) %"] + facts
        func text() -> String { ([what] + facts).joined(separator: "  ") }
        while text().count > columns, facts.count > 1 { facts.remove(at: 1) }
        let room = min(columns - text().count - 2, 30)
        guard room >= 8 else { return String(text().prefix(columns)) }
        return Progress.blocks(done, of: total, room: room) + "  " + text()
    }

    private func clear() {
        guard isBarShown else { return }
        isBarShown = false
        write("\r\u{1b}[K")
    }

    private func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        // A reader that goes away ends the display and never the training.
        while !rest.isEmpty, !isClosed {
            let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { isClosed = true } else { rest = rest.dropFirst(count) }
        }
    }
}
