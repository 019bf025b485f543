import Foundation

extension LabelledScans {
    /// Reads a CSV file whose first line names its columns: `path` (or `file`) and `label`, and, if they like, `patient` and `split`
    /// (`train`, `validation` or `val`, `test`); others are left alone. Paths are relative to the file, and stay below its folder.
    ///
    /// Several labels of a scan stand in one field with `|` between them. Lines that repeat a path with the same label are taken once.
    ///
    /// - Parameters:
    ///   - labels: In the model's order; nil: those that occur, in alphabetical order.
    ///   - isMultiple: Whether a scan may have several labels or none; nil: where a field has `|` in it.
    /// - Throws: `DataError.unusable` with every line that cannot be used.
    public static func manifest(
        _ path: String, labels: [String]? = nil, isMultiple: Bool? = nil
    ) throws(DataError) -> LabelledScans {
        guard let data = FileManager.default.contents(atPath: path), let text = String(validating: data, as: UTF8.self)
        else {
            throw .unusable(path: path, problems: ["expected a CSV file in UTF-8"])
        }
        var rows = CSVRows.parse(text)
        guard !rows.isEmpty else {
            throw .unusable(path: path, problems: ["expected a line of column names, found nothing"])
        }
        let header = rows.removeFirst().fields.map { $0.lowercased() }
        guard let pathColumn = header.firstIndex(of: "path") ?? header.firstIndex(of: "file"),
            let labelColumn = header.firstIndex(of: "label")
        else {
            throw .unusable(
                path: path,
                problems: ["line 1: expected the columns path and label, found \(header.joined(separator: ", "))"])
        }
        var reader = ManifestReader(
            folder: URL(fileURLWithPath: path).deletingLastPathComponent(), path: pathColumn, label: labelColumn,
            patient: header.firstIndex(of: "patient"), split: header.firstIndex(of: "split"))
        for row in rows { reader.take(row) }
        return try reader.result(path, labels: labels, isMultiple: isMultiple)
    }
}

/// Lines of a manifest, checked one by one.
private struct ManifestReader {
    struct Entry {
        var line: Int
        var name: String
        var path: String
        var labels: [String]
        var patient: String?
        var side: DataSide?
    }

    let folder: URL
    let path: Int
    let label: Int
    let patient: Int?
    let split: Int?
    private var entries: [Entry] = []
    private var places: [String: Int] = [:]
    private var problems: [String] = []

    init(folder: URL, path: Int, label: Int, patient: Int?, split: Int?) {
        self.folder = folder
        self.path = path
        self.label = label
        self.patient = patient
        self.split = split
    }

    mutating func take(_ row: CSVRows.Row) {
        func field(_ column: Int?) -> String {
            guard let column, column < row.fields.count else { return "" }
            return row.fields[column].trimmingCharacters(in: .whitespaces)
        }
        let name = field(path)
        guard !name.isEmpty else {
            problems.append("line \(row.line): expected a path, found nothing")
            return
        }
        // What links lead to counts, not how the path is written.
        let root = folder.resolvingSymlinksInPath().standardizedFileURL.path
        let file = URL(fileURLWithPath: name, relativeTo: folder).standardizedFileURL.resolvingSymlinksInPath().path
        guard file.hasPrefix(root == "/" ? root : root + "/") else {
            problems.append(
                "line \(row.line): \(name) lies outside the manifest's folder \(root); move the manifest or the scan")
            return
        }
        let labels = field(label).split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
            !$0.isEmpty
        }
        var entry = Entry(line: row.line, name: name, path: file, labels: labels)
        let patient = field(patient)
        entry.patient = patient.isEmpty ? nil : patient
        switch field(split).lowercased() {
        case "": break
        case "val", "valid": entry.side = .validation
        case let word:
            entry.side = DataSide(rawValue: word)
            if entry.side == nil {
                problems.append("line \(row.line): expected the split train, validation or test, found \(word)")
            }
        }
        guard let place = places[file] else {
            places[file] = entries.count
            entries.append(entry)
            return
        }
        let first = entries[place]
        if first.labels != entry.labels || first.patient != entry.patient || first.side != entry.side {
            problems.append(
                "line \(row.line): \(name) is also in line \(first.line), with other values; keep one of them")
        }
    }

    func result(_ path: String, labels: [String]?, isMultiple: Bool?) throws(DataError) -> LabelledScans {
        var problems = problems
        let several = isMultiple ?? entries.contains { $0.labels.count > 1 }
        let found = Set(entries.flatMap(\.labels)).sorted()
        let names = labels ?? found
        problems += LabelledScans.clashes(labels ?? found)
        let places = Dictionary(names.enumerated().map { ($1, $0) }) { first, _ in first }
        var scans: [LabelledScan] = []
        for entry in entries {
            if !several, entry.labels.count != 1 {
                problems.append(
                    "line \(entry.line): expected one label, found \(entry.labels.count); scans that may have several or none need "
                        + "data: {several: true}")
            }
            for label in entry.labels where places[label] == nil {
                problems.append("line \(entry.line): \(label) is none of the labels \(names.joined(separator: ", "))")
            }
            scans.append(
                LabelledScan(
                    path: entry.path, name: entry.name, labels: entry.labels.compactMap { places[$0] }.sorted(),
                    patient: entry.patient, side: entry.side))
        }
        for (index, name) in names.enumerated() where !scans.contains(where: { $0.labels.contains(index) }) {
            problems.append("the class \(name) has no scans; add some, or leave it out of data.labels")
        }
        if scans.isEmpty { problems.append("expected lines with scans, found none") }
        guard problems.isEmpty else { throw .unusable(path: path, problems: problems) }
        return LabelledScans(labels: names, scans: scans.sorted { $0.path < $1.path }, isMultiple: several)
    }
}

/// Fields of comma-separated values, as RFC 4180 has them.
enum CSVRows {
    /// One row, and the line that it begins in, from 1.
    struct Row: Equatable {
        var line: Int
        var fields: [String]
    }

    /// All rows but empty ones.
    static func parse(_ text: String) -> [Row] {
        var rows: [Row] = []
        var row = Row(line: 1, fields: [])
        var field = "", line = 1, isQuoted = false, isClosing = false
        func isEmpty() -> Bool { row.fields.isEmpty && field.isEmpty }
        for scalar in text.unicodeScalars {
            if scalar == "\n" { line += 1 }
            if isQuoted {
                if scalar != "\"" { field.unicodeScalars.append(scalar) } else { (isQuoted, isClosing) = (false, true) }
                continue
            }
            switch scalar {
            case "\"":
                // A second one in a row stands for itself.
                if isClosing { field.append("\"") }
                isQuoted = true
            case ",":
                row.fields.append(field)
                field = ""
            case "\n":
                if !isEmpty() { rows.append(Row(line: row.line, fields: row.fields + [field])) }
                row = Row(line: line, fields: [])
                field = ""
            case "\r", "\u{FEFF}": break
            default: field.unicodeScalars.append(scalar)
            }
            isClosing = false
        }
        if !isEmpty() { rows.append(Row(line: row.line, fields: row.fields + [field])) }
        return rows
    }
}
