import Imaging

extension ScanDescription {
    /// Whom the scan shows, as the file says it: issuer and identifier; nil where it does not.
    var patientKey: String? {
        patient.isEmpty ? nil : String(decoding: patientIssuer + [0x5C] + patient, as: UTF8.self)
    }
}
