/// Writes DICOM files for the tests, element by element, so that each test can say exactly what is in its file (or wrong with it).
public struct DICOMWriter {
    /// One element; items of a sequence are lists of elements.
    public struct Element {
        /// Group and element, such as 0x0010_0020.
        public var tag: UInt32
        /// Two letters.
        public var vr: String
        /// As it is in the file.
        public var value: [UInt8]
    }

    /// In any order; written by tag.
    public var elements: [Element] = []
    /// The UID that the meta information names; nothing is compressed.
    public var transferSyntax = "1.2.840.10008.1.2.1"

    /// A gray picture of 8 or 16 bits whose pixels are `pixels`.
    public init(width: Int = 2, height: Int = 2, bits: Int = 8, isSigned: Bool = false, pixels: [UInt8] = [1, 2, 3, 4])
    {
        set(0x0008_0016, "UI", "1.2.840.10008.5.1.4.1.1.7")
        set(0x0028_0002, "US", [1])
        set(0x0028_0004, "CS", "MONOCHROME2")
        set(0x0028_0010, "US", [height])
        set(0x0028_0011, "US", [width])
        set(0x0028_0100, "US", [bits])
        set(0x0028_0101, "US", [bits])
        set(0x0028_0102, "US", [bits - 1])
        set(0x0028_0103, "US", [isSigned ? 1 : 0])
        set(0x7FE0_0010, bits == 8 ? "OB" : "OW", bytes: pixels)
    }

    /// 16 bits each, little-endian.
    public static func words(_ values: [Int]) -> [UInt8] {
        values.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)] }
    }

    /// 32 bits, little-endian.
    public static func long(_ value: Int) -> [UInt8] { words([value & 0xFFFF, value >> 16]) }

    /// Puts an element in the place of one of the same tag.
    public mutating func set(_ tag: UInt32, _ vr: String, bytes: [UInt8]) {
        elements.removeAll { $0.tag == tag }
        elements.append(Element(tag: tag, vr: vr, value: bytes))
    }

    /// Text, padded to an even length.
    public mutating func set(_ tag: UInt32, _ vr: String, _ text: String) {
        set(tag, vr, bytes: Array(text.utf8) + (text.utf8.count % 2 == 0 ? [] : [vr == "UI" ? 0 : 0x20]))
    }

    /// Numbers of 16 bits.
    public mutating func set(_ tag: UInt32, _ vr: String, _ values: [Int]) { set(tag, vr, bytes: Self.words(values)) }

    /// Takes an element out.
    public mutating func remove(_ tag: UInt32) { elements.removeAll { $0.tag == tag } }

    /// A sequence of items, each with its elements.
    public mutating func set(_ tag: UInt32, items: [[Element]]) {
        set(tag, "SQ", bytes: Self.sequence(items))
    }

    /// Items one after another, as the value of a sequence.
    public static func sequence(_ items: [[Element]]) -> [UInt8] {
        items.flatMap { item -> [UInt8] in
            let body = item.sorted { $0.tag < $1.tag }.flatMap(encode)
            return [0xFE, 0xFF, 0x00, 0xE0] + long(body.count) + body
        }
    }

    /// An element of text, padded to an even length.
    public static func element(_ tag: UInt32, _ vr: String, _ text: String) -> Element {
        Element(tag: tag, vr: vr, value: Array(text.utf8) + (text.utf8.count % 2 == 0 ? [] : [0x20]))
    }

    /// An element of numbers of 16 bits.
    public static func element(_ tag: UInt32, _ vr: String, _ values: [Int]) -> Element {
        Element(tag: tag, vr: vr, value: words(values))
    }

    /// A sequence.
    public static func element(_ tag: UInt32, items: [[Element]]) -> Element {
        Element(tag: tag, vr: "SQ", value: sequence(items))
    }

    /// Explicit VR little endian.
    public static func encode(_ element: Element) -> [UInt8] {
        let tag = words([Int(element.tag >> 16), Int(element.tag & 0xFFFF)])
        let isLong = ["OB", "OW", "OF", "SQ", "UN", "UT"].contains(element.vr)
        let length = isLong ? [0, 0] + long(element.value.count) : words([element.value.count])
        return tag + Array(element.vr.utf8) + length + element.value
    }

    /// All elements, encoded.
    public var dataSet: [UInt8] { elements.sorted { $0.tag < $1.tag }.flatMap(Self.encode) }

    /// Preamble and meta information, which end where the data set starts.
    public var header: [UInt8] {
        var syntax = Array(transferSyntax.utf8)
        if syntax.count % 2 == 1 { syntax.append(0) }
        let meta = Self.encode(Element(tag: 0x0002_0010, vr: "UI", value: syntax))
        let length = Self.encode(Element(tag: 0x0002_0000, vr: "UL", value: Self.long(meta.count)))
        return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + length + meta
    }

    /// A whole file.
    public func file() -> [UInt8] { header + dataSet }
}
