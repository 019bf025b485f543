/// A table as RFC 4180 has it: UTF-8, CRLF, cells quoted where they need it.
struct CSVDocument {
    /// One cell.
    enum Cell {
        /// Text of others; neutralised when a spreadsheet would run it.
        case text(String)
        /// Written as it is.
        case number(Double)
        /// Written as it is.
        case integer(Int64)
        case empty
    }

    private(set) var bytes: [UInt8] = []
    private let columns: Int

    init(header: [String]) {
        columns = header.count
        append(header.map(Cell.text))
    }

    /// Appends a row, filled up with empty cells to the header's width.
    mutating func append(_ cells: [Cell]) {
        for index in 0..<max(columns, cells.count) {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            guard index < cells.count else { continue }
            switch cells[index] {
            case .text(let text): bytes.append(contentsOf: Self.quoted(Self.neutralised(text)).utf8)
            case .number(let value): bytes.append(contentsOf: Self.plain(value).utf8)
            case .integer(let value): bytes.append(contentsOf: String(value).utf8)
            case .empty: break
            }
        }
        bytes.append(contentsOf: [13, 10])
    }

    /// A leading apostrophe for text that a spreadsheet would take for a formula: one that begins, after white space and
    /// quotation marks, with = + - @ or their full-width forms, and any that begins with a control character.
    static func neutralised(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return text }
        if first.value < 0x20 { return "'" + text }
        let start = text.unicodeScalars.first { !$0.properties.isWhitespace && !"\"'`“”‘’".unicodeScalars.contains($0) }
        guard let start, "=+-@＝＋－＠".unicodeScalars.contains(start) || start.value < 0x20 else { return text }
        return "'" + text
    }

    /// Semicolons and tabs are quoted as well: in many countries' settings they separate cells.
    private static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { [0x22, 0x2C, 0x0D, 0x0A, 0x3B, 0x09].contains($0) }) else { return text }
        var quoted = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" { quoted += "\"" }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "\""
    }

    private static func plain(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : value.description
    }
}
