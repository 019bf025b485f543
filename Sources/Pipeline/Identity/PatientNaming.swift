import Foundation
import Imaging
import Store

/// How a run names patients, studies, series and instances in its store: as the files do, or by pseudonyms.
///
/// Pseudonyms follow DICOM PS3.15 Annex E, Basic Profile, in what they replace: PatientID and the UIDs, each always by the same value
/// under one key. Names, birth dates, accession numbers and all else that the profile removes are never taken from a file. The date
/// of acquisition is kept (Retain Longitudinal Temporal Information with Full Dates Option).
struct PatientNaming: Sendable {
    /// Nil: identifiers are kept.
    private let key: PseudonymKey?

    /// The naming that the pipeline file asks for, as the store has it or from now on has it.
    ///
    /// - Throws: `PipelineError.store` with `.identifiers` where the store was begun otherwise, else as `PseudonymKey`.
    init(_ pipeline: PipelineFile, store: StudyStore) throws(PipelineError) {
        let chosen: StoredIdentifiers?
        do throws(StoreError) { chosen = try store.identifiers() } catch { throw .store(error) }
        if let chosen, chosen.policy != pipeline.identifiers {
            throw .store(.identifiers(path: store.path, chosen: chosen.policy, wanted: pipeline.identifiers))
        }
        // A key is made with its store: where the store has chosen one, another would be of no use.
        key =
            pipeline.identifiers == .keep
            ? nil : try PseudonymKey(file: pipeline.pseudonymKey(store: store.path), make: chosen == nil)
        do throws(StoreError) {
            try store.choose(StoredIdentifiers(policy: pipeline.identifiers, keyCheck: key?.check))
        } catch {
            throw .store(error)
        }
    }

    /// For tests.
    init(key: PseudonymKey?) { self.key = key }

    /// What the store gets to know of a file.
    func attributes(of description: ScanDescription) -> ScanAttributes {
        func said(_ text: String) -> String? { text.isEmpty ? nil : text }
        var attributes = ScanAttributes()
        attributes.patient = patient(description.patient, issuer: description.patientIssuer)
        attributes.studyUID = uid(description.studyUID)
        attributes.seriesUID = uid(description.seriesUID)
        attributes.instanceUID = uid(description.instanceUID)
        attributes.modality = said(description.modality)
        attributes.bodyPart = said(description.bodyPart)
        attributes.laterality = said(description.laterality)
        attributes.view = said(description.view)
        attributes.acquisitionDate = said(description.acquisitionDate)
        attributes.rowSpacing = description.pixelSpacing?.row
        attributes.columnSpacing = description.pixelSpacing?.column
        return attributes
    }

    /// `p-` and 20 hexadecimal digits, or the file's own with its issuer. The same number of two issuers is two patients.
    private func patient(_ patient: [UInt8], issuer: [UInt8]) -> String? {
        let (patient, issuer) = (trimmed(patient), trimmed(issuer))
        guard !patient.isEmpty else { return nil }
        if let key {
            return "p-" + hexadecimal(key.code([Array("patient".utf8), issuer, patient]).prefix(10))
        }
        let name = printable(text(of: patient))
        return issuer.isEmpty ? name : "\(name) (\(printable(text(of: issuer))))"
    }

    /// A UID below 2.25, where UUIDs and whatever else has 128 bits have their place (PS3.5 B.2), or the file's own.
    private func uid(_ uid: String) -> String? {
        guard !uid.isEmpty else { return nil }
        guard let key else { return printable(uid) }
        let number = key.code([Array("uid".utf8), Array(uid.utf8)]).prefix(16).reduce(UInt128(0)) {
            $0 << 8 | UInt128($1)
        }
        return "2.25.\(number)"
    }

    /// Without the spaces that DICOM pads with, which mean nothing (PS3.5 6.2, LO).
    private func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0 }
        return Array(bytes.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }

    /// UTF-8, or else every byte as a character of ISO 8859-1.
    private func text(of bytes: [UInt8]) -> String {
        String(validating: bytes, as: UTF8.self) ?? String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}
