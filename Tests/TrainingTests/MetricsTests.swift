import EfficientNet
import Foundation
import Testing

@testable import Training

/// Fixtures/metrics.json: scikit-learn's and SciPy's numbers for the same predictions (make_metrics.py).
struct MetricsReference: Decodable {
    struct Reliability: Decodable {
        var error: Double
        /// Count, confidence, accuracy.
        var bins: [[Double]]
    }
    struct Label: Decodable {
        var auc, average_precision, youden, sensitivity_090: Double
        var roc, precision_recall: [[Double]]
        var auc_interval: [Double]
    }
    struct Multiclass: Decodable {
        var logits: [[Float]]
        var truths: [[Int]]
        var patients: [String?]
        var accuracy, balanced_accuracy, log_loss, temperature, log_loss_fitted: Double
        var confusion: [[Int]]
        var calibration: Reliability
        var accuracy_interval: [Double]
        var labels: [Label]
    }
    struct Multilabel: Decodable {
        var logits: [[Float]]
        var truths: [[Int]]
        var threshold_of_first, accuracy, log_loss, temperature: Double
        var auc, sensitivity, specificity: [Double]
        var calibration: Reliability
    }
    struct Features: Decodable {
        var rows, others: [[Float]]
        var groups: [Int]
        var shrinkage: Double
        var covariance: [[Double]]
        var distances: [Double]
    }
    var multiclass: Multiclass
    var multilabel: Multilabel
    var features: Features

    static func load() throws -> MetricsReference {
        let file = try #require(
            Bundle.module.url(forResource: "metrics", withExtension: "json", subdirectory: "Fixtures"))
        return try JSONDecoder().decode(MetricsReference.self, from: Data(contentsOf: file))
    }
}

extension Multiclassed {
    var predictions: Predictions {
        get throws {
            var predictions = Predictions(
                labels: logits[0].indices.map { "label \($0)" }, activation: activation)
            for (index, row) in logits.enumerated() {
                try predictions.add(
                    logits: row, truth: Set(truths[index]), patient: patients.isEmpty ? nil : patients[index])
            }
            return predictions
        }
    }
}

/// Both kinds of the reference's predictions.
protocol Multiclassed {
    var logits: [[Float]] { get }
    var truths: [[Int]] { get }
    var patients: [String?] { get }
    var activation: ModelManifest.Activation { get }
}

extension MetricsReference.Multiclass: Multiclassed {
    var activation: ModelManifest.Activation { .softmax }
}

extension MetricsReference.Multilabel: Multiclassed {
    var activation: ModelManifest.Activation { .sigmoid }
    var patients: [String?] { [] }
}

@Suite("Metrics beside scikit-learn")
struct MetricsTests {
    let reference: MetricsReference

    init() throws { reference = try .load() }

    func close(_ a: Double?, _ b: Double, within tolerance: Double = 1e-9) -> Bool {
        a.map { abs($0 - b) <= tolerance } ?? false
    }

    @Test("Accuracy, confusion, areas and curves of three classes are scikit-learn's")
    func multiclass() throws {
        let expected = reference.multiclass
        let found = Evaluation(
            try expected.predictions, temperature: 1, thresholds: [:], resamples: 200, seed: 7)
        #expect(found.scans == 90)
        #expect(close(found.accuracy.value, expected.accuracy))
        #expect(close(found.balancedAccuracy?.value, expected.balanced_accuracy))
        #expect(found.confusion == expected.confusion)
        #expect(close(found.meanAUC.value, expected.labels.map(\.auc).reduce(0, +) / 3))
        for (label, numbers) in zip(found.labels, expected.labels) {
            #expect(close(label.auc.value, numbers.auc))
            #expect(close(label.averagePrecision.value, numbers.average_precision))
            #expect(label.roc.count == numbers.roc.count)
            for (a, b) in zip(label.roc, numbers.roc) { #expect(close(a[0], b[0]) && close(a[1], b[1])) }
            // scikit-learn leaves out nothing that we have, but ends where all positives are found.
            for (a, b) in zip(label.precisionRecall, numbers.precision_recall) {
                #expect(close(a[0], b[0]) && close(a[1], b[1]))
            }
        }
    }

    @Test("Intervals are those of scikit-learn's metrics over the same resampled patients")
    func intervals() throws {
        let expected = reference.multiclass
        let found = Evaluation(
            try expected.predictions, temperature: 1, thresholds: [:], resamples: 200, seed: 7)
        #expect(close(found.accuracy.low, expected.accuracy_interval[0]))
        #expect(close(found.accuracy.high, expected.accuracy_interval[1]))
        for (label, numbers) in zip(found.labels, expected.labels) {
            #expect(close(label.auc.low, numbers.auc_interval[0]))
            #expect(close(label.auc.high, numbers.auc_interval[1]))
        }
        // 81 scans of 30 patients, and nine by themselves.
        #expect(found.patients == nil)
    }

    @Test("Thresholds are the ones that scikit-learn's curve gives by the same rule")
    func thresholds() throws {
        let expected = reference.multiclass
        let predictions = try expected.predictions
        let youden = predictions.thresholds(by: .youden, temperature: 1)
        let sensitive = predictions.thresholds(by: .sensitivity(0.9), temperature: 1)
        for (index, numbers) in expected.labels.enumerated() {
            #expect(close(youden["label \(index)"], numbers.youden))
            #expect(close(sensitive["label \(index)"], numbers.sensitivity_090))
        }
    }

    @Test("The fitted temperature is SciPy's minimum, and calibration before it that of plain binning")
    func calibration() throws {
        for (predictions, loss, temperature, numbers) in [
            (
                try reference.multiclass.predictions, reference.multiclass.log_loss, reference.multiclass.temperature,
                reference.multiclass.calibration
            ),
            (
                try reference.multilabel.predictions, reference.multilabel.log_loss, reference.multilabel.temperature,
                reference.multilabel.calibration
            ),
        ] {
            let fitted = Temperature.fit(predictions)
            #expect(abs(fitted - temperature) < 1e-6 * temperature)
            let before = Calibration(predictions, temperature: 1), after = Calibration(predictions, temperature: fitted)
            #expect(close(before.error, numbers.error))
            #expect(close(before.logLoss, loss))
            #expect(after.logLoss < before.logLoss)
            for (bin, expected) in zip(before.bins, numbers.bins) {
                #expect(bin.count == Int(expected[0]))
                #expect(close(bin.confidence, expected[1]) && close(bin.accuracy, expected[2]))
            }
        }
        let multiclass = try reference.multiclass.predictions
        let after = Calibration(multiclass, temperature: reference.multiclass.temperature)
        #expect(close(after.logLoss, reference.multiclass.log_loss_fitted))
    }

    @Test("Several labels at once: exact matches, areas, sensitivity and specificity")
    func multilabel() throws {
        let expected = reference.multilabel
        let found = Evaluation(
            try expected.predictions, temperature: 1,
            thresholds: ["label 0": expected.threshold_of_first, "label 1": 0.5], resamples: 20)
        #expect(close(found.accuracy.value, expected.accuracy))
        #expect(found.confusion == nil && found.balancedAccuracy == nil)
        for (index, label) in found.labels.enumerated() {
            #expect(close(label.auc.value, expected.auc[index]))
            #expect(close(label.sensitivity?.value, expected.sensitivity[index]))
            #expect(close(label.specificity?.value, expected.specificity[index]))
        }
    }

    @Test("The surest mistakes come first: a wrong call by its probability, a missed label by its absence's")
    func mistakes() throws {
        // softmax of (2, 0) is 0.881 : 0.119, of (0, 1) 0.269 : 0.731.
        var single = Predictions(labels: ["a", "b"], activation: .softmax)
        for (logits, truth) in [([0, 1], 0), ([2, 0], 0), ([2, 0], 1)] as [([Float], Int)] {
            try single.add(logits: logits, truth: [truth])
        }
        let found = single.mistakes(temperature: 1, thresholds: [:])
        #expect(found.map(\.scan) == [2, 0])
        #expect(found.map(\.call) == [[0], [1]])
        #expect(close(found.first?.confidence, 0.8807970779778823))
        // sigmoid(-2) is 0.119: b is missed with 0.881.
        var several = Predictions(labels: ["a", "b"], activation: .sigmoid)
        try several.add(logits: [2, -2], truth: [0, 1])
        try several.add(logits: [-2, -2], truth: [])
        let missed = several.mistakes(temperature: 1, thresholds: [:])
        #expect(missed.map(\.scan) == [0] && missed.first?.call == [0])
        #expect(close(missed.first?.confidence, 0.8807970779778823))
        #expect(several.mistakes(temperature: 1, thresholds: ["b": 0.1]).map(\.scan) == [1])
    }

    @Test("A validation set without errors keeps the temperature in its range; none at all leaves it at 1")
    func degenerate() throws {
        var predictions = Predictions(labels: ["a", "b"], activation: .softmax)
        #expect(Temperature.fit(predictions) == 1)
        #expect(Evaluation(predictions, temperature: 1, thresholds: [:], resamples: 5).accuracy.value == nil)
        try predictions.add(logits: [3, 1], truth: [0])
        #expect(Temperature.fit(predictions) == Temperature.range.lowerBound)
        let lone = Evaluation(predictions, temperature: 1, thresholds: ["a": 0.5], resamples: 5)
        #expect(lone.labels[0].auc == Estimate(value: nil, low: nil, high: nil))
        #expect(lone.labels[0].sensitivity?.value == 1)
        #expect(lone.labels[0].specificity?.value == nil)
        #expect(predictions.thresholds(by: .youden, temperature: 1).isEmpty)
        #expect(throws: TrainingError.self) { try predictions.add(logits: [.nan, 0], truth: [0]) }
        #expect(throws: TrainingError.self) { try predictions.add(logits: [1, 0], truth: [0, 1]) }
        #expect(throws: TrainingError.self) { try predictions.add(logits: [1, 0], truth: [2]) }
    }
}

@Suite("What a model is given of its validation")
struct ChoiceTests {
    @Test("Without a mistake the temperature does not sharpen; with one it is the fitted one, under 1 as well")
    func temperature() throws {
        var predictions = Predictions(labels: ["a", "b"], activation: .softmax)
        for scan in 0..<20 { try predictions.add(logits: scan % 2 == 0 ? [1, 0] : [0, 1], truth: [scan % 2]) }
        #expect(Temperature.chosen(by: predictions) == 1)
        // One of 21 wrong: the best probability of the others is 20/21, where the logit is ln 20, so that T = 1 / ln 20.
        try predictions.add(logits: [1, 0], truth: [1])
        #expect(abs(Temperature.chosen(by: predictions) - 1 / log(20)) < 1e-6)
    }

    @Test("Of epochs with equal areas or accuracies the one with the smaller loss is better")
    func epochs() {
        func score(_ loss: Double, _ first: Double) -> ValidationScore {
            ValidationScore(
                loss: loss, probabilities: [first, 1 - first, 0.2, 0.8], targets: [1, 0, 0, 1], labels: 2,
                isMultiple: false)
        }
        let (loose, tight, wrong) = (score(0.5, 0.7), score(0.3, 0.9), score(0.1, 0.1))
        for metric in [Recipe.Metric.auc, .accuracy] {
            #expect(tight.isBetter(than: loose, by: metric) && !loose.isBetter(than: tight, by: metric))
            #expect(!tight.isBetter(than: tight, by: metric))
            #expect(tight.isBetter(than: wrong, by: metric) && !wrong.isBetter(than: tight, by: metric))
        }
        #expect(wrong.isBetter(than: tight, by: .loss))
    }
}

@Suite("Feature statistics beside scikit-learn")
struct FeatureStatisticsTests {
    let reference: MetricsReference.Features

    init() throws { reference = try MetricsReference.load().features }

    @Test("Shrinkage and covariance are Ledoit's and Wolf's, with fewer scans than features")
    func covariance() throws {
        let features = reference.rows[0].count
        var residuals: [Float] = []
        for (row, group) in zip(reference.rows, reference.groups) {
            let members = zip(reference.rows, reference.groups).filter { $0.1 == group }.map(\.0)
            for (column, value) in row.enumerated() {
                let mean = members.reduce(0.0) { $0 + Double($1[column]) } / Double(members.count)
                residuals.append(Float(Double(value) - mean))
            }
        }
        let found = ShrunkCovariance(residuals: residuals, features: features)
        #expect(abs(found.shrinkage - reference.shrinkage) < 1e-6)
        for i in 0..<features {
            for j in 0...i { #expect(abs(found.matrix[i * features + j] - reference.covariance[i][j]) < 1e-6) }
        }
    }

    @Test("Distances to the nearest mean are SciPy's, and the rate's share of the validation scans lies beyond")
    func distances() throws {
        let statistics = try FeatureStatistics(
            training: reference.rows, groups: reference.groups, validation: reference.others, falseAbstainRate: 0.1)
        #expect(statistics.groups == 3)
        for (row, expected) in zip(reference.others, reference.distances) {
            #expect(abs(statistics.distance(row) - expected) < 1e-4 * expected)
        }
        // 0.1 of 20: the two farthest are turned away, the third farthest is not.
        let sorted = reference.others.sorted { statistics.distance($0) > statistics.distance($1) }
        #expect(sorted.filter { statistics.abstains(distance: statistics.distance($0)) } == Array(sorted.prefix(2)))
        #expect(statistics.distance([1, 2]) == .infinity)
        #expect(statistics.abstains(distance: .nan))
    }

    @Test("Statistics without scans, of ragged features or with a rate that is none are refused")
    func refusals() {
        for (training, groups, validation, rate) in [
            ([], [], [[1]], 0.1), ([[1]], [0], [], 0.1), ([[1], [1, 2]], [0, 0], [[1]], 0.1),
            ([[1]], [0], [[.nan]], 0.1), ([[1]], [0], [[1]], 1.5), ([[1]], [], [[1]], 0.1),
        ] as [([[Float]], [Int], [[Float]], Double)] {
            #expect(throws: TrainingError.self) {
                try FeatureStatistics(
                    training: training, groups: groups, validation: validation, falseAbstainRate: rate)
            }
        }
    }

    @Test("Sets of labels are numbered; those of one scan share a number")
    func groups() {
        #expect(FeatureStatistics.groups(of: [[0], [1], [0], [0, 1], [1], []]) == [0, 1, 0, 2, 1, 2])
    }
}
