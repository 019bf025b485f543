import Foundation
import Store
import Synchronization

/// Where the time of a run's lanes goes: filled by the lanes while they work, read once they have ended.
public final class RunProfile: Sendable {
    /// What a lane does.
    public enum Phase: String, Sendable, CaseIterable {
        /// Its decoder has the scan: opening, a process of its own, decoding, the answer.
        case decode
        /// Its worker makes the network's input of the samples.
        case prepare
        /// Its worker runs the network.
        case network
        /// Questions to the store and handing over what is recorded. Commits are a thread's of their own, and count where lanes have to wait for one.
        case store
        /// The file's content is read and its digest made.
        case hash
        /// There is no scan for it.
        case idle
    }

    /// One lane, in seconds.
    public struct Lane: Sendable {
        /// Its name.
        public var name: String
        /// From its start to the end of the run.
        public var seconds = 0.0
        /// Parts of it; what is in none of them is the rest.
        public var phases: [Phase: Double] = [:]

        /// What part of its time went into `phase`.
        public func share(of phase: Phase) -> Double { seconds > 0 ? (phases[phase] ?? 0) / seconds : 0 }

        /// What part went into none of the phases: starting processes, messages, opening files.
        public var restShare: Double { max(0, 1 - Phase.allCases.reduce(0) { $0 + share(of: $1) }) }
    }

    private struct Entry {
        var start: Instant
        var end: Instant
        var phases: [Phase: Double] = [:]
    }
    private struct Entries {
        /// Of running threads: the numbers of those that ended are used again.
        var running: [UInt: Entry] = [:]
        var ended: [Entry] = []
    }
    private let entries = Mutex(Entries())

    /// An empty profile.
    public init() {}

    /// The lanes that have ended, as they started. Those that ended before the last one had nothing to do from then on.
    public var lanes: [Lane] {
        entries.withLock { entries in
            let last = entries.ended.map(\.end).max()
            return entries.ended.sorted { $0.start < $1.start }.enumerated().map { number, entry in
                let rest = last?.seconds(since: entry.end) ?? 0
                var lane = Lane(
                    name: "lane \(number)", seconds: entry.end.seconds(since: entry.start) + rest, phases: entry.phases)
                lane.phases[.idle, default: 0] += rest
                return lane
            }
        }
    }

    /// The calling thread's lane starts, or ends.
    func started() { entries.withLock { $0.running[Self.thread] = Entry(start: .now, end: .now) } }
    func ended() {
        entries.withLock { entries in
            guard var entry = entries.running.removeValue(forKey: Self.thread) else { return }
            entry.end = .now
            entries.ended.append(entry)
        }
    }

    /// Adds to a phase of the calling thread's lane; threads that are none are not counted.
    func add(_ seconds: Double, to phase: Phase) {
        entries.withLock { $0.running[Self.thread]?.phases[phase, default: 0] += seconds }
    }

    /// A lane is a thread from its start to its end.
    private static var thread: UInt { UInt(pthread_self()) }
}

extension RunProfile {
    /// A table for people: a line per lane, shares of its time in percent.
    public var table: String {
        let columns = Phase.allCases.map(\.rawValue) + ["rest"]
        let head = "lane       seconds" + columns.map { $0.leftPadded(to: 9) }.joined()
        let lines = lanes.map { lane in
            let shares = Phase.allCases.map(lane.share) + [lane.restShare]
            return lane.name.padding(toLength: 8, withPad: " ", startingAt: 0)
                + String(format: "%10.2f", lane.seconds)
                + shares.map { String(format: "%7.1f %%", $0 * 100) }.joined()
        }
        return ([head] + lines).joined(separator: "\n")
    }

    /// The same as a JSON line of a run.
    public var json: JSONValue {
        [
            "event": "profile",
            "lanes": .array(
                lanes.map { lane in
                    var phases = Phase.allCases.map { ($0.rawValue, JSONValue.double(lane.share(of: $0))) }
                    phases.append(("rest", .double(lane.restShare)))
                    return [
                        "lane": .string(lane.name), "seconds": .double(lane.seconds),
                        "shares": .object(Dictionary(uniqueKeysWithValues: phases)),
                    ]
                }),
        ]
    }
}

extension RunSession {
    /// Carries out `body`, and notes how long that took where the run is profiled.
    func timing<Result, Failure: Error>(
        _ phase: RunProfile.Phase, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let profile = options.profile else { return try body() }
        let start = Instant.now
        defer { profile.add(Instant.now.seconds(since: start), to: phase) }
        return try body()
    }
}

extension String {
    fileprivate func leftPadded(to width: Int) -> String {
        String(repeating: " ", count: Swift.max(0, width - count)) + self
    }
}
