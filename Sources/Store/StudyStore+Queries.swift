import Foundation
import GRDB

/// What recording needs of the run it records into.
struct RunContext {
    let modelID: Int64
    let model: ModelRecord
    let preprocessingDigest: String
}

extension StudyStore {
    /// The run with exactly this id.
    /// - Throws: `StoreError.noSuchRun`.
    public func run(_ id: String) throws(StoreError) -> RunRecord {
        try read { db in try fetchRun(id, db) }
    }

    /// Every run of the store, latest first.
    public func runs() throws(StoreError) -> [RunRecord] {
        try read { db in
            try String.fetchAll(db, sql: "SELECT id FROM runs ORDER BY started_at DESC, rowid DESC")
                .map { try fetchRun($0, db) }
        }
    }

    /// The run that started last, if there is one.
    public func latestRun() throws(StoreError) -> RunRecord? {
        try read { db in
            try String.fetchOne(db, sql: "SELECT id FROM runs ORDER BY started_at DESC, rowid DESC LIMIT 1")
                .map { try fetchRun($0, db) }
        }
    }

    /// Ids of the runs whose id begins with `prefix`, latest first.
    public func runIDs(beginningWith prefix: String) throws(StoreError) -> [String] {
        try read { db in
            try String.fetchAll(
                db,
                sql: "SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 ORDER BY started_at DESC, rowid DESC",
                arguments: [prefix])
        }
    }

    /// The SHA-256 under which a file of this path and stamp was recorded before, so that it need not be hashed again.
    public func knownDigest(path: String, stamp: FileStamp) throws(StoreError) -> String? {
        try read { db in
            try String.fetchOne(
                db,
                sql: """
                    SELECT sha256 FROM entries WHERE path = ? AND sha256 IS NOT NULL AND device = ? AND inode = ?
                    AND size = ? AND mtime_ns = ? AND ctime_ns = ? ORDER BY updated_at DESC LIMIT 1
                    """,
                arguments: [
                    path, Int64(bitPattern: stamp.device), Int64(bitPattern: stamp.inode), stamp.size,
                    stamp.mtimeNanoseconds, stamp.ctimeNanoseconds,
                ])
        }
    }

    /// What the store knows of a content, and whether this model has read it with this preprocessing: then there is nothing
    /// to decode, and `recordRead` takes the scan with empty readings.
    public func knownScan(sha256: String, model: String, preprocessing: String) throws(StoreError) -> ScanRecord? {
        try read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT s.* FROM scans s WHERE s.sha256 = ? AND EXISTS (SELECT 1 FROM readings r
                    JOIN models m ON m.id = r.model_id
                    WHERE r.scan_id = s.id AND m.digest = ? AND r.preprocessing_digest = ?)
                    """,
                arguments: [sha256, model, preprocessing]
            ).map(Self.scan)
        }
    }

    /// What the store knows of a content, whether any model has read it or not.
    public func scan(sha256: String) throws(StoreError) -> ScanRecord? {
        try read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM scans WHERE sha256 = ?", arguments: [sha256]).map(Self.scan)
        }
    }

    /// In how many runs this content took a process down (`FailureRecord.quarantiningKinds`). Two are enough for quarantine.
    public func crashFailures(sha256: String) throws(StoreError) -> Int {
        try read { db in
            let kinds = FailureRecord.quarantiningKinds.sorted()
            return try Int.fetchOne(
                db,
                sql: """
                    SELECT count(DISTINCT run_id) FROM failures
                    WHERE sha256 = ? AND kind IN (\(kinds.map { _ in "?" }.joined(separator: ", ")))
                    """,
                arguments: StatementArguments([sha256] + kinds)) ?? 0
        }
    }

    /// What became of every path of a run.
    public func ledger(run: String) throws(StoreError) -> Ledger {
        try read { db in try fetchLedger(run: run, db) }
    }

    /// Every path of a run, in path order.
    public func entries(run: String) throws(StoreError) -> [EntryRecord] {
        try read { db in
            try Row.fetchAll(db, sql: "SELECT * FROM entries WHERE run_id = ? ORDER BY path", arguments: [run])
                .compactMap(Self.entry)
        }
    }

    /// The run's entry of one path.
    public func entry(run: String, path: String) throws(StoreError) -> EntryRecord? {
        try read { db in
            try Row.fetchOne(db, sql: "SELECT * FROM entries WHERE run_id = ? AND path = ?", arguments: [run, path])
                .flatMap(Self.entry)
        }
    }

    /// The path of this run under which a content was read, if it was.
    public func pathRead(run: String, sha256: String) throws(StoreError) -> String? {
        try read { db in
            try String.fetchOne(
                db, sql: "SELECT path FROM entries WHERE run_id = ? AND outcome = 'read' AND sha256 = ? LIMIT 1",
                arguments: [run, sha256])
        }
    }

    /// The readings of a run, made by it or recognised from earlier ones, in path and frame order.
    public func readings(run: String) throws(StoreError) -> [ReadingRecord] {
        try read { db in
            let cursor = try Row.fetchCursor(
                db,
                sql: """
                    SELECT r.*, e.path AS entry_path, s.*, r.id AS reading_id,
                    EXISTS (SELECT 1 FROM thumbnails t WHERE t.reading_id = r.id) AS has_thumbnail
                    FROM entries e
                    JOIN runs u ON u.id = e.run_id
                    JOIN scans s ON s.sha256 = e.sha256
                    JOIN readings r ON r.scan_id = s.id AND r.model_id = u.model_id
                        AND r.preprocessing_digest = u.preprocessing_digest
                    WHERE e.run_id = ? AND e.outcome = 'read' ORDER BY e.path, r.frame
                    """,
                arguments: [run])
            var readings: [ReadingRecord] = []
            while let row = try cursor.next() { readings.append(Self.reading(row)) }
            return readings
        }
    }

    /// Readings that this run made of files whose content changed afterwards: no entry refers to them any more.
    public func supersededReadings(run: String) throws(StoreError) -> [ReadingRecord] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT r.*, r.path AS entry_path, s.*, r.id AS reading_id,
                    EXISTS (SELECT 1 FROM thumbnails t WHERE t.reading_id = r.id) AS has_thumbnail
                    FROM readings r JOIN scans s ON s.id = r.scan_id
                    WHERE r.run_id = ?1 AND NOT EXISTS (SELECT 1 FROM entries e
                        WHERE e.run_id = ?1 AND e.outcome = 'read' AND e.sha256 = s.sha256)
                    ORDER BY r.path, r.frame
                    """,
                arguments: [run]
            ).map(Self.reading)
        }
    }

    /// PNG of a reading's frame, if one was recorded.
    public func thumbnail(reading: Int64) throws(StoreError) -> [UInt8]? {
        try read { db in
            try Data.fetchOne(db, sql: "SELECT png FROM thumbnails WHERE reading_id = ?", arguments: [reading])
                .map { Array($0) }
        }
    }

    /// Failures of a run whose path still counts as failed, in path order; the latest of each path.
    public func failures(run: String) throws(StoreError) -> [FailureRecord] {
        try read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT f.* FROM failures f JOIN entries e ON e.run_id = f.run_id AND e.path = f.path
                    WHERE f.run_id = ? AND e.outcome = 'failed'
                    AND f.id = (SELECT max(g.id) FROM failures g WHERE g.run_id = f.run_id AND g.path = f.path)
                    ORDER BY f.path
                    """,
                arguments: [run]
            ).map { row in
                FailureRecord(
                    path: row["path"], sha256: row["sha256"], stage: row["stage"], kind: row["kind"],
                    reason: row["reason"], failedAt: row["failed_at"])
            }
        }
    }

    func context(of run: String, _ db: Database) throws -> RunContext {
        let row = try Row.fetchOne(
            db, sql: "SELECT r.preprocessing_digest, m.* FROM runs r JOIN models m ON m.id = r.model_id WHERE r.id = ?",
            arguments: [run])
        guard let row else { throw StoreError.noSuchRun(name: run, searched: [path]) }
        return RunContext(
            modelID: row["id"], model: try Self.model(row), preprocessingDigest: row["preprocessing_digest"])
    }

    func fetchRun(_ id: String, _ db: Database) throws -> RunRecord {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT m.*, r.*, s.name AS study, r.host AS run_host FROM runs r JOIN studies s ON s.id = r.study_id
                JOIN models m ON m.id = r.model_id WHERE r.id = ?
                """, arguments: [id])
        guard let row, let status = RunStatus(rawValue: row["status"]), let started = Timestamp(row["started_at"])
        else {
            throw StoreError.noSuchRun(name: id, searched: [path])
        }
        let sessions = try Row.fetchAll(
            db, sql: "SELECT * FROM sessions WHERE run_id = ? ORDER BY id", arguments: [id])
        return RunRecord(
            id: id, study: row["study"], model: try Self.model(row), preprocessingDigest: row["preprocessing_digest"],
            preprocessingJSON: row["preprocessing"], pipelinePath: row["pipeline_path"], pipelineYAML: row["pipeline"],
            rerunOf: row["rerun_of"], status: status, program: row["program"], host: row["run_host"],
            actor: row["actor"], startedAt: started,
            endedAt: (row["ended_at"] as String?).flatMap { Timestamp($0) },
            aggregation: Aggregation(
                frames: Aggregation.Rule(rawValue: row["frame_rule"]) ?? .max,
                scans: Aggregation.Rule(rawValue: row["scan_rule"]) ?? .max),
            sessions: sessions.compactMap(Self.session))
    }

    func fetchLedger(run: String, _ db: Database) throws -> Ledger {
        var ledger = Ledger()
        let rows = try Row.fetchAll(
            db,
            sql: """
                SELECT outcome, CASE outcome WHEN 'skipped' THEN detail END AS rule, count(*) AS count FROM entries
                WHERE run_id = ? GROUP BY 1, 2 ORDER BY 3 DESC, 2
                """, arguments: [run])
        for row in rows {
            let count: Int = row["count"]
            ledger.seen += count
            switch EntryRecord.Outcome(rawValue: row["outcome"]) {
            case .duplicate: ledger.duplicate += count
            case .skipped: ledger.skippedByRule.append(Ledger.Skip(rule: row["rule"] ?? "", count: count))
            case .failed: ledger.failed += count
            case .quarantined: ledger.quarantined += count
            case .pending: ledger.pending += count
            case .read, nil: break
            }
        }
        let read = try Row.fetchOne(
            db,
            sql: """
                SELECT count(*) AS count, coalesce(sum(abstained), 0) AS abstained FROM (
                    SELECT min(r.abstained) AS abstained FROM entries e
                    JOIN runs u ON u.id = e.run_id
                    JOIN scans s ON s.sha256 = e.sha256
                    JOIN readings r ON r.scan_id = s.id AND r.model_id = u.model_id
                        AND r.preprocessing_digest = u.preprocessing_digest
                    WHERE e.run_id = ? AND e.outcome = 'read' GROUP BY e.id)
                """, arguments: [run])
        ledger.read = read?["count"] ?? 0
        ledger.abstained = read?["abstained"] ?? 0
        return ledger
    }
}
