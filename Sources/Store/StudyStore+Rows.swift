import Foundation
import GRDB

/// Rows as the values they stand for.
extension StudyStore {
    static func model(_ row: Row) throws -> ModelRecord {
        let decoder = JSONDecoder()
        let labels: String = row["labels"]
        let thresholds: String = row["thresholds"]
        return ModelRecord(
            digest: row["digest"], name: row["name"], variant: row["variant"],
            labels: try decoder.decode([String].self, from: Data(labels.utf8)),
            thresholds: try decoder.decode([String: Double].self, from: Data(thresholds.utf8)),
            negativeLabel: row["negative_label"], abstainLimit: limit(row), manifestJSON: row["manifest"],
            path: row["path"])
    }

    private static func limit(_ row: Row) -> AbstainLimit? {
        guard let distance = row["abstain_distance"] as Double? else { return nil }
        return AbstainLimit(distance: distance, falseAbstainRate: row["false_abstain_rate"] ?? 0)
    }

    static func scan(_ row: Row) -> ScanRecord {
        ScanRecord(
            sha256: row["sha256"], size: row["size"], format: row["format"], width: row["width"],
            height: row["height"], channels: row["channels"], frames: row["frames"], bits: row["bits"],
            attributes: attributes(row))
    }

    private static func attributes(_ row: Row) -> ScanAttributes? {
        guard row["described"] == true else { return nil }
        var attributes = ScanAttributes()
        attributes.patient = row["patient"]
        attributes.studyUID = row["study_uid"]
        attributes.seriesUID = row["series_uid"]
        attributes.instanceUID = row["instance_uid"]
        attributes.modality = row["modality"]
        attributes.bodyPart = row["body_part"]
        attributes.laterality = row["laterality"]
        attributes.view = row["view_position"]
        attributes.acquisitionDate = row["acquisition_date"]
        attributes.rowSpacing = row["row_spacing"]
        attributes.columnSpacing = row["column_spacing"]
        return attributes
    }

    static func reading(_ row: Row) -> ReadingRecord {
        ReadingRecord(
            id: row["reading_id"], path: row["entry_path"], scan: scan(row), frame: row["frame"],
            probabilities: numbers(row["probabilities"]), topLabel: row["top_label"],
            topProbability: row["top_probability"], finding: row["finding"], distance: row["distance"],
            isAbstained: row["abstained"], decodeMilliseconds: row["decode_ms"],
            prepareMilliseconds: row["prepare_ms"], networkMilliseconds: row["network_ms"], madeBy: row["run_id"],
            hasThumbnail: row["has_thumbnail"])
    }

    static func entry(_ row: Row) -> EntryRecord? {
        guard let outcome = EntryRecord.Outcome(rawValue: row["outcome"]) else { return nil }
        var stamp: FileStamp?
        if let device = row["device"] as Int64? {
            stamp = FileStamp(
                device: UInt64(bitPattern: device), inode: UInt64(bitPattern: row["inode"]), size: row["size"],
                mtimeNanoseconds: row["mtime_ns"], ctimeNanoseconds: row["ctime_ns"])
        }
        return EntryRecord(
            path: row["path"], outcome: outcome, detail: row["detail"], sha256: row["sha256"], stamp: stamp)
    }

    static func session(_ row: Row) -> RunRecord.Session? {
        guard let started = Timestamp(row["started_at"]), let last = Timestamp(row["last_at"]) else { return nil }
        return RunRecord.Session(
            workers: row["workers"], pid: row["pid"], host: row["host"], startedAt: started, lastAt: last,
            endedAt: (row["ended_at"] as String?).flatMap { Timestamp($0) }, reason: row["reason"])
    }

    /// The numbers of a flat JSON array, as `JSONValue.canonical` writes them.
    static func numbers(_ text: String) -> [Double] {
        text.dropFirst().dropLast().split(separator: ",").compactMap { Double($0) }
    }
}

extension Database {
    /// Executes one statement, compiled once per connection: a night records the same few thousands of times.
    func run(sql: String, arguments: StatementArguments) throws {
        try cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
