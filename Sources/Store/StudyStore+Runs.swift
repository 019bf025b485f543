import Foundation
import GRDB

extension StudyStore {
    /// Starts a run, or goes on with the latest unfinished one of the same study, model, preprocessing and origin.
    ///
    /// - Returns: the run; `isResumed` says which of both happened.
    /// - Throws: `StoreError.invalid` for a model without labels or with thresholds outside 0…1.
    public func beginRun(_ start: RunStart) throws(StoreError) -> RunRecord {
        try Self.check(start.model)
        return try write { db in
            let moment = now()
            let modelID = try register(start.model, at: moment, db)
            let studyID = try study(start.study, at: moment, db)
            let unfinished = try String.fetchOne(
                db,
                sql: """
                    SELECT id FROM runs WHERE status <> 'finished' AND study_id = ? AND model_id = ?
                    AND preprocessing_digest = ? AND rerun_of IS ? ORDER BY started_at DESC, rowid DESC LIMIT 1
                    """,
                arguments: [studyID, modelID, start.preprocessingDigest, start.rerunOf])
            let id: String
            if let unfinished {
                id = unfinished
                try db.execute(
                    sql:
                        "UPDATE runs SET status = 'running', ended_at = NULL, frame_rule = ?, scan_rule = ? WHERE id = ?",
                    arguments: [start.aggregation.frames.rawValue, start.aggregation.scans.rawValue, id])
            } else {
                id = try freshRunID(variant: start.model.variant, at: moment, db)
                try db.execute(
                    sql: """
                        INSERT INTO runs (id, study_id, model_id, preprocessing_digest, preprocessing, pipeline_path,
                        pipeline, rerun_of, status, program, host, actor, started_at, frame_rule, scan_rule)
                        VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?)
                        """,
                    arguments: [
                        id, studyID, modelID, start.preprocessingDigest, start.preprocessingJSON, start.pipelinePath,
                        start.pipelineYAML, start.rerunOf, start.program, host, actor, moment.description,
                        start.aggregation.frames.rawValue, start.aggregation.scans.rawValue,
                    ])
            }
            try db.execute(
                sql: "INSERT INTO sessions (run_id, workers, pid, host, started_at, last_at) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [id, start.workers, getpid(), host, moment.description, moment.description])
            try append(
                unfinished == nil ? .runStarted : .runResumed, subject: id,
                details: [
                    "study": .string(start.study), "model": .string(start.model.digest),
                    "preprocessing": .string(start.preprocessingDigest), "pipeline": .string(start.pipelinePath),
                    "rerun_of": JSONValue(start.rerunOf), "program": .string(start.program),
                    "workers": JSONValue(start.workers),
                    "aggregate_frames": .string(start.aggregation.frames.rawValue),
                    "aggregate_scans": .string(start.aggregation.scans.rawValue),
                ], at: moment, db)
            return try fetchRun(id, db)
        }
    }

    /// Ends a run's session. Still recorded when the disk is full: the ballast is freed for it.
    /// - Parameters:
    ///   - status: `.finished` or `.interrupted` (the next `beginRun` resumes it).
    ///   - reason: why it stopped, in a few words, for an interrupted run.
    public func finishRun(_ id: String, status: RunStatus, reason: String? = nil) throws(StoreError) {
        guard status != .running else { throw .invalid("a run ends finished or interrupted, not running") }
        try write(isEnding: true) { db in
            let moment = now()
            let ledger = try fetchLedger(run: id, db)
            try db.execute(
                sql: "UPDATE runs SET status = ?, ended_at = ? WHERE id = ?",
                arguments: [status.rawValue, moment.description, id])
            guard db.changesCount == 1 else { throw StoreError.noSuchRun(name: id, searched: [path]) }
            try db.execute(
                sql: """
                    UPDATE sessions SET last_at = ?, ended_at = ?, reason = ?
                    WHERE id = (SELECT max(id) FROM sessions WHERE run_id = ?)
                    """,
                arguments: [moment.description, moment.description, reason, id])
            try append(
                status == .finished ? .runFinished : .runInterrupted, subject: id,
                details: [
                    "seen": JSONValue(ledger.seen), "read": JSONValue(ledger.read),
                    "duplicate": JSONValue(ledger.duplicate), "skipped": JSONValue(ledger.skipped),
                    "failed": JSONValue(ledger.failed), "quarantined": JSONValue(ledger.quarantined),
                    "pending": JSONValue(ledger.pending), "abstained": JSONValue(ledger.abstained),
                    "reason": JSONValue(reason),
                ], at: moment, db)
        }
    }

    private static func check(_ model: ModelRecord) throws(StoreError) {
        guard model.digest.utf8.count == 64 else {
            throw .invalid("model \(model.name): expected a SHA-256 digest, found \"\(model.digest)\"")
        }
        guard !model.labels.isEmpty, Set(model.labels).count == model.labels.count else {
            throw .invalid("model \(model.name): expected labels that differ, found \(model.labels)")
        }
        if let limit = model.abstainLimit,
            !(limit.distance >= 0 && limit.distance.isFinite && (0...1).contains(limit.falseAbstainRate))
        {
            throw .invalid("model \(model.name): expected a finite distance and a rate in 0…1, found \(limit)")
        }
        for (label, threshold) in model.thresholds where !(threshold >= 0 && threshold <= 1) {
            throw .invalid("model \(model.name): expected a threshold of \(label) in 0…1, found \(threshold)")
        }
    }

    private func study(_ name: String, at moment: Timestamp, _ db: Database) throws -> Int64 {
        if let id = try Int64.fetchOne(db, sql: "SELECT id FROM studies WHERE name = ?", arguments: [name]) {
            return id
        }
        try db.execute(
            sql: "INSERT INTO studies (name, created_at) VALUES (?, ?)", arguments: [name, moment.description])
        return db.lastInsertedRowID
    }

    private func register(_ model: ModelRecord, at moment: Timestamp, _ db: Database) throws -> Int64 {
        let limit = model.abstainLimit
        if let id = try Int64.fetchOne(db, sql: "SELECT id FROM models WHERE digest = ?", arguments: [model.digest]) {
            // An older version registered it without its limit.
            if let limit {
                try db.execute(
                    sql:
                        "UPDATE models SET abstain_distance = ?, false_abstain_rate = ? WHERE id = ? AND abstain_distance IS NULL",
                    arguments: [limit.distance, limit.falseAbstainRate, id])
            }
            return id
        }
        let labels = JSONValue.array(model.labels.map(JSONValue.string))
        let thresholds = JSONValue.object(model.thresholds.mapValues(JSONValue.double))
        try db.execute(
            sql: """
                INSERT INTO models (digest, name, variant, labels, thresholds, negative_label, manifest, path, registered_at,
                abstain_distance, false_abstain_rate)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                model.digest, model.name, model.variant, labels.canonical, thresholds.canonical, model.negativeLabel,
                model.manifestJSON, model.path, moment.description, limit?.distance, limit?.falseAbstainRate,
            ])
        let id = db.lastInsertedRowID
        var details: [String: JSONValue] = [
            "name": .string(model.name), "variant": .string(model.variant), "labels": labels, "thresholds": thresholds,
            "path": .string(model.path),
        ]
        if let limit { details["abstain_distance"] = .double(limit.distance) }
        try append(.modelRegistered, subject: model.digest, details: details, at: moment, db)
        return id
    }

    private func freshRunID(variant: String, at moment: Timestamp, _ db: Database) throws -> String {
        while true {
            let random = String(UInt16.random(in: 0...UInt16.max), radix: 16)
            let suffix = String(repeating: "0", count: 4 - random.count) + random
            let id = "\(moment.compact)-\(variant)-\(suffix)"
            let isTaken = try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM runs WHERE id = ?)", arguments: [id])
            if isTaken != true { return id }
        }
    }
}
