import CCodecs

/// What a frame's stored samples mean: stored sample → modality value (or colour) → intensity, as its file says.
///
/// Modality values are what windows are given in: Hounsfield units of a CT, counts of a PET. Source: DICOM PS3.3 C.11.1 (modality
/// transformation), C.11.2 (value of interest transformation), C.7.6.3.1.5 (palettes).
public struct Tone: Sendable, Hashable {
    /// How a window makes intensities of modality values (DICOM PS3.3 C.11.2.1). The raw values are those of `nr_voi_function`.
    public enum Function: UInt32, Sendable, Hashable, CaseIterable {
        /// `(x − (centre − 0.5)) / (width − 1) + 0.5`, clamped: DICOM's default.
        case linear = 0
        /// `(x − centre) / width + 0.5`, clamped.
        case linearExact = 1
        /// `1 / (1 + exp(−4 (x − centre) / width))`.
        case sigmoid = 2
    }

    /// A window of the file.
    public struct Window: Sendable, Hashable {
        /// Of modality values.
        public var center: Double
        /// Over 0.
        public var width: Double
        /// What the file says it is for, such as `LUNG`; may be empty.
        public var explanation: String

        /// See the properties.
        public init(center: Double, width: Double, explanation: String = "") {
            self.center = center
            self.width = width
            self.explanation = explanation
        }
    }

    /// Where a lookup table lies in the planes. Entry i stands for the value `first` + i.
    public struct TablePlace: Sendable, Hashable {
        /// Of the first entry from the start of the planes, in bytes.
        public var offset: Int
        /// Entries of 16 bits, 1 … 65,536.
        public var count: Int
        /// The value that the first entry stands for.
        public var first: Int
        /// Bits of an entry, 1 … 16.
        public var bits: Int

        /// See the properties.
        public init(offset: Int, count: Int, first: Int, bits: Int) {
            self.offset = offset
            self.count = count
            self.first = first
            self.bits = bits
        }
    }

    /// Modality value = stored · slope + intercept, where there is no `modalityTable`.
    public var slope = 1.0
    /// See ``slope``.
    public var intercept = 0.0
    /// Stands instead of slope and intercept.
    public var modalityTable: TablePlace?
    /// The file's own curve from modality values to intensities.
    public var voiTable: TablePlace?
    /// Red, green and blue of stored samples; empty for all but palette pictures.
    public var palette: [TablePlace] = []
    /// How the file's windows are meant.
    public var function = Function.linear
    /// In the file's order.
    public var windows: [Window] = []

    /// The tone of a file that says nothing: modality values are the stored samples.
    public init() {}
}

extension Tone {
    /// Bytes of a tone as decoders send it (`nr_tone`, native byte order).
    public static var headerSize: Int { MemoryLayout<nr_tone>.size }

    /// Takes a decoder's tone, treating it as hostile. Throws ``ImagingError/badGeometry(_:)`` naming the field.
    public init(validating tone: nr_tone, planesCapacity: Int) throws(ImagingError) {
        guard tone.slope.isFinite, tone.intercept.isFinite, tone.slope != 0 else {
            throw .badGeometry("expected a finite slope and intercept, found \(tone.slope) and \(tone.intercept)")
        }
        guard let function = Function(rawValue: tone.function), tone.window_count <= UInt32(NR_MAX_WINDOWS) else {
            throw .badGeometry("expected a known window function, found \(tone.function)")
        }
        slope = tone.slope
        intercept = tone.intercept
        self.function = function
        modalityTable = try TablePlace(validating: tone.modality, planesCapacity: planesCapacity)
        voiTable = try TablePlace(validating: tone.voi, planesCapacity: planesCapacity)
        for table in [tone.palette.0, tone.palette.1, tone.palette.2] {
            guard let place = try TablePlace(validating: table, planesCapacity: planesCapacity) else { continue }
            palette.append(place)
        }
        guard palette.isEmpty || palette.count == 3 else {
            throw .badGeometry("expected three palettes or none, found \(palette.count)")
        }
        let stored = withUnsafeBytes(of: tone.windows) { bytes in Array(bytes.bindMemory(to: nr_window.self)) }
        for window in stored.prefix(Int(tone.window_count)) {
            guard window.center.isFinite, window.width.isFinite, window.width > 0 else {
                throw .badGeometry("expected a finite window, found centre \(window.center), width \(window.width)")
            }
            windows.append(
                Window(center: window.center, width: window.width, explanation: text(of: window.explanation)))
        }
    }

    /// The same as a decoder sends it.
    public var header: nr_tone {
        var tone = nr_tone()
        tone.slope = slope
        tone.intercept = intercept
        tone.function = function.rawValue
        tone.modality = modalityTable?.header ?? nr_lut()
        tone.voi = voiTable?.header ?? nr_lut()
        if palette.count == 3 {
            tone.palette = (palette[0].header, palette[1].header, palette[2].header)
        }
        tone.window_count = UInt32(min(windows.count, Int(NR_MAX_WINDOWS)))
        withUnsafeMutableBytes(of: &tone.windows) { bytes in
            for (slot, window) in zip(bytes.bindMemory(to: nr_window.self).indices, windows) {
                var stored = nr_window()
                stored.center = window.center
                stored.width = window.width
                withUnsafeMutableBytes(of: &stored.explanation) {
                    $0.copyBytes(from: window.explanation.utf8.prefix(63))
                }
                bytes.storeBytes(
                    of: stored, toByteOffset: slot * MemoryLayout<nr_window>.stride, as: nr_window.self)
            }
        }
        return tone
    }
}

extension Tone.TablePlace {
    /// Nil where there is no table.
    init?(validating table: nr_lut, planesCapacity: Int) throws(ImagingError) {
        guard table.count > 0 else { return nil }
        let room = UInt64(planesCapacity)
        guard table.count <= 65_536, (1...16).contains(table.bits), table.offset % 64 == 0, table.offset <= room,
            UInt64(table.count) * 2 <= room - table.offset
        else {
            throw .badGeometry(
                "expected a table within \(room) bytes, found \(table.count) entries of \(table.bits) bits at \(table.offset)"
            )
        }
        offset = Int(table.offset)
        count = Int(table.count)
        first = Int(table.first)
        bits = Int(table.bits)
    }

    var header: nr_lut {
        nr_lut(
            offset: UInt64(offset), count: UInt32(count), first: Int32(clamping: first), bits: UInt32(bits), reserved: 0
        )
    }
}

/// The text of a fixed field, whatever bytes a decoder put there: never read past its end, never anything but UTF-8, control
/// characters as spaces, trimmed.
func text<Field>(of field: Field) -> String {
    let text = withUnsafeBytes(of: field) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) }
    let visible = text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }
    return String(String.UnicodeScalarView(visible)).trimmingCharacters(in: .whitespaces)
}
