import Foundation

/// Paths that wait for a lane. Any thread may add, any lane may take.
///
/// `@unchecked Sendable`: every property is only touched while `condition` is locked.
final class WorkQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private var waiting: [String] = []
    private var taken = 0
    private var isClosed = false
    private var isStopped = false
    private var busy = 0

    /// Adds paths at the end. After `stop` they stay what `leftOver` gives.
    func add(_ paths: [String]) {
        condition.withLock {
            waiting.append(contentsOf: paths)
            condition.broadcast()
        }
    }

    /// Nothing will be added any more: lanes end when they have taken what is here.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    /// Lanes end with the scans they have in hand.
    func stop() {
        condition.withLock {
            isStopped = true
            condition.broadcast()
        }
    }

    /// The next path; waits for one. Nil when the lane should end. Every path taken is followed by `done`.
    func next() -> String? {
        condition.lock()
        defer { condition.unlock() }
        while true {
            if isStopped { return nil }
            if taken < waiting.count {
                defer { taken += 1 }
                busy += 1
                return waiting[taken]
            }
            if isClosed { return nil }
            condition.wait()
        }
    }

    /// A path that was taken has its outcome.
    func done() {
        condition.withLock { busy -= 1 }
    }

    /// Whether nothing waits and nothing is being read.
    var isIdle: Bool { condition.withLock { taken == waiting.count && busy == 0 } }

    /// What no lane has taken.
    func leftOver() -> [String] { condition.withLock { Array(waiting[taken...]) } }
}
