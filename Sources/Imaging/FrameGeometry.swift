import CCodecs

/// How a sample is stored; native byte order. The raw values are those of `nr_sample` in `codec.h`.
public enum SampleType: UInt32, Sendable, Hashable, CaseIterable {
    case u8 = 1
    case u16 = 2
    case u32 = 3
    case i8 = 4
    case i16 = 5
    case i32 = 6
    case f32 = 7
    case f64 = 8

    /// Bytes of one sample.
    public var size: Int {
        switch self {
        case .u8, .i8: 1
        case .u16, .i16: 2
        case .u32, .i32, .f32: 4
        case .f64: 8
        }
    }

    /// Whether samples are floating point, so that there may be NaN and infinities.
    public var isFloatingPoint: Bool { self == .f32 || self == .f64 }
    /// Whether samples are two's complement integers.
    public var isSigned: Bool { self == .i8 || self == .i16 || self == .i32 }
}

/// What the samples of one frame are: samples interleaved as [height, width, channels], orientation already applied.
public struct FrameGeometry: Sendable, Hashable {
    /// What preparation must know besides sizes; the bits are those of `nr_frame_flags` in `codec.h`.
    public struct Flags: OptionSet, Sendable, Hashable {
        /// The flags' bits.
        public let rawValue: UInt32
        /// Flags of given bits; unknown ones are kept, so that they can be refused.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Stored samples are inverted (TIFF's min-is-white, DICOM's MONOCHROME1); preparation turns them, once.
        public static let minIsWhite = Flags(rawValue: 1)
        /// The last channel is alpha; preparation leaves it out.
        public static let alpha = Flags(rawValue: 2)
        /// The file's compression was lossy.
        public static let lossy = Flags(rawValue: 4)
        /// Gray samples are measurements (DICOM, NIfTI): their type's range is not what they are shown in.
        public static let measured = Flags(rawValue: 8)
        /// All that are known.
        public static let known: Flags = [.minIsWhite, .alpha, .lossy, .measured]
    }

    /// Pixels of a row.
    public var width: Int
    /// Rows.
    public var height: Int
    /// 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
    public var channels: Int
    /// How a sample is stored.
    public var sample: SampleType
    /// Significant bits of a stored sample, 1 … 64.
    public var bits: Int
    /// What preparation must know besides sizes.
    public var flags: Flags
    /// The file's own orientation tag, 1 … 8, which has been applied.
    public var orientation: Int
    /// Of this frame in its file, from 0.
    public var number: Int
    /// 1, or 2, 4, 8 where each pixel stands for so many of the file's in either direction.
    public var reduction = 1
    /// Columns that a reduced picture's last column (the first, where orientation has turned it round) stands for beyond the file's.
    public var missingColumns = 0
    /// The same of rows.
    public var missingRows = 0
    /// What the samples mean.
    public var tone: Tone
    /// Of the first sample, from the start of the planes.
    public var offset: Int
    /// height × width × channels × size of a sample.
    public var bytes: Int

    /// The geometry of samples made by ourselves (phantoms, tests); `bits` defaults to all bits of the type.
    public init(
        width: Int, height: Int, channels: Int = 1, sample: SampleType, bits: Int? = nil, flags: Flags = [],
        offset: Int = 0
    ) {
        self.width = width
        self.height = height
        self.channels = channels
        self.sample = sample
        self.bits = bits ?? sample.size * 8
        self.flags = channels == 2 || channels == 4 ? flags.union(.alpha) : flags
        self.orientation = 1
        self.number = 0
        self.tone = Tone()
        self.offset = offset
        self.bytes = width * height * channels * sample.size
    }

    /// Pixels of a row of the file.
    public var fullWidth: Int { width * reduction - missingColumns }
    /// Rows of the file.
    public var fullHeight: Int { height * reduction - missingRows }
    /// Whether the file's last stored column or row has become the first column.
    var isMissingFirstColumns: Bool { [2, 3, 6, 7].contains(orientation) }
    /// Whether the file's last stored column or row has become the first row.
    var isMissingFirstRows: Bool { [3, 4, 7, 8].contains(orientation) }
    /// Channels without alpha: 1 or 3.
    public var colourChannels: Int { flags.contains(.alpha) ? channels - 1 : channels }
    /// Channels that preparation makes of them: 1 or 3. A palette's index becomes RGB.
    public var preparedChannels: Int { tone.palette.isEmpty ? colourChannels : 3 }
}

extension FrameGeometry: CustomStringConvertible {
    /// Size, colours and bits in words, such as `2048 × 2048, gray, 16 bits`.
    public var description: String {
        let colours = ["gray", "gray and alpha", "RGB", "RGB and alpha"]
        let colour = (1...4).contains(channels) ? colours[channels - 1] : "\(channels) channels"
        let kind = sample.isFloatingPoint ? " floating point" : sample.isSigned ? " signed" : ""
        return
            "\(width) × \(height), \(colour), \(bits) bits\(kind)\(flags.contains(.minIsWhite) ? ", 0 is white" : "")"
    }
}

extension FrameGeometry {
    /// Bytes of a frame's header as decoders send it (`nr_frame`, native byte order).
    public static var headerSize: Int { MemoryLayout<nr_frame>.size }

    /// Takes a decoder's frame header, treating it as hostile: every field is checked by itself and against the others, the
    /// limits and the size of the planes. Throws ``ImagingError/badGeometry(_:)`` naming the field.
    /// - Parameter tones: those that came with the frame.
    public init(
        validating frame: nr_frame, tones: [Tone], limits: ScanLimits, planesCapacity: Int
    ) throws(ImagingError) {
        guard let sample = SampleType(rawValue: frame.sample) else {
            throw .badGeometry("expected a sample type of 1 to 8, found \(frame.sample)")
        }
        guard (1...4).contains(frame.channels) else {
            throw .badGeometry("expected 1 to 4 channels, found \(frame.channels)")
        }
        let flags = Flags(rawValue: frame.flags)
        guard flags.isSubset(of: .known), flags.contains(.alpha) == (frame.channels % 2 == 0), frame.reserved == 0
        else {
            throw .badGeometry("expected known flags that fit \(frame.channels) channels, found \(frame.flags)")
        }
        guard frame.bits >= 1, frame.bits <= UInt32(sample.size * 8) else {
            throw .badGeometry("expected 1 to \(sample.size * 8) bits, found \(frame.bits)")
        }
        guard (1...8).contains(frame.orientation) else {
            throw .badGeometry("expected an orientation of 1 to 8, found \(frame.orientation)")
        }
        guard tones.indices.contains(Int(frame.tone)) else {
            throw .badGeometry("expected one of \(tones.count) tones, found number \(frame.tone)")
        }
        let tone = tones[Int(frame.tone)]
        guard tone.palette.isEmpty || (frame.channels == 1 && sample.size <= 2) else {
            throw .badGeometry(
                "expected a palette of one channel of 8 or 16 bits, found \(frame.channels) channels of \(sample)")
        }
        guard [1, 2, 4, 8].contains(frame.reduction), max(frame.missing_columns, frame.missing_rows) < frame.reduction
        else {
            throw .badGeometry(
                "expected a reduction by 1, 2, 4 or 8, found \(frame.reduction) without \(frame.missing_columns) and "
                    + "\(frame.missing_rows)")
        }
        // Two 32-bit numbers always multiply within 64 bits.
        let pixels = UInt64(frame.width) * UInt64(frame.height)
        guard pixels > 0, pixels <= UInt64(limits.maxPixels) else {
            throw .badGeometry("expected 1 to \(limits.maxPixels) pixels, found \(frame.width) × \(frame.height)")
        }
        let (bytes, tooLarge) = pixels.multipliedReportingOverflow(by: UInt64(frame.channels) * UInt64(sample.size))
        guard !tooLarge, bytes == frame.bytes else {
            throw .badGeometry("expected \(bytes) bytes of samples, found \(frame.bytes)")
        }
        let room = UInt64(min(planesCapacity, limits.maxPlaneBytes))
        guard frame.offset % 64 == 0, frame.offset <= room, bytes <= room - frame.offset else {
            throw .badGeometry("expected samples within \(room) bytes, found \(bytes) bytes at \(frame.offset)")
        }
        self.width = Int(frame.width)
        self.height = Int(frame.height)
        self.channels = Int(frame.channels)
        self.sample = sample
        self.bits = Int(frame.bits)
        self.flags = flags
        self.orientation = Int(frame.orientation)
        self.number = Int(frame.number)
        self.reduction = Int(frame.reduction)
        self.missingColumns = Int(frame.missing_columns)
        self.missingRows = Int(frame.missing_rows)
        self.tone = tone
        self.offset = Int(frame.offset)
        self.bytes = Int(bytes)
    }

    /// The same as a decoder sends it, with the tone of number 0.
    public var header: nr_frame {
        nr_frame(
            width: UInt32(width), height: UInt32(height), channels: UInt32(channels), sample: sample.rawValue,
            bits: UInt32(bits), flags: flags.rawValue, orientation: UInt32(orientation), number: UInt32(number),
            tone: 0, reduction: UInt8(reduction), missing_columns: UInt8(missingColumns),
            missing_rows: UInt8(missingRows),
            reserved: 0, offset: UInt64(offset), bytes: UInt64(bytes))
    }

    /// All frames that a decoder sent, with their tones; at least one. Throws ``ImagingError/badGeometry(_:)`` also where frames are
    /// out of order, or share samples: that would multiply the work of one scan beyond its limits.
    public static func validate(
        _ headers: some Sequence<nr_frame>, tones: some Sequence<nr_tone>, limits: ScanLimits, planesCapacity: Int
    ) throws(ImagingError) -> [FrameGeometry] {
        var known: [Tone] = []
        for tone in tones { known.append(try Tone(validating: tone, planesCapacity: planesCapacity)) }
        var frames: [FrameGeometry] = []
        var total = 0
        for header in headers {
            let frame: FrameGeometry
            do throws(ImagingError) {
                frame = try FrameGeometry(
                    validating: header, tones: known, limits: limits, planesCapacity: planesCapacity)
            } catch {
                throw .badGeometry("frame \(frames.count): \(error)")
            }
            guard frame.number > frames.last?.number ?? -1 else {
                throw .badGeometry("frame \(frames.count): expected ascending numbers, found \(frame.number)")
            }
            total += frame.bytes
            guard total <= limits.maxPlaneBytes else { throw .badGeometry("frames of \(total) bytes together") }
            frames.append(frame)
        }
        guard !frames.isEmpty else { throw .badGeometry("expected at least one frame, found none") }
        return frames
    }
}
