import Store
import Training

/// Fills the template `training`.
struct TrainingPage {
    /// Labels with curves of their own; the table and the JSON have all.
    static let mostCurves = 16
    /// Labels that a confusion matrix still can be read with.
    static let mostMatrix = 40

    let report: TrainingReport
    var evaluation: Evaluation { report.evaluation }

    init(report: TrainingReport) { self.report = report }

    func view(program: String, at moment: Timestamp) -> View {
        let isTraining = report.course != nil
        let curved = evaluation.labels.prefix(Self.mostCurves)
        return [
            "title": "\(report.model): \(isTraining ? "training" : "evaluation")",
            "eyebrow": isTraining ? "Nightread training" : "Nightread evaluation", "heading": report.model,
            "program": program, "writtenAt": Words.moment(moment), "summary": summary, "notes": report.notes,
            "ledger": ledger,
            "intervals":
                "Every interval holds 95 % of \(Words.count(evaluation.resamples, "bootstrap resample")) of the "
                + "\(evaluation.patients == nil ? "scans (or patients, where known)" : "patients"), seed \(evaluation.seed).",
            "course": courseCharts.map(\.view), "hasCourse": isTraining, "courseNote": courseNote,
            "matrix": matrix, "hasMatrix": evaluation.confusion != nil && evaluation.labels.count <= Self.mostMatrix,
            "matrixColumns": evaluation.labels.map(\.label), "labels": labelRows,
            "labelsNote": report.thresholdRule.map { "Thresholds were chosen by this rule: \($0)." }
                ?? "Thresholds are the model's own.",
            "roc": curved.map { rocChart($0).view }, "precision": curved.map { precisionChart($0).view },
            "curvesNote": evaluation.labels.count > Self.mostCurves
                ? "The first \(Self.mostCurves) of \(evaluation.labels.count) labels are drawn; the table has all."
                : "",
            "calibration": calibrationCharts.map(\.view), "calibrationNote": calibrationNote,
            "abstention": abstention, "hasAbstention": report.abstention != nil,
            "mistakes": report.mistakes.map(card), "hasMistakes": !report.mistakes.isEmpty,
            "mistakesNote": mistakesNote, "hasClasses": !report.classes.isEmpty, "sides": report.sides,
            "classes": classRows,
            "facts": report.facts.map { rows -> View in
                [
                    "rows": rows.map { fact -> View in
                        ["name": fact.name, "value": fact.value, "mono": fact.isCode]
                    }
                ]
            },
        ]
    }

    private var summary: String {
        let accuracy = Self.percent(evaluation.accuracy)
        let patients = evaluation.patients.map { " of \(Words.count($0, "patient"))" } ?? ""
        return "On \(report.data) (\(Words.count(evaluation.scans, "scan"))\(patients)) "
            + "\(evaluation.confusion == nil ? "all labels are right for" : "the most probable label is right for") \(accuracy)."
    }

    private var ledger: [View] {
        func item(_ value: String, _ what: String) -> View { ["value": value, "what": what] }
        var items = [
            item(Words.grouped(evaluation.scans), "scans"),
            item(Self.percent(evaluation.accuracy.value), "accuracy"),
        ]
        if let balanced = evaluation.balancedAccuracy {
            items.append(item(Self.percent(balanced.value), "balanced accuracy"))
        }
        items += [
            item(Self.number(evaluation.meanAUC.value), "mean AUC"),
            item(Words.fixed(evaluation.calibrated.error, 3), "calibration error"),
        ]
        if let abstention = report.abstention {
            items.append(item(Words.grouped(abstention.abstained), "abstained"))
        }
        return items
    }

    private var labelRows: [View] {
        evaluation.labels.map { label in
            func cell(_ estimate: Estimate?) -> View {
                ["value": Self.number(estimate?.value), "interval": estimate.flatMap(Self.bounds) ?? ""]
            }
            return [
                "label": label.label, "positives": Words.grouped(label.positives),
                "negatives": Words.grouped(label.negatives), "threshold": Self.number(label.threshold),
                "areas": [cell(label.auc), cell(label.averagePrecision)],
                "shares": [cell(label.sensitivity), cell(label.specificity)],
            ]
        }
    }

    private var matrix: [View] {
        guard let confusion = evaluation.confusion else { return [] }
        return confusion.enumerated().map { truth, row in
            let all = max(row.reduce(0, +), 1)
            return [
                "label": evaluation.labels[truth].label,
                "cells": row.enumerated().map { call, count -> View in
                    let share = Double(count) / Double(all)
                    return [
                        "count": Words.grouped(count), "share": count > 0 ? "\(Words.fixed(share * 100, 0)) %" : "",
                        // Tenths: the style sheet has a shade for each.
                        "shade": "\(truth == call ? "right" : "wrong")-\(Int((share * 10).rounded(.up)))",
                    ]
                },
            ]
        }
    }

    private var classRows: [View] {
        let sums = report.sides.indices.map { side in report.classes.reduce(0) { $0 + $1.counts[side] } }
        return report.classes.map { entry in
            [
                "label": entry.label,
                "cells": entry.counts.enumerated().map { side, count -> View in
                    let share = Double(count) / Double(max(sums[side], 1))
                    return ["count": Words.grouped(count), "share": "\(Words.fixed(share * 100, 1)) %"]
                },
            ]
        }
    }

    private var mistakesNote: String {
        guard report.mistakeCount > 0 else { return "Every scan was read as it is labelled." }
        guard report.mistakeCount > 1 else { return "There is one. It may be a mistake of its label instead." }
        let shown =
            report.mistakes.count < report.mistakeCount
            ? "The worst \(Words.grouped(report.mistakes.count)) of \(Words.grouped(report.mistakeCount))"
            : "All \(Words.grouped(report.mistakeCount))"
        return "\(shown), the surest first. Some may be mistakes of the labels instead."
    }

    private var abstention: [View] {
        guard let abstention = report.abstention else { return [] }
        func share(_ count: Int, _ all: Int) -> String {
            "\(Words.grouped(count)) of \(Words.grouped(all)) (\(Self.percent(Double(count) / Double(max(all, 1)))))"
        }
        func row(_ name: String, _ value: String) -> View { ["name": name, "value": value] }
        var rows = [
            row("Distance over which it abstains", Words.fixed(abstention.distance, 2)),
            row("Chosen to turn away", "\(Self.percent(abstention.falseAbstainRate)) of the validation scans"),
            row("Turned away here", share(abstention.abstained, abstention.scans)),
        ]
        if let unlike = abstention.unlikeScans {
            rows.append(row("Turned away of other scans", share(abstention.unlikeAbstained ?? 0, unlike)))
            rows.append(row("AUROC, other scans against these", Self.number(abstention.auroc)))
        }
        return rows
    }

    private func card(_ mistake: TrainingReport.Mistake) -> View {
        var card = Words.view(path: mistake.path)
        func list(_ labels: [String]) -> String { labels.isEmpty ? "no label" : labels.joined(separator: ", ") }
        card["truth"] = list(mistake.truth)
        card["call"] = list(mistake.call)
        card["alt"] = Words.path(mistake.path).file
        if let picture = mistake.picture { card["picture"] = FindingsPage.dataURI(picture) }
        let names = evaluation.labels.map(\.label)
        let called = Set(mistake.call), wanted = Set(mistake.truth)
        let order = names.indices.sorted {
            let first = called.contains(names[$0]) || wanted.contains(names[$0])
            let second = called.contains(names[$1]) || wanted.contains(names[$1])
            return (first ? 1 : 0, mistake.probabilities[$0], -$0) > (second ? 1 : 0, mistake.probabilities[$1], -$1)
        }
        card["bars"] = order.prefix(Bars.most).map { index -> View in
            let text = Words.probability(mistake.probabilities[index])
            var bar: View = [
                "label": names[index], "probability": text, "over": called.contains(names[index]),
                "width": Words.fixed(mistake.probabilities[index] * 100, 1), "alt": "\(names[index]): \(text)",
            ]
            if evaluation.confusion == nil, let threshold = evaluation.labels[index].threshold {
                bar["cut"] = Words.fixed(threshold * 100, 1)
            }
            return bar
        }
        return card
    }

    static func number(_ value: Double?) -> String { value.map { Words.fixed($0, 3) } ?? "–" }

    static func percent(_ value: Double?) -> String { value.map { "\(Words.fixed($0 * 100, 1)) %" } ?? "–" }

    /// `91.2 % (95 % interval 88.0–94.1 %)`.
    static func percent(_ estimate: Estimate) -> String {
        guard let low = estimate.low, let high = estimate.high else { return percent(estimate.value) }
        return
            "\(percent(estimate.value)) (95 % interval \(Words.fixed(low * 100, 1)) to \(Words.fixed(high * 100, 1)) %)"
    }

    /// `0.912 (0.880–0.941)`.
    static func interval(_ estimate: Estimate) -> String {
        bounds(estimate).map { "\(number(estimate.value)) (\($0))" } ?? number(estimate.value)
    }

    /// `0.880–0.941`; nil where there is no interval.
    static func bounds(_ estimate: Estimate) -> String? {
        guard let low = estimate.low, let high = estimate.high else { return nil }
        return "\(number(low))–\(number(high))"
    }
}
