import Store

/// How far a run is: counts, rate and the time that is left.
package struct Progress {
    private(set) var isStarted = false
    /// Whether something happened since the last sentence.
    private(set) var hasNews = false
    private var total = 0
    private var done = 0
    private var findings = 0
    private var abstained = 0
    private var failed = 0
    private var start = Instant(nanoseconds: 0)

    mutating func note(_ event: RunEvent, at now: Instant = .now) {
        switch event {
        case .started(let begin):
            isStarted = true
            total = begin.scans
            start = now
        case .found(let count): total += count
        case .scan(let scan) where scan.outcome != .skipped:
            done += 1
            findings += scan.findings
            if scan.isAbstained { abstained += 1 }
            if scan.outcome == .failed || scan.outcome == .quarantined { failed += 1 }
            hasNews = true
        case .scan, .notice, .stopping: break
        }
    }

    /// Scans a second since the start.
    private func rate(at now: Instant) -> Double {
        let seconds = now.seconds(since: start)
        return seconds > 0 ? Double(done) / seconds : 0
    }

    private func timeLeft(at now: Instant) -> String? {
        let rate = rate(at: now)
        guard rate > 0, total > done else { return nil }
        return Self.duration(Double(total - done) / rate)
    }

    /// `3 s`, `4 min`, `2 h 05 min`.
    package static func duration(_ seconds: Double) -> String {
        let whole = Int(min(seconds.rounded(.up), 1e9))
        if whole < 60 { return "\(whole) s" }
        let minutes = (whole + 59) / 60
        if minutes < 60 { return "\(minutes) min" }
        return "\(minutes / 60) h " + (minutes % 60 < 10 ? "0" : "") + "\(minutes % 60) min"
    }

    /// One line for a log.
    mutating func sentence(isWatching: Bool, at now: Instant = .now) -> String {
        hasNews = false
        let rate = (rate(at: now) * 10).rounded() / 10
        var parts = [isWatching ? "\(done) of \(total) found" : "\(done) of \(total) (\(percent) %)", "\(rate)/s"]
        if !isWatching, let left = timeLeft(at: now) { parts.append("\(left) left") }
        parts.append("\(findings) findings")
        if abstained > 0 { parts.append("\(abstained) abstained") }
        parts.append("\(failed) failed")
        return parts.joined(separator: ", ")
    }

    /// The bar, exactly as wide as there is room for, or shorter.
    func bar(columns: Int, isWatching: Bool, at now: Instant = .now) -> String {
        let rate = (rate(at: now) * 10).rounded() / 10
        var facts = ["\(done)/\(total)"]
        if !isWatching { facts.append("\(percent) %") }
        facts.append("\(rate)/s")
        if !isWatching, let left = timeLeft(at: now) { facts.append("\(left) left") }
        facts.append("\(findings) findings")
        if abstained > 0 { facts.append("\(abstained) abstained") }
        if failed > 0 { facts.append("\(failed) failed") }
        var text = facts.joined(separator: "  ")
        while text.count > columns, facts.count > 1 {
            facts.removeLast()
            text = facts.joined(separator: "  ")
        }
        let room = min(columns - text.count - 2, 40)
        guard !isWatching, room >= 8 else { return String(text.prefix(columns)) }
        return Self.blocks(done, of: total, room: room) + "  " + text
    }

    /// `room` blocks, as many of them full as is done.
    package static func blocks(_ done: Int, of total: Int, room: Int) -> String {
        let full = total > 0 ? min(room * done / total, room) : 0
        return String(repeating: "█", count: full) + String(repeating: "░", count: room - full)
    }

    private var percent: Int { total > 0 ? 100 * done / total : 100 }
}
