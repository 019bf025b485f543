import Foundation
import Store

/// Commits what the lanes have finished, several scans at a time, on a thread of its own: a lane that waited for the disk would
/// leave its core idle, and a commit costs nearly the same for one scan and for eight.
///
/// Nothing is told of a scan before it is committed. A run that is killed loses, beside the scans in hand, what `longest` seconds
/// brought, and never more than twice `most` scans.
///
/// `@unchecked Sendable`: every property is only touched while `condition` is locked.
final class Recorder: @unchecked Sendable {
    /// Scans that are committed together.
    static let most = 8
    /// Seconds that a finished scan waits for others.
    static let longest = 0.1
    private let condition = NSCondition()
    private var waiting: [FinishedScan] = []
    /// When the first of those that wait is due.
    private var due = Instant.now
    private var isEnding = false
    private var isRunning = false

    /// Starts recording for `session`.
    func start(_ session: RunSession) {
        condition.withLock { isRunning = true }
        let thread = Thread { [self] in
            while let scans = next() { commit(scans, session) }
            condition.withLock {
                isRunning = false
                condition.broadcast()
            }
        }
        thread.name = "recorder"
        thread.start()
    }

    /// Hands over what became of a path that was taken from the queue. It is done once it is recorded.
    func record(_ scan: FinishedScan) {
        condition.lock()
        defer { condition.unlock() }
        // A disk that falls behind slows the lanes down; more and more would be at stake otherwise.
        while waiting.count >= Self.most { condition.wait() }
        if waiting.isEmpty { due = Instant.now.advanced(seconds: Self.longest) }
        waiting.append(scan)
        condition.broadcast()
    }

    /// Commits what waits, and returns when there is nothing left. Nothing may be handed over any more.
    func finish() {
        condition.lock()
        defer { condition.unlock() }
        isEnding = true
        condition.broadcast()
        while isRunning { condition.wait() }
    }

    /// What is to be committed next; nil at the end.
    private func next() -> [FinishedScan]? {
        condition.lock()
        defer { condition.unlock() }
        while !isEnding, waiting.count < Self.most, waiting.isEmpty || Instant.now < due {
            if waiting.isEmpty {
                condition.wait()
            } else {
                _ = condition.wait(until: Date(timeIntervalSinceNow: due.seconds(since: .now)))
            }
        }
        let scans = Array(waiting.prefix(Self.most))
        waiting.removeFirst(scans.count)
        condition.broadcast()
        return scans.isEmpty ? nil : scans
    }

    private func commit(_ scans: [FinishedScan], _ session: RunSession) {
        do throws(PipelineError) {
            try session.storing { (store) throws(StoreError) in
                try store.record(run: session.run.id, scans.map(\.record))
            }
            for scan in scans {
                if scan.comesBack { session.comeBack(to: scan.record.path) }
                session.post(.scan(scan.event))
            }
        } catch {
            // Nothing of the transaction stands: the next run reads these scans again.
            for scan in scans { session.dropped(scan.record.path) }
            session.abort(error)
        }
        for _ in scans { session.queue.done() }
    }
}
