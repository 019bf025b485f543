import Store

/// The table of a run's patients and DICOM studies: one row each, patients first, in the order of their identifiers.
///
/// The columns are documented in Documentation/STORE.md; new ones are only ever added at the end, before the labels.
enum GroupsTable {
    static let columns = [
        "run", "study", "group", "identifier", "scans", "frames", "call", "findings", "top_label", "top_probability",
        "carrying_path", "carrying_frame", "modalities", "first_date", "last_date", "frame_rule", "scan_rule", "model",
        "model_digest", "abstained_scans",
    ]

    static func make(_ facts: RunFacts) -> [UInt8] {
        var document = CSVDocument(header: columns + facts.run.model.labels.map { "p_" + $0 })
        for kind in GroupReading.Kind.allCases {
            for group in facts.groups(kind) { document.append(row(group, facts)) }
        }
        return document.bytes
    }

    private static func row(_ group: GroupReading, _ facts: RunFacts) -> [CSVDocument.Cell] {
        let (run, model) = (facts.run, facts.run.model)
        let dates = group.dates
        return [
            .text(run.id), .text(run.study), .text(group.kind.rawValue), .text(group.identifier),
            .integer(Int64(group.scans.count)), .integer(Int64(group.scans.reduce(0) { $0 + $1.frames.count })),
            .text(group.call.kind.rawValue), .text(FindingsTable.findings(group.call, model)),
            .text(group.call.topLabel), .number(group.call.topProbability), .text(group.carrier.path),
            .integer(Int64(group.carrier.carrier.frame)), .text(group.modalities.joined(separator: ";")),
            dates.first.map(CSVDocument.Cell.text) ?? .empty, dates.last.map(CSVDocument.Cell.text) ?? .empty,
            .text(facts.aggregation.frames.rawValue), .text(facts.aggregation.scans.rawValue), .text(model.name),
            .text(model.digest), .integer(Int64(group.abstainedScans)),
        ] + group.probabilities.map(CSVDocument.Cell.number)
    }
}

extension GroupReading {
    /// Of its scans, without repetition, sorted.
    var modalities: [String] { Set(scans.compactMap { $0.scan.attributes?.modality }).sorted() }

    /// Acquisition dates of its scans, as DICOM writes them, sorted.
    var dates: [String] { Set(scans.compactMap { $0.scan.attributes?.acquisitionDate }).sorted() }
}
