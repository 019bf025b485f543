import CSystem
import Foundation
import Store
import Synchronization

/// Watches the inputs on a thread of its own and hands settled files to the lanes.
final class InboxFeeder: Sendable {
    private struct Shared {
        var isRunning = false
        var unsettled: [String] = []
    }

    private let session: RunSession
    private let settled: [String: Settling.Look]
    private let end: Flag
    private let shared = Mutex(Shared())

    /// - Parameter settled: Files that have their outcome from an earlier session of the run.
    init(_ session: RunSession, settled: [String: Settling.Look]) throws(PipelineError) {
        self.session = session
        self.settled = settled
        end = try Flag()
    }

    var isRunning: Bool { shared.withLock { $0.isRunning } }

    /// Files that were seen and not yet handed over, once it has stopped.
    var unsettled: [String] { shared.withLock { $0.unsettled } }

    func start() {
        shared.withLock { $0.isRunning = true }
        let thread = Thread { [self] in
            var unsettled: [String] = []
            do throws(PipelineError) {
                var watch = try InboxWatch(session, settled: settled, end: end)
                try watch.run()
                unsettled = watch.unsettled
            } catch {
                session.abort(error)
            }
            shared.withLock { $0 = Shared(isRunning: false, unsettled: unsettled) }
            session.news.raise()
        }
        thread.name = "inbox"
        thread.start()
    }

    func stop() { end.raise() }
}

/// The watching itself: events and rescans in, settled files out. Belongs to one thread.
private struct InboxWatch {
    /// Waits before a scan that turned out incomplete is looked at again, in seconds.
    private static let firstBackOff = 30.0
    private static let longestBackOff = 600.0

    private let session: RunSession
    private let end: Flag
    private let walker: InboxWalker
    private let events: FolderWatch
    /// Whether an input lies where other machines' clocks and writes are not ours.
    private let isRemote: Bool
    private let rescanSeconds: Double
    private var settling: Settling
    /// Paths with a rule or failure that was recorded.
    private var noted: Set<String> = []
    private var comeBacks: [String: Int] = [:]

    var unsettled: [String] { settling.waiting }

    init(_ session: RunSession, settled: [String: Settling.Look], end: Flag) throws(PipelineError) {
        self.session = session
        self.end = end
        walker = InboxWalker(inputs: session.pipeline.inputs)
        events = try FolderWatch()
        isRemote = session.pipeline.inputs.contains { nr_is_remote($0.path) == 1 }
        rescanSeconds = session.pipeline.rescan ?? (isRemote ? 60 : 600)
        settling = Settling(settle: session.pipeline.settle)
        for (path, look) in settled { settling.settled(path, look) }
    }

    mutating func run() throws(PipelineError) {
        var nextScan = Instant.now
        while true {
            if Instant.now >= nextScan {
                try lookAtEverything()
                nextScan = Instant.now.advanced(seconds: rescanSeconds)
            }
            guard wait(until: min(nextScan, settling.nextDue ?? nextScan)) else { return }
            for event in events.events() {
                switch event {
                case .lost: nextScan = .now
                case .touched(let path, let isFolder): try touched(path, isFolder: isFolder)
                }
            }
            for path in session.takeComeBacks() {
                comeBacks[path, default: 0] += 1
                settling.comeBack(
                    path, after: comeBacks[path] ?? 1, first: Self.firstBackOff, longest: Self.longestBackOff, at: .now)
            }
            handOver()
        }
    }

    /// - Returns: false when watching is to end.
    private func wait(until moment: Instant) -> Bool {
        var wanted = [
            pollfd(fd: end.descriptor.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: events.descriptor.number, events: Int16(POLLIN), revents: 0),
        ]
        // Half a second at most: scans that turned out incomplete come back without an event.
        let milliseconds = min(max(moment.seconds(since: .now) * 1e3 + 1, 0), 500)
        poll(&wanted, nfds_t(wanted.count), Int32(milliseconds))
        return wanted[0].revents == 0
    }

    private mutating func lookAtEverything() throws(PipelineError) {
        for input in session.pipeline.inputs { try look(into: input.path, of: input) }
    }

    private mutating func look(into folder: String, of input: PipelineFile.Input) throws(PipelineError) {
        var items: [InboxItem] = []
        var end = pollfd(fd: self.end.descriptor.number, events: Int16(POLLIN), revents: 0)
        walker.walk(
            input, from: folder,
            enter: { folder in
                // Watched before it is listed: what comes in between shows up twice, and is never missed.
                if let notice = events.add(folder) { session.post(.notice(notice)) }
                return poll(&end, 1, 0) == 0
            }
        ) { items.append($0) }
        for item in items { try note(item) }
    }

    private mutating func touched(_ path: String, isFolder: Bool) throws(PipelineError) {
        guard !InboxWalker.isLeftAlone(path.split(separator: "/").last.map(String.init) ?? path) else { return }
        for input in session.pipeline.inputs where path.hasPrefix(input.path + "/") {
            let isDirectlyIn = !path.dropFirst(input.path.count + 1).contains("/")
            guard input.recursive || isDirectlyIn else { continue }
            if isFolder {
                if input.recursive { try look(into: path, of: input) }
            } else if let item = walker.item(at: path, input: input) {
                try note(item)
            }
        }
    }

    private mutating func note(_ item: InboxItem) throws(PipelineError) {
        switch item.kind {
        case .candidate:
            var stamp = nr_stamp()
            guard nr_stamp_at(item.path, 1, &stamp) == 0 else { return }
            let changed = Double(max(stamp.mtime_ns, stamp.ctime_ns)) / 1e9
            let age = isRemote ? 0 : max(0, Date().timeIntervalSince1970 - changed)
            settling.observe(item.path, Settling.Look(stamp), at: .now, age: age)
        case .skipped(let rule):
            if noted.insert(item.path).inserted { try session.skip([(item.path, rule)]) }
        case .failed(let failure):
            if noted.insert(item.path).inserted { try session.fail(item.path, failure) }
        }
    }

    /// Hands over what has not changed for long enough and nobody is writing to.
    private mutating func handOver() {
        var ready: [String] = []
        for path in settling.due(at: .now) {
            var stamp = nr_stamp()
            guard nr_stamp_at(path, 1, &stamp) == 0, stamp.kind == UInt32(S_IFREG) else {
                settling.forget(path)
                continue
            }
            if let file = try? Descriptor.opening(path), nr_is_being_written(file.number) == 1 {
                settling.postpone(path, at: .now)
            } else if settling.take(path, Settling.Look(stamp), at: .now) {
                ready.append(path)
            }
        }
        guard !ready.isEmpty else { return }
        session.post(.found(ready.count))
        session.queue.add(ready)
    }
}
