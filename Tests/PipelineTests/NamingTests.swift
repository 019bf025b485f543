import Foundation
import Imaging
import Store
import Testing

@testable import Pipeline

/// Expected pseudonyms were computed with Python's hmac and hashlib: HMAC-SHA-256 under the key 00 01 … 1f over `patient`, the issuer and the
/// identifier (or over `uid` and the UID), each after its length in 8 bytes, big-endian.
@Suite("Names of patients")
struct NamingTests {
    let folder: TemporaryFolder
    private static let digits = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

    init() throws { folder = try TemporaryFolder() }

    private func key(_ text: String = digits, mode: Int = 0o600) throws -> PseudonymKey {
        let file = try folder.file("key", text)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
        return try PseudonymKey(file: file.path, make: false)
    }

    private func description(_ patient: String, issuer: String = "") -> ScanDescription {
        var description = ScanDescription()
        description.patient = Array(patient.utf8)
        description.patientIssuer = Array(issuer.utf8)
        description.studyUID = "1.2.840.113619.2.55"
        description.modality = "CR"
        description.acquisitionDate = "20240311"
        description.pixelSpacing = .init(row: 0.5, column: 0.25)
        return description
    }

    @Test("Pseudonyms are those of the documented keyed hash; what is no identifier stays")
    func pseudonyms() throws {
        let naming = PatientNaming(key: try key())
        let attributes = naming.attributes(of: description("4711"))
        #expect(attributes.patient == "p-57b675aef83c09bbb6d8")
        #expect(attributes.studyUID == "2.25.142732418652166113991409445514655094889")
        #expect(attributes.seriesUID == nil)
        #expect(attributes.modality == "CR")
        #expect(attributes.acquisitionDate == "20240311")
        #expect(attributes.rowSpacing == 0.5 && attributes.columnSpacing == 0.25)
        #expect(try key().check == "2abc10f4d63f05b4")
    }

    @Test("Padding does not make another patient, another issuer does")
    func sameness() throws {
        let naming = PatientNaming(key: try key())
        #expect(naming.attributes(of: description(" 4711  ")).patient == "p-57b675aef83c09bbb6d8")
        #expect(naming.attributes(of: description("4711", issuer: "Ward A")).patient == "p-3c20817c3f5714d7e60f")
        #expect(naming.attributes(of: description("  ")).patient == nil)
    }

    @Test("Kept identifiers are the file's own, in UTF-8 or else ISO 8859-1")
    func kept() {
        let naming = PatientNaming(key: nil)
        #expect(naming.attributes(of: description("4711", issuer: "Ward A")).patient == "4711 (Ward A)")
        #expect(naming.attributes(of: description("4711")).studyUID == "1.2.840.113619.2.55")
        var latin = description("")
        latin.patient = [0x4D, 0xFC, 0x6C]
        #expect(naming.attributes(of: latin).patient == "Mül")
    }

    @Test("A key is made once, for its owner alone")
    func making() throws {
        let path = folder.path + "/new.key"
        let first = try PseudonymKey(file: path, make: true)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(status.st_size == 65)
        let second = try PseudonymKey(file: path, make: true)
        #expect(first.check == second.check)
        #expect(try PseudonymKey(file: folder.path + "/other.key", make: true).check != first.check)
    }

    @Test("A key that others may read, that is damaged, or that is gone is refused")
    func refused() throws {
        for (text, mode, word) in [
            (Self.digits, 0o640, "mode 0600"), (String(Self.digits.dropLast(2)), 0o600, "hexadecimal digits"),
            ("", 0o600, "hexadecimal digits"), (Self.digits + "00", 0o600, "hexadecimal digits"),
            (String(repeating: "+1", count: 32), 0o600, "hexadecimal digits"),
        ] {
            #expect {
                _ = try key(text, mode: mode)
            } throws: {
                guard case PipelineError.usage(let message) = $0 else { return false }
                return message.contains(word)
            }
        }
        #expect {
            _ = try PseudonymKey(file: folder.path + "/none", make: false)
        } throws: {
            if case PipelineError.missing = $0 { true } else { false }
        }
    }
}

@Suite("Selection of scans")
struct SelectionTests {
    private func attributes(modality: String? = nil, view: String? = nil) -> ScanAttributes {
        var attributes = ScanAttributes()
        attributes.modality = modality
        attributes.view = view
        return attributes
    }

    @Test("A scan is read when every attribute asked for has one of the values, whatever their case")
    func fits() {
        var selection = ScanSelection()
        #expect(selection.exclusion(of: attributes()) == nil)
        selection.wanted = [.modality: ["CR", "dx"], .view: ["PA", "AP"]]
        #expect(selection.exclusion(of: attributes(modality: "DX", view: "pa")) == nil)
        #expect(selection.exclusion(of: attributes(modality: "MR", view: "PA")) == "where: modality MR")
        #expect(selection.exclusion(of: attributes(modality: "CR", view: "LL")) == "where: view LL")
        #expect(selection.exclusion(of: attributes(modality: "CR")) == "where: no view")
        #expect(selection.exclusion(of: attributes()) == "where: no modality")
    }
}
