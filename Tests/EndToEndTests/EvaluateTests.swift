import EfficientNet
import Foundation
import Imaging
import Testing

/// `nightread evaluate` with the demo model on drawn phantoms.
@Suite("Evaluating a model")
struct EvaluateTests {
    static let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Examples/models/chest-phantom-b0").path

    private func json(_ output: Program.Output) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(output.out.utf8)) as? [String: Any])
    }

    @Test(
        "A manifest and a folder per label give the same numbers, whatever the threads; the page is private and whole")
    func numbers() throws {
        let study = try TrainingStudy(scans: 36)
        try study.foldersPerClass("held-out")
        let manifest = try Program.run(
            ["evaluate", Self.model, "study/labels.csv", "--json", "--html", "report", "--threads", "2"],
            in: study.folder)
        #expect(manifest.status == 0, "\(manifest.error)")
        let folder = try Program.run(
            ["evaluate", Self.model, "held-out", "--json", "--threads", "1"], in: study.folder)
        #expect(folder.status == 0, "\(folder.error)")
        let (first, second) = (try json(manifest), try json(folder))
        let numbers = try #require(first["evaluation"] as? [String: Any])
        let other = try #require(second["evaluation"] as? [String: Any])
        let confusion = try #require(numbers["confusion"] as? [[Int]])
        #expect(confusion == other["confusion"] as? [[Int]])
        #expect(confusion.flatMap(\.self).reduce(0, +) == 36)
        // The manifest's own labels: rows of the matrix add up to them.
        let rows = try String(contentsOf: study.path("study/labels.csv"), encoding: .utf8)
            .split(whereSeparator: \.isNewline).dropFirst().map {
                $0.split(separator: ",", omittingEmptySubsequences: false)
            }
        let truths = Dictionary(rows.map { ($0[0], $0[1]) }, uniquingKeysWith: { first, _ in first }).values
        let labels = try #require(numbers["labels"] as? [[String: Any]])
        for (row, label) in zip(confusion, labels) {
            let name = try #require(label["label"] as? String)
            #expect(row.reduce(0, +) == truths.filter { $0 == name }.count)
        }
        let accuracy = try #require(numbers["accuracy"] as? [String: Any])
        let value = try #require(accuracy["value"] as? Double)
        let right = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
        #expect(abs(value - Double(right) / 36) < 1e-12)
        #expect(value > 0.8)
        #expect(first["mistakes"] as? Int == 36 - right)
        let page = study.path("report/index.html")
        let mode = try FileManager.default.attributesOfItem(atPath: page.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(text.contains("Nightread evaluation") && text.contains("(36 scans"))
        let words = try Program.run(["evaluate", Self.model, "held-out", "--resamples", "20"], in: study.folder)
        #expect(words.out.contains("mean AUC") && words.out.contains("accuracy"))
    }

    @Test("Scans marked test are read alone; --split reads another side")
    func split() throws {
        let study = try TrainingStudy(scans: 12)
        let files = try FileManager.default.contentsOfDirectory(atPath: study.path("study").path).filter {
            $0.hasPrefix("phantom")
        }.sorted()
        let rows = files.enumerated().map { "study/\($1),normal,\($0 < 5 ? "test" : "train")" }
        try Data((["path,label,split"] + rows).joined(separator: "\n").utf8).write(to: study.path("split.csv"))
        for (arguments, count) in [([], 5), (["--split", "train"], 7)] {
            let output = try Program.run(
                ["evaluate", Self.model, "split.csv", "--json", "--resamples", "5"] + arguments, in: study.folder)
            #expect(output.status == 0, "\(output.error)")
            #expect((try json(output)["evaluation"] as? [String: Any])?["scans"] as? Int == count)
        }
        let none = try Program.run(["evaluate", Self.model, "split.csv", "--split", "validation"], in: study.folder)
        #expect(none.status == 64)
        #expect(none.error.contains("validation"))
    }

    @Test("A model with statistics says how many scans of another kind it turns away; readings carry their distances")
    func unlike() throws {
        let study = try TrainingStudy(scans: 6)
        let package = try ModelPackage.open(URL(fileURLWithPath: Self.model))
        // W is the identity: the distance from a mean far away is over 1 for every scan, under 1e6 for every scan.
        let features = 1280
        var triangle: [Float] = []
        for row in 0..<features { triangle += (0...row).map { $0 == row ? 1 : 0 } }
        for (name, distance, turned) in [("strict", 1.0, 6), ("lenient", 1e6, 0)] {
            try ModelPackage.write(
                manifest: package.manifest, weights: package.tensors(), selfTest: nil,
                statistics: FeatureStatistics(
                    features: features, whitening: triangle, means: [Float](repeating: 1000, count: features),
                    abstainDistance: distance, falseAbstainRate: 0.01), to: study.path(name))
            let output = try Program.run(
                ["evaluate", name, "study/labels.csv", "--unlike", "study", "--json", "--resamples", "5"],
                in: study.folder)
            // The study's own labels.csv is among the files of --unlike and no scan.
            #expect(output.status == 3, "\(output.error)")
            let abstention = try #require(try json(output)["abstention"] as? [String: Any])
            #expect(abstention["abstained"] as? Int == turned && abstention["unlike_abstained"] as? Int == turned)
            #expect(abstention["scans"] as? Int == 6 && abstention["unlike_scans"] as? Int == 6)
            // The same scans on both sides: no better than chance.
            #expect(abs((abstention["auroc"] as? Double ?? 0) - 0.5) < 1e-12)
        }
    }

    @Test("A scan that cannot be read is listed and ends with 3; strange labels, no data and no model say what to do")
    func problems() throws {
        let study = try TrainingStudy(scans: 12)
        try study.foldersPerClass("data")
        try Data("no picture".utf8).write(to: study.path("data/normal/broken.png"))
        let output = try Program.run(["evaluate", Self.model, "data", "--resamples", "5"], in: study.folder)
        #expect(output.status == 3)
        #expect(output.out.contains("normal/broken.png"))
        try FileManager.default.moveItem(at: study.path("data/normal"), to: study.path("data/healthy"))
        let strange = try Program.run(["evaluate", Self.model, "data"], in: study.folder)
        #expect(strange.status == 64)
        #expect(strange.error.contains("healthy") && strange.error.contains("normal"))
        // A model that says nothing of its features.
        try FileManager.default.copyItem(atPath: Self.model, toPath: study.path("silent").path)
        try FileManager.default.removeItem(at: study.path("silent/features.safetensors"))
        try FileManager.default.moveItem(at: study.path("data/healthy"), to: study.path("data/normal"))
        let unlike = try Program.run(["evaluate", "silent", "data", "--unlike", "study"], in: study.folder)
        #expect(unlike.status == 64)
        #expect(unlike.error.contains("features.safetensors"))
        #expect(try Program.run(["evaluate", Self.model, "absent"], in: study.folder).status == 64)
        #expect(try Program.run(["evaluate", "absent", "data"], in: study.folder).status == 66)
        #expect(try Program.run(["evaluate", Self.model, "data", "--threads", "0"], in: study.folder).status == 64)
    }
}
