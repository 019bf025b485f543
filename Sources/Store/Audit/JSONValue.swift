/// A JSON value with one text form only, so that a hash over it means something.
///
/// ```swift
/// JSONValue.object(["b": 1, "a": "x"]).canonical   // {"a":"x","b":1}
/// ```
public enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case int(Int64)
    /// A non-finite number has no JSON form and is written as `null`.
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Canonical JSON: no whitespace, keys ordered by their UTF-8 bytes, every character literal but `"`, `\` and
    /// U+0000…U+001F (short escapes where JSON has them, else `\u00xx` in lower case), whole doubles as integers,
    /// other doubles as the shortest text that reads back the same.
    public var canonical: String {
        var text = ""
        write(to: &text)
        return text
    }

    private func write(to text: inout String) {
        switch self {
        case .null: text += "null"
        case .bool(let value): text += value ? "true" : "false"
        case .int(let value): text += String(value)
        case .double(let value):
            if !value.isFinite {
                text += "null"
            } else if let whole = Int64(exactly: value), abs(value) <= 9_007_199_254_740_992 {
                text += String(whole)
            } else {
                text += value.description
            }
        case .string(let value): Self.quote(value, to: &text)
        case .array(let values):
            text += "["
            for (index, value) in values.enumerated() {
                if index > 0 { text += "," }
                value.write(to: &text)
            }
            text += "]"
        case .object(let members):
            text += "{"
            let ordered = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            for (index, member) in ordered.enumerated() {
                if index > 0 { text += "," }
                Self.quote(member.key, to: &text)
                text += ":"
                member.value.write(to: &text)
            }
            text += "}"
        }
    }

    private static func quote(_ value: String, to text: inout String) {
        text += "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\u{8}": text += "\\b"
            case "\u{9}": text += "\\t"
            case "\u{A}": text += "\\n"
            case "\u{C}": text += "\\f"
            case "\u{D}": text += "\\r"
            case "\u{0}"..."\u{1F}":
                let hex = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    /// `"text"`
    public init(stringLiteral value: String) { self = .string(value) }
    /// `1`
    public init(integerLiteral value: Int64) { self = .int(value) }
    /// `0.5`
    public init(floatLiteral value: Double) { self = .double(value) }
    /// `true`
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// `[1, "two"]`
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    /// `["key": 1]`; of a key given twice the last value counts.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
    }
    /// `nil`
    public init(nilLiteral: ()) { self = .null }
}

extension JSONValue {
    /// A count or size.
    public init(_ value: Int) { self = .int(Int64(value)) }
    /// A text, or `null`.
    public init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }
    /// Numbers in order.
    public init(_ values: [Double]) { self = .array(values.map(JSONValue.double)) }
}
