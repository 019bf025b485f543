import CSystem

/// Decides when a file that someone may still be writing is complete: when its identity, size and times have not changed for
/// a while. Knows no clock and no files; it is told about both.
struct Settling {
    /// What a file looked like.
    struct Look: Hashable {
        var device: UInt64
        var inode: UInt64
        var size: Int64
        var modified: Int64
        var changed: Int64
    }

    private struct Watched {
        var look: Look
        /// When it is taken, if it still looks the same then.
        var due: Instant
    }

    /// Seconds without a change.
    let settle: Double
    private var watched: [String: Watched] = [:]
    /// How files looked when they were taken; they come again only when they look different.
    private var taken: [String: Look] = [:]

    init(settle: Double) { self.settle = settle }

    /// Files that are being waited for.
    var waiting: [String] { watched.keys.sorted() }

    /// The next moment at which a file may be due.
    var nextDue: Instant? { watched.values.map(\.due).min() }

    /// Takes note of a file as it looks now.
    ///
    /// - Parameter age: Seconds that it is known not to have changed for already.
    mutating func observe(_ path: String, _ look: Look, at now: Instant, age: Double = 0) {
        if taken[path] == look { return }
        if let known = watched[path], known.look == look { return }
        watched[path] = Watched(look: look, due: now.advanced(seconds: max(0, settle - age)))
    }

    /// The paths whose time has come. Each is either `take`n or `postpone`d by the caller after a look at the file.
    func due(at now: Instant) -> [String] {
        watched.filter { $0.value.due <= now }.map(\.key).sorted()
    }

    /// Settles a due path: true when it looks as it did, and so is complete; otherwise its time starts again.
    mutating func take(_ path: String, _ look: Look, at now: Instant) -> Bool {
        guard let known = watched[path] else { return false }
        guard known.look == look else {
            watched[path]?.look = look
            watched[path]?.due = now.advanced(seconds: settle)
            return false
        }
        watched[path] = nil
        taken[path] = look
        return true
    }

    /// Waits on: someone still has the file open.
    mutating func postpone(_ path: String, at now: Instant) {
        watched[path]?.due = now.advanced(seconds: max(settle, 1))
    }

    /// The file is gone, or is none of ours any more.
    mutating func forget(_ path: String) {
        watched[path] = nil
        taken[path] = nil
    }

    /// A taken file turned out to be incomplete: it comes again after a wait that grows from `first` to `longest` seconds.
    mutating func comeBack(_ path: String, after attempts: Int, first: Double, longest: Double, at now: Instant) {
        guard let look = taken.removeValue(forKey: path) else { return }
        var wait = first
        for _ in 1..<max(attempts, 1) where wait < longest { wait *= 2 }
        watched[path] = Watched(look: look, due: now.advanced(seconds: min(wait, longest)))
    }

    /// A file that was dealt with before watching began.
    mutating func settled(_ path: String, _ look: Look) {
        taken[path] = look
    }
}

extension Settling.Look {
    init(_ stamp: nr_stamp) {
        self.init(
            device: stamp.device, inode: stamp.inode, size: stamp.size, modified: stamp.mtime_ns,
            changed: stamp.ctime_ns)
    }
}
