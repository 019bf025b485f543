import Store

/// The parts of the page about patients and DICOM studies; absent where no file names any.
struct GroupSections {
    let facts: RunFacts

    /// Adds `groups` and `hasGroups`.
    func add(to view: inout View) {
        let sections = GroupReading.Kind.allCases.compactMap(section)
        view["hasGroups"] = !sections.isEmpty
        view["groups"] = sections
    }

    private func section(_ kind: GroupReading.Kind) -> View? {
        let groups = facts.groups(kind).sorted { left, right in
            let (a, b) = (strength(left), strength(right))
            return a != b ? a > b : left.identifier < right.identifier
        }
        guard !groups.isEmpty else { return nil }
        let model = facts.run.model
        let what = kind == .patient ? "patient" : "DICOM study"
        let without = facts.scans.count - groups.reduce(0) { $0 + $1.scans.count }
        let found = groups.lazy.filter { $0.call.finding == true }.count
        var note =
            "Strongest first. Of each label, \(facts.aggregation.scans.words) the scans of one \(what) counts. "
            + "\(Words.count(groups.count, what, kind == .patient ? "patients" : "DICOM studies")), findings on \(Words.grouped(found))."
        if without > 0 {
            note +=
                " \(Words.count(without, "scan names", "scans name")) no \(what) and \(without == 1 ? "is" : "are") not here."
        }
        let abstained = groups.reduce(0) { $0 + $1.abstainedScans }
        if abstained > 0 {
            note +=
                " \(Words.count(abstained, "scan is", "scans are")) unlike what the model was trained on and \(abstained == 1 ? "does" : "do") "
                + "not count, unless a \(what) has no other."
        }
        if facts.identifiers == .pseudonyms { note += " Identifiers are pseudonyms." }
        return [
            "id": kind.rawValue, "title": kind == .patient ? "Patients" : "DICOM studies",
            "what": kind == .patient ? "Patient" : "Study",
            "note": note + FindingsPage.note(shown: groups.count, kind == .patient ? "patients" : "studies"),
            "rows": groups.prefix(FindingsPage.mostRows).map { group -> View in
                var row = Words.view(
                    path: group.carrier.path, frame: group.carrier.carrier.frame, of: group.carrier.scan.frames)
                row["identifier"] = group.identifier
                row["scans"] = Words.grouped(group.scans.count)
                row["about"] = (group.modalities + group.dates.map(Words.date).ends).joined(separator: " · ")
                row["call"] = group.call.words(model.labels)
                row["style"] = group.call.style
                guard group.call.kind != .abstained else {
                    return row.merging(["strength": "–", "label": "–"]) { _, none in none }
                }
                row["strength"] = Words.probability(group.call.findings.first?.probability ?? group.call.topProbability)
                row["label"] = group.call.findings.first.map { model.labels[$0.label] } ?? group.call.topLabel
                return row
            },
        ]
    }

    /// Findings before all else, by their probability.
    private func strength(_ group: GroupReading) -> Double { group.call.findings.first?.probability ?? -1 }
}

extension [String] {
    /// The first and the last, or the only one.
    fileprivate var ends: [String] {
        guard let first, let last else { return [] }
        return first == last ? [first] : ["\(first) to \(last)"]
    }
}
