/// What a scan says of itself and of whom it shows, as the store keeps it; nil where the file says nothing.
///
/// Names, birth dates and the like are never here. Whether `patient` and the UIDs are the file's own or pseudonyms is the store's
/// `IdentifierPolicy`.
public struct ScanAttributes: Sendable, Hashable {
    /// DICOM PatientID (0010,0020) with its issuer, or a pseudonym for both.
    public var patient: String?
    /// StudyInstanceUID (0020,000D), or a pseudonym for it.
    public var studyUID: String?
    /// SeriesInstanceUID (0020,000E), or a pseudonym for it.
    public var seriesUID: String?
    /// SOPInstanceUID (0008,0018), or a pseudonym for it.
    public var instanceUID: String?
    /// Such as `CR`.
    public var modality: String?
    /// BodyPartExamined, such as `CHEST`.
    public var bodyPart: String?
    /// `L`, `R`, `B` or `U`.
    public var laterality: String?
    /// ViewPosition, such as `PA`.
    public var view: String?
    /// `YYYYMMDD`.
    public var acquisitionDate: String?
    /// Millimetres from row to row.
    public var rowSpacing: Double?
    /// Millimetres from column to column.
    public var columnSpacing: Double?

    /// A scan that says nothing.
    public init() {}
}

/// How a store names patients, studies, series and instances. Chosen at its first run, for good: no store mixes the two.
public enum IdentifierPolicy: String, Sendable, Hashable, CaseIterable {
    /// By keyed hashes; who has the key can tell whether a pseudonym is a given patient's, nobody else can.
    case pseudonyms
    /// As the files do.
    case keep
}
