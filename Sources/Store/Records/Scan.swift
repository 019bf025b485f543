/// What identifies a file's state without reading it. Unchanged stamp, unchanged content (RELIABILITY: settled files).
public struct FileStamp: Sendable, Hashable {
    /// Of the file system.
    public var device: UInt64
    /// Of the file.
    public var inode: UInt64
    /// Bytes.
    public var size: Int64
    /// Modification and status-change times in nanoseconds since 1970.
    public var mtimeNanoseconds: Int64
    /// Status-change time in nanoseconds since 1970.
    public var ctimeNanoseconds: Int64

    /// See the properties; the fields of `struct stat`.
    public init(device: UInt64, inode: UInt64, size: Int64, mtimeNanoseconds: Int64, ctimeNanoseconds: Int64) {
        self.device = device
        self.inode = inode
        self.size = size
        self.mtimeNanoseconds = mtimeNanoseconds
        self.ctimeNanoseconds = ctimeNanoseconds
    }
}

/// A scan is content: the same bytes under two names are one scan.
public struct ScanRecord: Sendable, Hashable {
    /// Lower-case hexadecimal.
    public var sha256: String
    /// Bytes of the file.
    public var size: Int64
    /// `png`, `tiff`, …
    public var format: String
    /// Of the first frame, in pixels.
    public var width: Int
    /// Of the first frame, in pixels.
    public var height: Int
    /// Samples per pixel.
    public var channels: Int
    /// 1 or more.
    public var frames: Int
    /// Significant bits of a stored sample.
    public var bits: Int
    /// What the file says of itself; nil where an older version recorded the scan without it.
    public var attributes: ScanAttributes?

    /// See the properties.
    public init(
        sha256: String, size: Int64, format: String, width: Int, height: Int, channels: Int, frames: Int, bits: Int,
        attributes: ScanAttributes? = nil
    ) {
        self.sha256 = sha256
        self.size = size
        self.format = format
        self.width = width
        self.height = height
        self.channels = channels
        self.frames = frames
        self.bits = bits
        self.attributes = attributes
    }
}

/// What a worker says of one frame, before it is recorded. The call (top label, finding) is made by `ModelRecord.call`.
public struct NewReading: Sendable, Hashable {
    /// From 0.
    public var frame: Int
    /// In the order of the model's labels, each in 0…1.
    public var probabilities: [Double]
    /// From what the model was trained on, 0 or more; nil for a model that does not say.
    public var distance: Double?
    /// Whether the run makes no call of it, for its distance.
    public var isAbstained: Bool
    /// Milliseconds spent on this frame; a scan's decoding time is given on its first frame and 0 on the others.
    public var decodeMilliseconds: Double
    /// Milliseconds from planes to the input of the network.
    public var prepareMilliseconds: Double
    /// Milliseconds of the network itself.
    public var networkMilliseconds: Double
    /// A small picture of the frame, for the report; nil for none.
    public var thumbnailPNG: [UInt8]?

    /// See the properties.
    public init(
        frame: Int, probabilities: [Double], distance: Double? = nil, isAbstained: Bool = false,
        decodeMilliseconds: Double, prepareMilliseconds: Double, networkMilliseconds: Double,
        thumbnailPNG: [UInt8]? = nil
    ) {
        self.frame = frame
        self.probabilities = probabilities
        self.distance = distance
        self.isAbstained = isAbstained
        self.decodeMilliseconds = decodeMilliseconds
        self.prepareMilliseconds = prepareMilliseconds
        self.networkMilliseconds = networkMilliseconds
        self.thumbnailPNG = thumbnailPNG
    }
}

/// What `StudyStore.recordRead` did.
public struct RecordedReadings: Sendable, Hashable {
    /// Rows that were written.
    public let new: Int
    /// Frames that the same model had read before; their first reading stands.
    public let existing: Int
}

/// One recorded reading, as a run's entry refers to it.
public struct ReadingRecord: Sendable, Hashable {
    /// Row of the store; key of the thumbnail.
    public let id: Int64
    /// Path of the entry (for `StudyStore.readings(run:)`), else the path it was first read from.
    public let path: String
    /// The content that was read.
    public let scan: ScanRecord
    /// From 0.
    public let frame: Int
    /// In the order of the model's labels, each in 0…1.
    public let probabilities: [Double]
    /// The most probable label.
    public let topLabel: String
    /// Its probability, in 0…1.
    public let topProbability: Double
    /// Nil: uncalibrated or abstained, no call.
    public let finding: Bool?
    /// From what the model was trained on, 0 or more; nil for a model that does not say.
    public let distance: Double?
    /// Whether the run that made it abstained, for its distance.
    public let isAbstained: Bool
    /// Milliseconds from file to planes; 0 on all but a scan's first frame.
    public let decodeMilliseconds: Double
    /// Milliseconds from planes to the input of the network.
    public let prepareMilliseconds: Double
    /// Milliseconds of the network itself.
    public let networkMilliseconds: Double
    /// The run that made this reading; an earlier one where a scan was recognised.
    public let madeBy: String
    /// Whether `StudyStore.thumbnail(reading:)` has a picture.
    public let hasThumbnail: Bool

    /// What kind of call was made of it.
    public var kind: Call.Kind { Call.Kind(finding: finding, isAbstained: isAbstained) }
}
