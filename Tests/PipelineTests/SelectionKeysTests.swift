import Foundation
import Store
import Testing

@testable import Pipeline

@Suite("The keys where, identifiers and aggregate of pipeline files")
struct SelectionKeysTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.folder("scans")
        try folder.folder("model")
    }

    /// A pipeline file with `extra` from its line 6 on.
    private func parse(_ extra: String) throws -> PipelineFile {
        let text = """
            study: night
            inputs: [{path: scans}]
            model: model
            store: night.sqlite
            report: {groups_csv: groups.csv}
            \(extra)
            """
        return try PipelineFile.parse(text, path: folder.path + "/night.yaml", shownAs: "night.yaml")
    }

    private func refusal(_ extra: String) -> [String] {
        do {
            _ = try parse(extra)
            return ["accepted"]
        } catch PipelineError.invalidFile(let problems) {
            return problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test("One value or a list of them may be asked for")
    func selection() throws {
        let file = try parse("where: {modality: [CR, DX], body_part: CHEST, view: [PA, AP], laterality: L}")
        #expect(
            file.selection.wanted == [
                .modality: ["CR", "DX"], .bodyPart: ["CHEST"], .view: ["PA", "AP"], .laterality: ["L"],
            ])
        #expect(file.report.groupsCSV == folder.path + "/groups.csv")
        #expect(
            refusal("where: {modalty: CR}") == [
                "night.yaml:6: where.modalty: unknown key; did you mean 'modality'? Known keys here: modality, body_part, view, laterality"
            ])
        #expect(
            refusal("where: {modality: []}") == [
                "night.yaml:6: where.modality: expected a value or a list of them, found an empty list"
            ])
        #expect(refusal("where: {modality: [{a: b}]}").first?.contains("expected text") == true)
    }

    @Test("Identifiers are kept only where the file says so")
    func identifiers() throws {
        #expect(try parse("identifiers: keep").identifiers == .keep)
        #expect(try parse("identifiers: pseudonyms\npseudonym_key: keys/k").pseudonymKey == folder.path + "/keys/k")
        #expect(
            refusal("identifiers: kep") == [
                "night.yaml:6: identifiers: expected one of pseudonyms, keep, found 'kep'; did you mean 'keep'?"
            ])
    }

    @Test("Rules for frames and scans are read")
    func aggregation() throws {
        #expect(try parse("aggregate: {frames: noisy-or}").aggregation == Aggregation(frames: .noisyOr, scans: .max))
        #expect(
            try parse("aggregate: {frames: mean, scans: mean}").aggregation == Aggregation(frames: .mean, scans: .mean))
        #expect(refusal("aggregate: {frames: median}").first?.contains("expected one of max, mean, noisy-or") == true)
    }

    @Test("A name says whether a file should be a scan: by its suffix, or by a pattern that asks for it")
    func expectation() throws {
        var file = try parse("")
        for name in ["a.png", "a.TIFF", "a.jpg", "a.dcm", "a.nii.gz", "b/c.Nii"] {
            #expect(file.expectsScan(at: folder.path + "/scans/" + name), "\(name)")
        }
        for name in ["IM0001", "labels.csv", "png", "a.png.txt", "DICOMDIR"] {
            #expect(!file.expectsScan(at: folder.path + "/scans/" + name), "\(name)")
        }
        file.inputs[0].patterns = ["IM*"]
        #expect(file.expectsScan(at: folder.path + "/scans/IM0001"))
        #expect(!file.expectsScan(at: folder.path + "/elsewhere/IM0001"))
    }
}
