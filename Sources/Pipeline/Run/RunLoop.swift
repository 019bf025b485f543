import CSystem
import Foundation
import Store

/// One run, from its first look at the inputs to its last entry: starts lanes, listens for signals, passes news on.
///
/// Belongs to the thread that calls `run`; lanes and the watch over the inbox have threads of their own.
final class RunLoop {
    private let session: RunSession
    private let workers: Int
    private let selfTest: SelfTestResult?
    private let signals: StopSignals
    private let observer: any RunObserver
    private var stopReason: String?
    private var isFinal = false
    private var isChanged = false
    private var lastIdle = Instant.now

    /// Seconds between two reports while watching.
    private static let idleInterval = 30.0

    init(
        _ session: RunSession, workers: Int, selfTest: SelfTestResult?, signals: StopSignals, observer: any RunObserver
    ) {
        self.session = session
        self.workers = workers
        self.selfTest = selfTest
        self.signals = signals
        self.observer = observer
    }

    /// Runs to the end. Whatever stops it, everything seen has one outcome then.
    ///
    /// - Parameters:
    ///   - items: Looks into the inputs; its argument says whether to go on.
    ///   - idle: Called while watching, when there is nothing to do and something changed.
    func run(items: (() -> Bool) -> [InboxItem], idle: () -> Void) -> RunResult {
        let start = Instant.now
        var inbox: InboxFeeder?
        do throws(PipelineError) {
            let items = items {
                self.takeSignals(); return self.stopReason == nil
            }
            if stopReason == nil {
                inbox = try begin(items)
                work(inbox, since: start, idle: idle)
            }
        } catch {
            session.abort(error)
        }
        return finish(inbox)
    }

    // MARK: Beginning

    private func begin(_ items: [InboxItem]) throws(PipelineError) -> InboxFeeder? {
        var book = try EntryBook(session)
        var paths = try book.open(items)
        let limit = session.options.limit.map { min($0, paths.count) } ?? paths.count
        let later = Array(paths[limit...])
        paths.removeSubrange(limit...)
        observer.handle(
            .started(
                RunBegin(
                    run: session.run, settledBefore: book.settledBefore, scans: paths.count, selfTest: selfTest,
                    workers: workers)))
        let inbox: InboxFeeder?
        if session.options.watch != nil {
            inbox = try InboxFeeder(session, settled: book.settledLooks)
        } else {
            inbox = nil
            session.queue.add(paths)
            session.queue.close()
            try session.postpone(later, reason: "not reached: --limit \(limit)")
            isCutShort = !later.isEmpty
        }
        session.recorder.start(session)
        // No more lanes than scans; watching never knows.
        for number in 0..<(inbox == nil ? min(workers, paths.count) : workers) { startLane(number) }
        inbox?.start()
        return inbox
    }

    private var isCutShort = false

    private func startLane(_ number: Int) {
        let session = session
        session.laneStarted()
        let thread = Thread {
            // Processes die with the thread that started them, so a lane is made and ends on one thread.
            do throws(PipelineError) {
                try Lane(session).run()
            } catch {
                session.abort(error)
            }
            session.laneEnded()
        }
        thread.name = "lane \(number)"
        thread.stackSize = 1 << 20
        thread.start()
    }

    // MARK: Middle

    private func work(_ inbox: InboxFeeder?, since start: Instant, idle: () -> Void) {
        let end = session.options.watch?.seconds.map(start.advanced(seconds:))
        while session.lanes > 0 || inbox?.isRunning == true {
            waitForNews()
            takeSignals()
            passEventsOn()
            if let end, stopReason == nil, Instant.now >= end { stop("the time given is over", isFinal: true) }
            if session.abortReason != nil, stopReason == nil { stop("the run cannot go on", isFinal: false) }
            if stopReason != nil { inbox?.stop() }
            if inbox != nil, isChanged, session.queue.isIdle,
                Instant.now.seconds(since: lastIdle) >= Self.idleInterval
            {
                isChanged = false
                lastIdle = .now
                idle()
            }
        }
    }

    private func waitForNews() {
        var wanted = [
            pollfd(fd: signals.descriptor.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: session.news.descriptor.number, events: Int16(POLLIN), revents: 0),
        ]
        poll(&wanted, nfds_t(wanted.count), 100)
        session.news.lower()
    }

    private func takeSignals() {
        while let signal = signals.next() {
            if stopReason == nil {
                stop(signal, isFinal: false)
            } else {
                observer.handle(.stopping(reason: signal, atOnce: true))
                session.cancel.raise()
            }
        }
    }

    private func stop(_ reason: String, isFinal: Bool) {
        stopReason = reason
        self.isFinal = isFinal
        session.queue.stop()
        observer.handle(.stopping(reason: reason, atOnce: false))
    }

    private func passEventsOn() {
        for event in session.takeEvents() {
            if case .scan = event { isChanged = true }
            observer.handle(event)
        }
        observer.tick()
    }

    // MARK: End

    private func finish(_ inbox: InboxFeeder?) -> RunResult {
        session.recorder.finish()
        passEventsOn()
        var end: RunResult.End = stopReason.map { isFinal ? .finished : .stopped(reason: $0) } ?? .finished
        if let abort = session.abortReason { end = .aborted(abort) }
        var unrecorded: [String] = []
        for (paths, reason) in [
            (session.leftOver, "not reached before the run stopped"),
            (inbox?.unsettled ?? [], "had not settled when the run stopped"),
        ] {
            do throws(PipelineError) {
                try session.postpone(paths, reason: reason)
            } catch {
                // On a full disk the entries cannot be written; they are counted below all the same.
                unrecorded += paths
                if session.abortReason == nil { end = .aborted(error) }
            }
        }
        let reason: String? =
            switch end {
            case .finished: isCutShort ? "--limit" : stopReason
            case .stopped(let reason): reason
            case .aborted(let error): "\(error)"
            }
        do throws(StoreError) {
            try session.store.finishRun(
                session.run.id, status: end == .finished && !isCutShort ? .finished : .interrupted, reason: reason)
        } catch {
            if session.abortReason == nil { end = .aborted(.store(error)) }
        }
        return RunResult(run: run(), ledger: ledger(unrecorded), end: end)
    }

    private func run() -> RunRecord { (try? session.store.run(session.run.id)) ?? session.run }

    /// The store's ledger, with what could not be written to it counted as pending.
    private func ledger(_ unrecorded: [String]) -> Ledger {
        guard var ledger = try? session.store.ledger(run: session.run.id) else { return Ledger() }
        for path in unrecorded {
            if (try? session.store.entry(run: session.run.id, path: path)) == .some(.none) {
                ledger.seen += 1
                ledger.pending += 1
            }
        }
        return ledger
    }
}
