import CCodecs
import Foundation

/// What a file says of itself and of whom it shows. Comes from a decoder, so that every text may be anything.
public struct ScanDescription: Sendable, Hashable {
    /// Frames, pages or slices in the file, of which only some may have been decoded; 0 where not known.
    public var framesInFile = 0
    /// Millimetres between the centres of neighbouring rows and columns, where the file says it.
    public var pixelSpacing: PixelSpacing?
    /// In the format's own words; DICOM: the transfer syntax UID.
    public var compression = ""
    /// PatientID, as bytes: its character set may not be known.
    public var patient: [UInt8] = []
    /// IssuerOfPatientID, as bytes.
    public var patientIssuer: [UInt8] = []
    /// StudyInstanceUID.
    public var studyUID = ""
    /// SeriesInstanceUID.
    public var seriesUID = ""
    /// SOPInstanceUID.
    public var instanceUID = ""
    /// Modality, such as `CR`.
    public var modality = ""
    /// BodyPartExamined, such as `CHEST`.
    public var bodyPart = ""
    /// `L`, `R`, `B` or `U`: ImageLaterality, else Laterality.
    public var laterality = ""
    /// ViewPosition, such as `PA`.
    public var view = ""
    /// `YYYYMMDD`.
    public var acquisitionDate = ""

    /// Distances of pixels.
    public struct PixelSpacing: Sendable, Hashable {
        /// Millimetres from row to row.
        public var row: Double
        /// Millimetres from column to column.
        public var column: Double

        /// See the properties.
        public init(row: Double, column: Double) {
            self.row = row
            self.column = column
        }
    }

    /// The description of a file that says nothing.
    public init() {}

    /// Bytes of a description as decoders send it (`nr_scan`, native byte order).
    public static var headerSize: Int { MemoryLayout<nr_scan>.size }

    /// Takes a decoder's description; there is nothing in it that could be refused, only texts cut at their end.
    public init(_ scan: nr_scan) {
        framesInFile = Int(scan.frames_in_file)
        let (row, column) = (scan.row_spacing, scan.column_spacing)
        if row > 0, column > 0, row.isFinite, column.isFinite { pixelSpacing = PixelSpacing(row: row, column: column) }
        compression = text(of: scan.compression)
        patient = withUnsafeBytes(of: scan.patient) { Array($0.prefix { $0 != 0 }) }
        patientIssuer = withUnsafeBytes(of: scan.patient_issuer) { Array($0.prefix { $0 != 0 }) }
        studyUID = text(of: scan.study_uid)
        seriesUID = text(of: scan.series_uid)
        instanceUID = text(of: scan.instance_uid)
        modality = text(of: scan.modality)
        bodyPart = text(of: scan.body_part)
        laterality = text(of: scan.laterality)
        view = text(of: scan.view)
        acquisitionDate = text(of: scan.acquisition_date)
    }
}
