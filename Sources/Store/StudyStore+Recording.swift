import Crypto
import Foundation
import GRDB

extension StudyStore {
    /// Records that a path was read: its entry, the scan, the readings with their thumbnails and the audit event, in one transaction.
    ///
    /// - Parameters:
    ///   - readings: one per frame; empty when `hasReadings` said that this model has read the content before.
    /// - Returns: how many readings are new. A frame that has a reading keeps it: nothing is ever read twice.
    /// - Throws: `StoreError.invalid` for probabilities that do not fit the model, frames out of range, or an empty
    ///   `readings` for a scan that has none.
    @discardableResult
    public func recordRead(
        run: String, path: String, stamp: FileStamp, scan: ScanRecord, readings: [NewReading]
    ) throws(StoreError) -> RecordedReadings {
        try write { db in
            try record(readings, of: scan, run: run, path: path, stamp: stamp, context: try context(of: run, db), db)
        }
    }

    /// Records what became of several paths, in order and in one transaction: a commit waits for the disk.
    public func record(run: String, _ records: [PathRecord]) throws(StoreError) {
        guard !records.isEmpty else { return }
        try write { db in
            let context = try context(of: run, db)
            for record in records {
                let (path, stamp) = (record.path, record.stamp)
                switch record.content {
                case .read(let scan, let readings):
                    try self.record(readings, of: scan, run: run, path: path, stamp: stamp, context: context, db)
                case .outcome(let outcome, let sha256, let scan):
                    if let scan { _ = try register(scan, at: now(), db) }
                    try self.record(outcome, run: run, path: path, stamp: stamp, sha256: sha256, at: now(), db)
                case .failure(let failure):
                    try self.record(failure, run: run, path: path, stamp: stamp, db)
                }
            }
        }
    }

    @discardableResult
    private func record(
        _ readings: [NewReading], of scan: ScanRecord, run: String, path: String, stamp: FileStamp?,
        context: RunContext,
        _ db: Database
    ) throws -> RecordedReadings {
        let moment = now()
        let scanID = try register(scan, at: moment, db)
        let known = try Set(
            Int.fetchAll(
                db,
                sql: "SELECT frame FROM readings WHERE scan_id = ? AND model_id = ? AND preprocessing_digest = ?",
                arguments: [scanID, context.modelID, context.preprocessingDigest]))
        let new = readings.filter { !known.contains($0.frame) }.sorted { $0.frame < $1.frame }
        guard !(known.isEmpty && new.isEmpty) else {
            throw StoreError.invalid("\(path): marked read, but no reading is given or known")
        }
        var rows: [(reading: NewReading, call: Call, text: String)] = []
        for reading in new {
            let call = try check(reading, of: path, scan: scan, model: context.model)
            rows.append((reading, call, JSONValue(reading.probabilities).canonical))
        }
        let event = try append(
            new.isEmpty ? .scanRecognised : .scanRead, subject: path,
            details: [
                "run": .string(run), "sha256": .string(scan.sha256), "model": .string(context.model.digest),
                "preprocessing": .string(context.preprocessingDigest), "frames": JSONValue(scan.frames),
                "new": JSONValue(new.count),
                "readings_sha256": .string(
                    ReadingsDigest.of(rows.map { ($0.reading.frame, $0.text, $0.call.kind, $0.reading.distance) })),
            ], at: moment, db)
        for row in rows {
            try insert(
                row.reading, row.call, probabilities: row.text, run: run, path: path, scanID: scanID,
                context: context, event: event, at: moment, db)
        }
        try upsertEntry(run: run, path, .read, detail: nil, sha256: scan.sha256, stamp: stamp, at: moment, db)
        return RecordedReadings(new: new.count, existing: readings.count - new.count)
    }

    /// Records a path that is neither read nor failed. A later record of the same path replaces the outcome.
    /// - Parameters:
    ///   - stamp: where the file could be asked.
    ///   - sha256: where it was hashed.
    ///   - scan: where it was decoded, so that a rule about what files say of themselves need not decode it again.
    public func recordOutcome(
        run: String, path: String, stamp: FileStamp?, outcome: EntryOutcome, sha256: String? = nil,
        scan: ScanRecord? = nil
    ) throws(StoreError) {
        try write { db in
            if let scan { _ = try register(scan, at: now(), db) }
            try record(outcome, run: run, path: path, stamp: stamp, sha256: sha256, at: now(), db)
        }
    }

    /// Records many paths that are neither read nor failed, in one transaction: a commit waits for the disk, and a folder
    /// may hold a hundred thousand files that a rule leaves alone.
    public func recordOutcomes(run: String, _ outcomes: [(path: String, outcome: EntryOutcome)]) throws(StoreError) {
        guard !outcomes.isEmpty else { return }
        try write { db in
            let moment = now()
            for (path, outcome) in outcomes {
                try record(outcome, run: run, path: path, stamp: nil, sha256: nil, at: moment, db)
            }
        }
    }

    private func record(
        _ outcome: EntryOutcome, run: String, path: String, stamp: FileStamp?, sha256: String?, at moment: Timestamp,
        _ db: Database
    ) throws {
        let (kind, detail): (EntryRecord.Outcome, String) =
            switch outcome {
            case .duplicate(let other): (.duplicate, other)
            case .skipped(let rule): (.skipped, rule)
            case .pending(let reason): (.pending, reason)
            case .quarantined(let reason): (.quarantined, reason)
            }
        if kind == .quarantined {
            try append(
                .scanQuarantined, subject: path,
                details: ["run": .string(run), "sha256": JSONValue(sha256), "reason": .string(detail)], at: moment, db)
        }
        try upsertEntry(run: run, path, kind, detail: detail, sha256: sha256, stamp: stamp, at: moment, db)
    }

    /// Records that a scan could not be read: a failure row, the entry and the audit event.
    /// - Parameters: as those of `NewFailure`.
    public func recordFailure(
        run: String, path: String, stamp: FileStamp?, sha256: String?, stage: String, kind: String, reason: String
    ) throws(StoreError) {
        let failure = NewFailure(sha256: sha256, stage: stage, kind: kind, reason: reason)
        try write { db in try record(failure, run: run, path: path, stamp: stamp, db) }
    }

    private func record(
        _ failure: NewFailure, run: String, path: String, stamp: FileStamp?, _ db: Database
    ) throws {
        let moment = now()
        let event = try append(
            .scanFailed, subject: path,
            details: [
                "run": .string(run), "sha256": JSONValue(failure.sha256), "stage": .string(failure.stage),
                "kind": .string(failure.kind), "reason": .string(failure.reason),
            ], at: moment, db)
        try db.run(
            sql: """
                INSERT INTO failures (run_id, path, sha256, stage, kind, reason, failed_at, event)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                run, path, failure.sha256, failure.stage, failure.kind, failure.reason, moment.description, event,
            ])
        try upsertEntry(
            run: run, path, .failed, detail: failure.reason, sha256: failure.sha256, stamp: stamp, at: moment, db)
    }

    private func check(
        _ reading: NewReading, of path: String, scan: ScanRecord, model: ModelRecord
    ) throws(StoreError) -> Call {
        guard (0..<scan.frames).contains(reading.frame) else {
            throw .invalid("\(path): expected a frame in 0..<\(scan.frames), found \(reading.frame)")
        }
        guard let call = model.call(reading.probabilities, isAbstained: reading.isAbstained),
            reading.probabilities.allSatisfy({ $0 >= 0 && $0 <= 1 })
        else {
            throw .invalid(
                "\(path): expected \(model.labels.count) probabilities in 0…1, found \(reading.probabilities)")
        }
        guard reading.distance.map({ $0 >= 0 }) ?? !reading.isAbstained else {
            throw .invalid(
                "\(path): expected a distance of 0 or more, found \(reading.distance.map { "\($0)" } ?? "none")")
        }
        let times = [reading.decodeMilliseconds, reading.prepareMilliseconds, reading.networkMilliseconds]
        guard times.allSatisfy({ $0 >= 0 && $0.isFinite }) else {
            throw .invalid("\(path): expected times of 0 ms or more, found \(times)")
        }
        return call
    }

    private func insert(
        _ reading: NewReading, _ call: Call, probabilities: String, run: String, path: String, scanID: Int64,
        context: RunContext, event: Int64, at moment: Timestamp, _ db: Database
    ) throws {
        try db.run(
            sql: """
                INSERT INTO readings (scan_id, model_id, preprocessing_digest, frame, run_id, path, probabilities,
                top_label, top_probability, finding, distance, abstained, decode_ms, prepare_ms, network_ms, read_at, event)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                scanID, context.modelID, context.preprocessingDigest, reading.frame, run, path, probabilities,
                call.topLabel, call.topProbability, call.finding, reading.distance, reading.isAbstained,
                reading.decodeMilliseconds,
                reading.prepareMilliseconds, reading.networkMilliseconds, moment.description, event,
            ])
        let id = db.lastInsertedRowID
        if let png = reading.thumbnailPNG {
            try db.run(
                sql: "INSERT INTO thumbnails (reading_id, png) VALUES (?, ?)", arguments: [id, Data(png)])
        }
    }

    private func register(_ scan: ScanRecord, at moment: Timestamp, _ db: Database) throws -> Int64 {
        if let known = try Row.fetchOne(
            db, sql: "SELECT id, described FROM scans WHERE sha256 = ?", arguments: [scan.sha256])
        {
            if known["described"] == false, let attributes = scan.attributes {
                try describe(known["id"], attributes, db)
            }
            return known["id"]
        }
        try db.run(
            sql: """
                INSERT INTO scans (sha256, size, format, width, height, channels, frames, bits, first_seen_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                scan.sha256, scan.size, scan.format, scan.width, scan.height, scan.channels, scan.frames, scan.bits,
                moment.description,
            ])
        let id = db.lastInsertedRowID
        if let attributes = scan.attributes { try describe(id, attributes, db) }
        return id
    }

    private func describe(_ scanID: Int64, _ attributes: ScanAttributes, _ db: Database) throws {
        try db.run(
            sql: """
                UPDATE scans SET described = 1, patient = ?, study_uid = ?, series_uid = ?, instance_uid = ?, modality = ?,
                body_part = ?, laterality = ?, view_position = ?, acquisition_date = ?, row_spacing = ?, column_spacing = ?
                WHERE id = ?
                """,
            arguments: [
                attributes.patient, attributes.studyUID, attributes.seriesUID, attributes.instanceUID,
                attributes.modality, attributes.bodyPart, attributes.laterality, attributes.view,
                attributes.acquisitionDate, attributes.rowSpacing, attributes.columnSpacing, scanID,
            ])
    }

    private func upsertEntry(
        run: String, _ path: String, _ outcome: EntryRecord.Outcome, detail: String?, sha256: String?,
        stamp: FileStamp?, at moment: Timestamp, _ db: Database
    ) throws {
        try db.run(
            sql: """
                INSERT INTO entries
                (run_id, path, outcome, detail, sha256, device, inode, size, mtime_ns, ctime_ns, updated_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (run_id, path) DO UPDATE SET outcome = excluded.outcome, detail = excluded.detail,
                sha256 = excluded.sha256, device = excluded.device, inode = excluded.inode, size = excluded.size,
                mtime_ns = excluded.mtime_ns, ctime_ns = excluded.ctime_ns, updated_at = excluded.updated_at
                """,
            arguments: [
                run, path, outcome.rawValue, detail, sha256, stamp.map { Int64(bitPattern: $0.device) },
                stamp.map { Int64(bitPattern: $0.inode) }, stamp?.size, stamp?.mtimeNanoseconds,
                stamp?.ctimeNanoseconds,
                moment.description,
            ])
        try db.run(
            sql: "UPDATE sessions SET last_at = ? WHERE id = (SELECT max(id) FROM sessions WHERE run_id = ?)",
            arguments: [moment.description, run])
    }
}

/// What a "scan read" event says of its readings, so that a reading changed later is noticed.
enum ReadingsDigest {
    /// SHA-256 (hexadecimal) over one line per reading in frame order: `FRAME PROBABILITIES CALL\n`, CALL being a `Call.Kind`, or
    /// `FRAME PROBABILITIES CALL DISTANCE\n` where there is a distance.
    static func of(
        _ readings: [(frame: Int, probabilities: String, kind: Call.Kind, distance: Double?)]
    ) -> String {
        var sha = SHA256()
        for reading in readings {
            let distance = reading.distance.map { " \(JSONValue.double($0).canonical)" } ?? ""
            sha.update(
                data: Array("\(reading.frame) \(reading.probabilities) \(reading.kind.rawValue)\(distance)\n".utf8))
        }
        return hexadecimal(sha.finalize())
    }
}
