import Foundation
import Testing

/// What a newcomer tries first: the demo models over drawn phantoms, then the other variant, then the comparison.
@Suite("The demo study")
struct DemoTests {
    private static let models = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Examples/models")

    @Test("Both demo models name what unseen phantoms show, at least 9 times in 10, and compare")
    func demoModels() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nightread-demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // The models were trained and calibrated on seed 100.
        #expect(
            try Program.run(["phantom", "study", "--count", "36", "--seed", "4242", "--quiet"], in: folder).status == 0)
        let pipeline = """
            study: demo
            inputs: [{path: study, patterns: ["*.png", "*.tif"]}]
            models: {b0: \(Self.models.path)/chest-phantom-b0, b1: \(Self.models.path)/chest-phantom-b1}
            variant: b0
            store: demo.sqlite
            report: {html: report, csv: findings.csv}
            """
        try Data(pipeline.utf8).write(to: folder.appending(path: "demo.yaml"))
        let truth = Dictionary(
            try table(folder.appending(path: "study/labels.csv")).map { ($0["file"] ?? "", $0["label"] ?? "") },
            uniquingKeysWith: { first, _ in first })
        #expect(truth.count == 36)

        let first = try Program.run(["run", "demo.yaml"], in: folder)
        #expect(first.status == 0, "\(first.error)")
        #expect(try accuracy(folder.appending(path: "findings.csv"), truth) >= 0.9)
        for (name, mode) in [
            ("report", 0o700), ("report/index.html", 0o600), ("findings.csv", 0o600), ("demo.sqlite", 0o600),
        ] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.appending(path: name).path)
            #expect(attributes[.posixPermissions] as? Int == mode, "\(name)")
        }

        let second = try Program.run(["rerun", "latest", "--variant", "b1", "--store", "demo.sqlite"], in: folder)
        #expect(second.status == 0, "\(second.error)")
        #expect(try accuracy(folder.appending(path: "findings-b1.csv"), truth) >= 0.9)

        let runs = [first, second].compactMap { output in
            output.out.firstMatch(of: /run (\d{8}-\d{6}-b[01]-[0-9a-f]+)/).map { String($0.output.1) }
        }
        #expect(runs.count == 2)
        let comparison = try Program.run(
            ["compare"] + runs + ["--store", "demo.sqlite", "--html", "comparison"], in: folder)
        #expect(comparison.status == 0, "\(comparison.error)")
        #expect(comparison.out.localizedCaseInsensitiveContains("kappa"))
        #expect(FileManager.default.fileExists(atPath: folder.appending(path: "comparison/index.html").path))

        let audit = try Program.run(["audit", "verify", "--store", "demo.sqlite"], in: folder)
        #expect(audit.status == 0, "\(audit.out)\(audit.error)")
    }

    @Test("Both demo models pass their self-test in bfloat16; of the other convention they fail in float already")
    func bfloat16() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nightread-demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appending(path: "study"), withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for variant in ["b0", "b1"] {
            let model = folder.appending(path: variant)
            try FileManager.default.copyItem(at: Self.models.appending(path: "chest-phantom-\(variant)"), to: model)
            let pipeline = """
                study: demo
                inputs: [{path: study}]
                model: \(variant)
                precision: bf16
                store: demo.sqlite
                report: {csv: findings.csv}
                """
            try Data(pipeline.utf8).write(to: folder.appending(path: "demo.yaml"))
            let output = try Program.run(["run", "demo.yaml"], in: folder)
            #expect(output.status == 0, "\(output.error)")

            let manifest = model.appending(path: "model.json")
            let text = try String(contentsOf: manifest, encoding: .utf8)
            let wrong = text.replacing(/"padding" ?: "same"/, with: #""padding": "symmetric""#)
            #expect(wrong != text)
            try Data(wrong.utf8).write(to: manifest)
            let refused = try Program.run(["run", "demo.yaml"], in: folder)
            #expect(refused.status == 74)
            #expect(refused.error.contains("the self-test failed in f32"), "\(refused.error)")
        }
    }

    @Test("Phantoms that cannot be written end with 73 and name the place")
    func unwritablePhantoms() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nightread-demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("a file where a folder should be".utf8).write(to: folder.appending(path: "study"))
        let output = try Program.run(["phantom", "study", "--count", "1"], in: folder)
        #expect(output.status == 73)
        #expect(output.error.contains("study: cannot be written"))
    }

    /// Share of the table's read rows whose top label is the true one.
    private func accuracy(_ file: URL, _ truth: [String: String]) throws -> Double {
        let rows = try table(file).filter { $0["outcome"] == "read" }
        #expect(rows.count == truth.count)
        let right = rows.filter { row in
            truth[URL(fileURLWithPath: row["path"] ?? "").lastPathComponent] == row["top_label"]
        }
        return Double(right.count) / Double(max(rows.count, 1))
    }

    /// A CSV without quoted cells, as rows by column name.
    private func table(_ file: URL) throws -> [[String: String]] {
        let lines = try String(contentsOf: file, encoding: .utf8).components(separatedBy: "\r\n").filter { !$0.isEmpty }
        let names = lines.first?.components(separatedBy: ",") ?? []
        return lines.dropFirst().map { line in
            Dictionary(zip(names, line.components(separatedBy: ",")), uniquingKeysWith: { first, _ in first })
        }
    }
}
