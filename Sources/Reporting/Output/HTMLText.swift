import Mustache

/// Text of others, made harmless for a page: as content of an element or of a quoted attribute.
///
/// Goes by Unicode scalars and not by characters: to a `Character` a quotation mark with a combining accent behind it is
/// another character, to a browser it still ends the attribute. Control and direction characters are shown instead of
/// obeyed, so that no name can hide its end or turn the text around it.
struct HTMLText: MustacheContentType {
    /// The name by which the templates ask for it.
    static let name = "NIGHTREAD_HTML"

    func escapeText(_ text: String) -> String {
        if text.utf8.allSatisfy(Self.isPlain) { return text }
        var escaped = ""
        escaped.reserveCapacity(text.utf8.count + 16)
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x26: escaped += "&amp;"
            case 0x3C: escaped += "&lt;"
            case 0x3E: escaped += "&gt;"
            case 0x22: escaped += "&quot;"
            case 0x27: escaped += "&#39;"
            case 0x00...0x1F: escaped.unicodeScalars.append(Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}")
            case 0x7F: escaped += "\u{2421}"
            case 0x80...0x9F, 0x061C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2060...0x206F, 0xFEFF:
                escaped += "⟨U+\(Self.hexadecimal(scalar.value))⟩"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x26, 0x3C, 0x3E, 0x22, 0x27, 0x7F...: false
        default: byte >= 0x20
        }
    }

    private static func hexadecimal(_ value: UInt32) -> String {
        let text = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - text.count)) + text
    }
}
