import CSystem
import Foundation
import Store

/// Opens a run's ledger: settles what needs no lane, recognises what an earlier session of the same run has settled, and tells
/// what is left to read.
struct EntryBook {
    private let session: RunSession
    private let entries: [String: EntryRecord]
    /// Contents that a path of this run speaks for, whatever became of it.
    private let spokenFor: Set<String>
    /// How settled files looked.
    private(set) var settledLooks: [String: Settling.Look] = [:]
    /// Paths that had their outcome before.
    private(set) var settledBefore = 0

    init(_ session: RunSession) throws(PipelineError) {
        self.session = session
        let all: [EntryRecord] = try session.storing { (store) throws(StoreError) in
            session.run.isResumed ? try store.entries(run: session.run.id) : []
        }
        entries = Dictionary(all.map { ($0.path, $0) }) { first, _ in first }
        spokenFor = Set(all.filter { [.read, .failed, .quarantined].contains($0.outcome) }.compactMap(\.sha256))
    }

    /// Takes note of everything found.
    ///
    /// - Returns: the paths to be read, in order.
    mutating func open(_ items: [InboxItem]) throws(PipelineError) -> [String] {
        var paths: [String] = []
        var skipped: [(path: String, rule: SkipRule)] = []
        for item in items {
            switch item.kind {
            case .candidate:
                if let look = settledLook(item.path) {
                    settledBefore += 1
                    settledLooks[item.path] = look
                } else {
                    paths.append(item.path)
                }
            case .skipped(let rule):
                let entry = entries[item.path]
                guard entry?.outcome != .skipped || entry?.detail != rule.rawValue else {
                    settledBefore += 1
                    continue
                }
                skipped.append((item.path, rule))
            case .failed(let failure):
                try session.fail(item.path, failure)
            }
        }
        try session.skip(skipped)
        let found = Set(items.map(\.path))
        for entry in entries.values.sorted(by: { $0.path < $1.path })
        where entry.outcome == .pending && !found.contains(entry.path) {
            try session.fail(
                entry.path,
                ScanFailure(stage: .open, kind: .vanished, reason: "the file was seen earlier in this run and is gone"))
        }
        return paths
    }

    /// How the file looks, if its entry still says what became of it.
    private func settledLook(_ path: String) -> Settling.Look? {
        guard let entry = entries[path], let recorded = entry.stamp else { return nil }
        var stamp = nr_stamp()
        guard nr_stamp_at(path, 1, &stamp) == 0, FileStamp(stamp) == recorded else { return nil }
        switch entry.outcome {
        case .read, .failed: break
        case .quarantined: if session.options.retryQuarantined { return nil }
        // Its other path may have been in hand when the run was killed.
        case .duplicate: guard let sha256 = entry.sha256, spokenFor.contains(sha256) else { return nil }
        case .skipped, .pending: return nil
        }
        if let sha256 = entry.sha256, entry.outcome != .duplicate, session.claims.claim(sha256, for: path) == nil {
            session.claims.settle(sha256, for: path)
        }
        return Settling.Look(stamp)
    }
}

extension RunSession {
    /// Calls the store, with its errors as the run's.
    func storing<Value>(_ body: (StudyStore) throws(StoreError) -> Value) throws(PipelineError) -> Value {
        do throws(StoreError) {
            return try timing(.store) { () throws(StoreError) in try body(store) }
        } catch {
            throw .store(error)
        }
    }

    /// Records that rules leave paths alone.
    func skip(_ paths: [(path: String, rule: SkipRule)]) throws(PipelineError) {
        try storing { (store) throws(StoreError) in
            try store.recordOutcomes(run: run.id, paths.map { ($0.path, .skipped(rule: $0.rule.rawValue)) })
        }
        for (path, rule) in paths { post(.scan(ScanEvent(path: path, outcome: .skipped, detail: rule.rawValue))) }
    }

    /// Records that a path cannot be looked at.
    func fail(_ path: String, _ failure: ScanFailure) throws(PipelineError) {
        try storing { (store) throws(StoreError) in
            try store.recordFailure(
                run: run.id, path: path, stamp: nil, sha256: nil, stage: failure.stage.rawValue,
                kind: failure.kind.rawValue, reason: failure.reason)
        }
        post(.scan(ScanEvent(path: path, outcome: .failed, detail: failure.reason, kind: failure.kind)))
    }

    /// Records that paths are left for later.
    func postpone(_ paths: [String], reason: String) throws(PipelineError) {
        try storing { (store) throws(StoreError) in
            try store.recordOutcomes(run: run.id, paths.map { ($0, .pending(reason: reason)) })
        }
    }
}
