public import Foundation
import Store

/// A page of pictures in rows: what a network will see of some scans while it is trained.
public struct ContactSheet {
    /// One scan.
    private struct Row {
        var name: String
        var pictures: [String]
    }

    private let title: String
    private let program: String
    private let rows: [Row]

    /// - Parameter rows: Names, and pictures as PNG files, the first as the scan is.
    public init(title: String, program: String, _ rows: [(name: String, pictures: [[UInt8]])]) {
        self.title = title
        self.program = program
        self.rows = rows.map { row in
            Row(
                name: row.name,
                pictures: row.pictures.map { "data:image/png;base64," + Data($0).base64EncodedString() })
        }
    }

    /// Writes the page; its folder is made when missing.
    ///
    /// - Throws: `ReportingError`.
    public func write(to file: URL) throws(ReportingError) {
        let view: View = [
            "title": "What \(title) will see", "eyebrow": "Nightread training", "heading": "What \(title) will see",
            "program": program,
            "writtenAt": Words.moment(.now()),
            "rows": rows.map { row -> View in
                [
                    "name": row.name,
                    "pictures": row.pictures.enumerated().map { index, source -> View in
                        ["source": source, "what": index == 0 ? "as it is" : "epoch \(index)"]
                    },
                ]
            },
        ]
        let page = try Templates.render("contact-sheet", view)
        try fromStore { () throws(StoreError) in try OutputFile.publish(Array(page.utf8), to: file) }
    }
}
