import EfficientNet
import Foundation
import Store
import Testing
import Training

@testable import Reporting

@Suite("Reports of trainings and evaluations")
struct TrainingReportTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// 240 scans of three classes, of 80 patients, by a model that is surer than it is right.
    static func predictions(labels: [String], activation: ModelManifest.Activation = .softmax) throws -> Predictions {
        var random = Seeded(state: 5)
        var predictions = Predictions(labels: labels, activation: activation)
        for scan in 0..<240 {
            let truth = Int.random(in: 0..<labels.count, using: &random)
            let logits = labels.indices.map { label -> Float in
                let noise = (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -3...3, using: &random) }
                return (label == truth ? 5 : 0) + noise
            }
            try predictions.add(logits: logits, truth: [truth], patient: "p\(scan / 3)")
        }
        return predictions
    }

    static func report(
        labels: [String] = ["normal", "nodule", "effusion"], activation: ModelManifest.Activation = .softmax
    ) throws -> TrainingReport {
        let predictions = try predictions(labels: labels, activation: activation)
        let temperature = Temperature.fit(predictions)
        let thresholds = predictions.thresholds(by: .youden, temperature: temperature)
        var report = TrainingReport(
            model: "chest-phantom-b0", data: "the validation scans",
            evaluation: Evaluation(
                predictions, temperature: temperature, thresholds: thresholds, resamples: 100, seed: 1))
        report.course = TrainingReport.Course(
            epochs: (1...12).map {
                TrainingReport.Epoch(
                    number: $0, trainingLoss: 1.1 / Double($0), validationLoss: 0.3 + 0.8 / Double($0),
                    metric: 1 - 0.4 / Double($0))
            }, metric: "AUC", kept: 11)
        report.thresholdRule = ThresholdRule.youden.description
        report.sides = ["training", "validation"]
        report.classes = labels.map { TrainingReport.ClassCount(label: $0, counts: [400, 80]) }
        report.mistakes = hostileNames.enumerated().map { index, name in
            TrainingReport.Mistake(
                path: "/data/ward 1/\(name)", truth: [labels[index % labels.count]],
                call: [labels[(index + 1) % labels.count]],
                probabilities: labels.indices.map { $0 == (index + 1) % labels.count ? 0.93 : 0.03 },
                picture: index == 2 ? nil : picture(seed: UInt64(index), lesion: true))
        }
        report.mistakeCount = 31
        report.notes = ["Thresholds and temperature were chosen on these same scans."]
        report.facts = [
            [
                .init("Variant", "EfficientNet-B0"), .init("Batch", "16"),
                .init("Optimiser", "AdamW, weight decay 0.01"),
            ],
            [.init("Model digest", String(repeating: "ab", count: 32), isCode: true), .init("Seed", "7")],
        ]
        return report
    }

    func page(_ report: TrainingReport, name: String) throws -> String {
        let folder = scratch.folder.appendingPathComponent(name)
        try report.write(to: folder, program: "nightread 0.1.0", at: Timestamp(milliseconds: 1_795_483_805_023))
        let file = folder.appendingPathComponent("index.html")
        if let kept = ProcessInfo.processInfo.environment["NIGHTREAD_KEEP_REPORTS"] {
            try? FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
            try Data(contentsOf: file).write(to: URL(fileURLWithPath: "\(kept)/\(name).html"))
        }
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let folderMode = try FileManager.default.attributesOfItem(atPath: folder.path)[.posixPermissions] as? Int
        #expect(folderMode == 0o700)
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test("A training's page has its course, its matrix, a curve per label, calibration, and what it got wrong")
    func training() throws {
        let report = try Self.report()
        let page = try page(report, name: "training")
        #expect(page.contains("Nightread training"))
        #expect(page.contains("The weights of epoch 11 became the model."))
        #expect(page.contains("240 scans of 80 patients"))
        #expect(page.contains("before temperature scaling"))
        #expect(page.contains("Youden&#39;s J"))
        #expect(page.contains("The worst 11 of 31"))
        // Loss, metric, three curves of each kind, calibration before and after.
        #expect(page.components(separatedBy: "<svg class=\"curve\"").count - 1 == 2 + 3 + 3 + 2)
        let confusion = try #require(report.evaluation.confusion)
        #expect(confusion.flatMap(\.self).reduce(0, +) == 240)
        #expect(page.contains(">\(confusion[0][0])<span>"))
        #expect(page.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"))
        #expect(!page.contains("<script"))
    }

    @Test("Names and labels of others stay text")
    func hostile() throws {
        let page = try page(
            Self.report(labels: ["<b>bold</b>", "\" onload=\"x", "{{title}}"]), name: "training-hostile")
        let body = try #require(page.components(separatedBy: "<body>").last)
        for forbidden in ["<b>bold", "<img src=x", "\" onload=\"x"] {
            #expect(!body.contains(forbidden), "\(forbidden)")
        }
        #expect(body.contains("&lt;b&gt;bold&lt;/b&gt;"))
        #expect(body.contains("{{title}}"))
        for tag in body.split(separator: "<").dropFirst() {
            #expect(
                tag.unicodeScalars.prefix { $0 != ">" }.filter { $0 == "\"" }.count.isMultiple(of: 2),
                "\(tag.prefix(80))")
        }
    }

    @Test("An evaluation has no course; one of several labels no matrix; one that abstains says how often")
    func evaluation() throws {
        var report = try Self.report(activation: .sigmoid)
        report.course = nil
        report.mistakes = []
        report.mistakeCount = 0
        let statistics = try FeatureStatistics(
            features: 1, whitening: [1], means: [0], abstainDistance: 2, falseAbstainRate: 0.01)
        report.abstention = Abstention(statistics, distances: [1, 2, 1.5, 2.5], unlike: [3, 4, 1.2])
        // By hand: of 12 pairs, 3 and 4 beat all four, 1.2 beats 1 alone.
        #expect(abs((report.abstention?.auroc ?? 0) - 9.0 / 12) < 1e-12)
        #expect(report.abstention?.abstained == 1)
        let page = try page(report, name: "evaluation")
        #expect(page.contains("Nightread evaluation"))
        #expect(!page.contains("How training went"))
        #expect(!page.contains("Which labels are confused"))
        #expect(page.contains("2 of 3 (66.7 %)"))
        #expect(page.contains("Every scan was read as it is labelled."))
    }

    @Test(
        "Axes have round steps that reach the largest value",
        arguments: [0.0004, 0.03, 0.9, 1.1, 2.2, 7, 12, 30, 180, 5000])
    func steps(_ largest: Double) {
        let steps = LineChart.steps(to: largest)
        #expect((2...5).contains(steps.count))
        #expect((steps.last?.value ?? 0) >= largest * (1 - 1e-9) && (steps.last?.value ?? 0) <= largest * 2.6)
        #expect(Set(steps.map(\.text)).count == steps.count)
    }
}
