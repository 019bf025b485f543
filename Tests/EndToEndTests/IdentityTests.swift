import Foundation
import GRDB
import ScanFixtures
import Store
import Testing

@Suite("Whom scans show")
struct IdentityTests {
    /// Attributes that DICOM PS3.15 Table E.1-1 removes or replaces, each with a value that occurs nowhere else.
    private static let identifying: [(tag: UInt32, vr: String)] = [
        (0x0010_0010, "PN"), (0x0010_0020, "LO"), (0x0010_0021, "LO"), (0x0010_1000, "LO"), (0x0010_1001, "PN"),
        (0x0010_1005, "PN"), (0x0010_1040, "LO"), (0x0010_1060, "PN"), (0x0010_1090, "LO"), (0x0010_2154, "SH"),
        (0x0010_2160, "SH"), (0x0010_2180, "SH"), (0x0010_21F0, "LO"), (0x0010_4000, "LT"), (0x0008_0050, "SH"),
        (0x0008_0080, "LO"), (0x0008_0081, "ST"), (0x0008_0090, "PN"), (0x0008_0092, "ST"), (0x0008_0094, "SH"),
        (0x0008_1010, "SH"), (0x0008_1030, "LO"), (0x0008_103E, "LO"), (0x0008_1040, "LO"), (0x0008_1048, "PN"),
        (0x0008_1050, "PN"), (0x0008_1060, "PN"), (0x0008_1070, "PN"), (0x0008_4000, "LT"), (0x0018_1000, "LO"),
        (0x0018_1004, "LO"), (0x0018_1030, "LO"), (0x0018_4000, "LT"), (0x0020_0010, "SH"), (0x0020_4000, "LT"),
        (0x0032_1032, "PN"), (0x0032_1060, "LO"), (0x0038_0010, "LO"), (0x0038_0300, "LO"), (0x0040_0006, "PN"),
        (0x0040_0253, "SH"), (0x0040_0254, "LO"), (0x0040_1001, "SH"), (0x0040_2016, "LO"), (0x0040_A123, "PN"),
        (0x0088_0140, "UI"), (0x0020_000D, "UI"), (0x0020_000E, "UI"), (0x0008_0018, "UI"), (0x0020_0052, "UI"),
    ]

    private static func canary(_ index: Int, _ vr: String) -> String {
        vr == "UI" ? "1.2.826.0.1.99887.\(7_000_000 + index)" : "CANARY\(7_000_000 + index)"
    }

    private static func scan(patient: String? = nil, modality: String = "CR", view: String = "PA", seed: Int = 1)
        -> Data
    {
        var random = UInt64(seed)
        let pixels = (0..<48 * 40).map { _ -> UInt8 in
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(random >> 56)
        }
        var writer = DICOMWriter(width: 48, height: 40, pixels: pixels)
        for (index, (tag, vr)) in identifying.enumerated() { writer.set(tag, vr, canary(index, vr)) }
        if let patient { writer.set(0x0010_0020, "LO", patient) }
        writer.set(0x0010_0030, "DA", "19470113")
        writer.set(0x0008_0060, "CS", modality)
        writer.set(0x0018_0015, "CS", "CHEST")
        writer.set(0x0018_5101, "CS", view)
        writer.set(0x0008_0022, "DA", "20240311")
        writer.set(0x0028_0030, "DS", "0.5\\0.25")
        return Data(writer.file())
    }

    /// Those of `texts` that occur in `data`, as grep finds them.
    private func found(_ texts: [String], in data: Data, of study: Study) throws -> Set<String> {
        let patterns = try study.file("patterns", Data((texts.joined(separator: "\n") + "\n").utf8))
        let traces = try study.file("traces", data)
        let grep = Process()
        grep.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        grep.arguments = ["grep", "-aohF", "-f", patterns.path, traces.path]
        let pipe = Pipe()
        grep.standardOutput = pipe
        try grep.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        grep.waitUntilExit()
        return Set(text.split(separator: "\n").map(String.init))
    }

    /// Everything that a run leaves behind, and what it said.
    private func traces(of study: Study, _ output: Program.Output) throws -> Data {
        var all = Data((output.out + output.error).utf8)
        for arguments in [
            ["audit", "export", "--store", "out/night.sqlite"], ["audit", "verify", "--store", "out/night.sqlite"],
            ["inspect", "scans/IM0001", "--json"], ["inspect", "scans/IM0001"],
        ] {
            let said = try Program.run(arguments, in: study.folder)
            #expect(said.status == 0, "\(arguments): \(said.error)")
            all += Data((said.out + said.error).utf8)
        }
        let walker = try #require(
            FileManager.default.enumerator(at: study.path("out"), includingPropertiesForKeys: nil))
        var files = 0
        for case let file as URL in walker {
            guard let content = try? Data(contentsOf: file) else { continue }
            all += content
            files += 1
        }
        #expect(files >= 5)
        return all
    }

    @Test("No identifying value of a file reaches the store, a report, the audit log or the terminal")
    func canaries() throws {
        let study = try Study()
        try study.write(
            extra: "", report: "report: {html: out/report, csv: out/findings.csv, groups_csv: out/groups.csv}")
        try study.file("scans/IM0001", Self.scan())
        // One that fails, and one without a picture: their messages must not tell either.
        try study.file("scans/IM0002.dcm", Self.scan(seed: 2).dropLast(700))
        var report = DICOMWriter()
        report.remove(0x7FE0_0010)
        for tag: UInt32 in [0x0028_0010, 0x0028_0011] { report.remove(tag) }
        for (index, (tag, vr)) in Self.identifying.enumerated() { report.set(tag, vr, Self.canary(index, vr)) }
        try study.file("scans/IM0003.dcm", Data(report.file()))
        let output = try study.run()
        #expect(output.status == 3, "\(output.error)")
        #expect(output.ledger["read"] == 1 && output.ledger["failed"] == 1 && output.ledger["skipped"] == 1)
        let all = try traces(of: study, output)
        let planted = Self.identifying.enumerated().map { Self.canary($0, $1.vr) } + ["19470113"]
        #expect(try found(planted + ["CHEST"], in: all, of: study) == ["CHEST"])
        let shown = try Program.run(["inspect", "scans/IM0001", "--identifiers"], in: study.folder)
        #expect(shown.out.contains("CANARY7000001") && shown.out.contains("1.2.826.0.1.99887."))
    }

    @Test("Kept identifiers are a choice that is audited; names and birth dates are not taken even then")
    func kept() throws {
        let study = try Study(extra: "identifiers: keep")
        try study.file("scans/IM0001", Self.scan(patient: "MRN-4711"))
        let output = try study.run()
        #expect(output.status == 0, "\(output.error)")
        let all = try traces(of: study, output)
        #expect(try found(["MRN-4711", Self.canary(0, "PN"), "19470113"], in: all, of: study) == ["MRN-4711"])
        let store = try StudyStore.openForReading(study.storeFile)
        #expect(
            try store.auditEvents(after: 0, limit: 20).contains {
                $0.action == "identifiers chosen" && $0.details.contains("keep")
            })
        #expect(!FileManager.default.fileExists(atPath: study.path("out/night.sqlite.key").path))
        // The store does not change its mind.
        try study.write(extra: "")
        let refused = try study.run()
        #expect(refused.status == 64)
        #expect(refused.error.contains("begun with identifiers: keep, found identifiers: pseudonyms"))
    }

    @Test("Scans of one patient share a pseudonym, the key is for its owner alone, and a run without it is refused")
    func pseudonyms() throws {
        let study = try Study()
        for (number, patient) in ["4711", "4711 ", "4712"].enumerated() {
            try study.file("scans/IM\(number)", Self.scan(patient: patient, seed: number + 10))
        }
        #expect(try study.run().status == 0)
        let store = try StudyStore.openForReading(study.storeFile)
        let run = try #require(try store.latestRun())
        let patients = try store.readings(run: run.id).map(\.scan.attributes?.patient)
        #expect(patients[0] == patients[1] && patients[0] != patients[2])
        #expect(patients.allSatisfy { $0?.wholeMatch(of: /p-[0-9a-f]{20}/) != nil })
        let key = study.path("out/night.sqlite.key")
        #expect(try FileManager.default.attributesOfItem(atPath: key.path)[.posixPermissions] as? Int == 0o600)
        try store.close()

        try FileManager.default.moveItem(at: key, to: study.path("elsewhere.key"))
        let without = try study.run()
        #expect(without.status == 66)
        #expect(without.error.contains("put it back"))
        try Data((String(repeating: "ab", count: 32) + "\n").utf8).write(to: key)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: key.path)
        let other = try study.run()
        #expect(other.status == 64)
        #expect(other.error.contains("made with another key"))
        try study.write(extra: "pseudonym_key: elsewhere.key")
        #expect(try study.run().status == 0)
    }

    @Test("where leaves out what does not fit, counts it by rule, and does not decode it twice")
    func selection() throws {
        let study = try Study(extra: "where: {modality: [CR, DX], view: PA}")
        try study.file("scans/a", Self.scan(modality: "CR", seed: 20))
        try study.file("scans/b", Self.scan(modality: "MR", seed: 21))
        try study.file("scans/c.dcm", Self.scan(modality: "DX", view: "LL", seed: 22))
        try study.scan("d.png", seed: 23)
        // The same content under two names is left out twice.
        try FileManager.default.copyItem(at: study.path("scans/b"), to: study.path("scans/e"))
        let expected = ["where: modality MR", "where: modality MR", "where: no modality", "where: view LL"]
        for _ in 0..<2 {
            let output = try study.run()
            #expect(output.status == 0, "\(output.error)")
            #expect(output.ledger["read"] == 1 && output.ledger["skipped"] == 4)
            let rules = output.events.filter { $0["outcome"] as? String == "skipped" }.compactMap {
                $0["detail"] as? String
            }
            #expect(rules.sorted() == expected)
        }
        let page = try String(contentsOf: study.path("out/report/index.html"), encoding: .utf8)
        #expect(page.contains("where: modality MR"))
        // Once left out, the store knows what the file says; a decoder that would crash on it is not asked.
        try study.write(extra: "where: {modality: US}")
        let bytes = try Data(contentsOf: study.path("scans/b")).count
        let known = try study.run([], environment: ["NIGHTREAD_FAULTS": "crash:\(bytes)"])
        #expect(known.status == 0)
        #expect(known.ledger["skipped"] == 5)
        // What was left out is read once the rule is gone.
        try study.write()
        let all = try study.run()
        #expect(all.ledger["read"] == 4 && all.ledger["duplicate"] == 1)
    }
}
