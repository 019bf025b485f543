import Store

/// The table of a run: one row per scan and frame, and one per file that has no reading, in path order.
///
/// The columns are documented in Documentation/STORE.md; new ones are only ever added at the end, before the labels.
enum FindingsTable {
    static let columns = [
        "run", "study", "path", "outcome", "detail", "frame", "frames", "call", "findings", "top_label",
        "top_probability", "sha256", "format", "width", "height", "bits", "model", "model_digest", "decode_ms",
        "prepare_ms", "network_ms", "read_by_run", "failure_stage", "failure_kind", "scan_call", "scan_findings",
        "carrying_frame", "patient", "study_uid", "series_uid", "instance_uid", "modality", "body_part", "laterality",
        "view", "acquisition_date", "row_spacing_mm", "column_spacing_mm", "abstained", "distance",
    ]

    static func make(_ facts: RunFacts) -> [UInt8] {
        let model = facts.run.model
        var document = CSVDocument(header: columns + model.labels.map { "p_" + $0 })
        var readings = facts.readings[...]
        var failures = facts.failures[...]
        let scans = Dictionary(facts.scans.map { ($0.scan.sha256, $0) }) { first, _ in first }
        for entry in facts.entries {
            // All three lists are in path order, and every reading and failure belongs to an entry.
            var rows = 0
            while let reading = readings.first, same(reading.path, entry.path) {
                readings = readings.dropFirst()
                document.append(row(reading, of: scans[reading.scan.sha256], facts.run))
                rows += 1
            }
            var failure: FailureRecord?
            while let next = failures.first, same(next.path, entry.path) {
                failure = next
                failures = failures.dropFirst()
            }
            if rows == 0 { document.append(row(entry, failure, facts.run)) }
        }
        return document.bytes
    }

    private static func row(
        _ reading: ReadingRecord, of scan: ScanReading?, _ run: RunRecord
    ) -> [CSVDocument.Cell] {
        let model = run.model
        let call = model.call(reading.probabilities, isAbstained: reading.isAbstained)
        return [
            .text(run.id), .text(run.study), .text(reading.path), .text("read"), .empty,
            .integer(Int64(reading.frame)), .integer(Int64(reading.scan.frames)),
            .text(reading.kind.rawValue), .text(call.map { findings($0, model) } ?? ""),
            .text(reading.topLabel), .number(reading.topProbability), .text(reading.scan.sha256),
            .text(reading.scan.format), .integer(Int64(reading.scan.width)), .integer(Int64(reading.scan.height)),
            .integer(Int64(reading.scan.bits)), .text(model.name), .text(model.digest),
            .number(reading.decodeMilliseconds), .number(reading.prepareMilliseconds),
            .number(reading.networkMilliseconds), .text(reading.madeBy), .empty, .empty,
            .text(scan.map { $0.call.kind.rawValue } ?? ""), .text(scan.map { findings($0.call, model) } ?? ""),
            scan.map { .integer(Int64($0.carrier.frame)) } ?? .empty,
        ] + attributes(reading.scan.attributes) + distance(reading) + reading.probabilities.map(CSVDocument.Cell.number)
    }

    /// Whether the run abstained (0 or 1) and from which distance; empty for a model that does not know what it was trained on.
    static func distance(_ reading: ReadingRecord) -> [CSVDocument.Cell] {
        guard let distance = reading.distance else { return [.empty, .empty] }
        return [.integer(reading.isAbstained ? 1 : 0), .number(distance)]
    }

    /// Labels at or over their threshold, strongest first.
    static func findings(_ call: Call, _ model: ModelRecord) -> String {
        call.findings.map { model.labels[$0.label] }.joined(separator: ";")
    }

    private static func attributes(_ attributes: ScanAttributes?) -> [CSVDocument.Cell] {
        let texts = [
            attributes?.patient, attributes?.studyUID, attributes?.seriesUID, attributes?.instanceUID,
            attributes?.modality, attributes?.bodyPart, attributes?.laterality, attributes?.view,
            attributes?.acquisitionDate,
        ]
        return texts.map { $0.map(CSVDocument.Cell.text) ?? .empty }
            + [attributes?.rowSpacing, attributes?.columnSpacing].map { $0.map(CSVDocument.Cell.number) ?? .empty }
    }

    private static func row(
        _ entry: EntryRecord, _ failure: FailureRecord?, _ run: RunRecord
    ) -> [CSVDocument.Cell] {
        var cells = [CSVDocument.Cell](repeating: .empty, count: columns.count)
        cells[0...4] = [
            .text(run.id), .text(run.study), .text(entry.path), .text(entry.outcome.rawValue),
            .text(failure?.reason ?? entry.detail ?? ""),
        ]
        cells[11] = entry.sha256.map(CSVDocument.Cell.text) ?? .empty
        if let failure {
            cells[22] = .text(failure.stage)
            cells[23] = .text(failure.kind)
        }
        return cells
    }

    /// Equal bytes; to `==` two spellings of one accent are equal, to a file system they are two files.
    static func same(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
}
