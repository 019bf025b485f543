import Training

/// The figures of a training's page.
extension TrainingPage {
    func rocChart(_ label: Evaluation.Label) -> LineChart {
        var chart = LineChart(
            title: label.label, caption: "AUC \(Self.interval(label.auc))",
            alt: "Receiver operating characteristic of \(label.label); area \(Self.interval(label.auc))",
            xName: "1 − specificity", yName: "sensitivity", hasDiagonal: true,
            lines: [LineChart.Line(points: label.roc.map { ($0[0], $0[1]) })])
        if let sensitivity = label.sensitivity?.value, let specificity = label.specificity?.value {
            chart.marks = [
                (
                    1 - specificity, sensitivity,
                    "threshold \(Self.number(label.threshold)): sensitivity \(Self.number(sensitivity)), "
                        + "specificity \(Self.number(specificity))"
                )
            ]
        }
        return chart
    }

    func precisionChart(_ label: Evaluation.Label) -> LineChart {
        let share = Double(label.positives) / Double(max(label.positives + label.negatives, 1))
        return LineChart(
            title: label.label, caption: "AP \(Self.interval(label.averagePrecision))",
            alt: "Precision and recall of \(label.label); average precision \(Self.interval(label.averagePrecision))",
            xName: "recall", yName: "precision",
            lines: [
                LineChart.Line(style: "quiet", points: [(0, share), (1, share)]),
                LineChart.Line(points: label.precisionRecall.map { ($0[0], $0[1]) }),
            ])
    }

    var calibrationCharts: [LineChart] {
        let after = evaluation.calibrated
        var charts = [calibrationChart("As trained", evaluation.uncalibrated)]
        if evaluation.temperature != 1 {
            charts.append(calibrationChart("T = \(Words.fixed(evaluation.temperature, 2))", after))
        }
        return charts
    }

    private func calibrationChart(_ title: String, _ calibration: Calibration) -> LineChart {
        let width = 1 / Double(Calibration.binCount)
        let most = Double(calibration.bins.map(\.count).max() ?? 1)
        return LineChart(
            title: title,
            caption: "ECE \(Words.fixed(calibration.error, 3)), NLL \(Words.fixed(calibration.logLoss, 3))",
            alt: "Reliability diagram; expected calibration error \(Words.fixed(calibration.error, 3))",
            xName: "probability", yName: "share that came true", hasDiagonal: true,
            columns: calibration.bins.enumerated().map { index, bin in
                let low = Double(index) * width
                return (
                    low...low + width, Double(bin.count) / max(most, 1),
                    "\(Words.fixed(low, 2)) to \(Words.fixed(low + width, 2)): \(Words.count(bin.count, "prediction")), "
                        + "\(Self.percent(bin.accuracy)) came true"
                )
            },
            lines: [
                LineChart.Line(
                    points: calibration.bins.filter { $0.count > 0 }.map { ($0.confidence, $0.accuracy) }, hasDots: true
                )
            ])
    }

    var calibrationNote: String {
        let what =
            evaluation.confusion == nil
            ? "Every label's probability against how often the label is there"
            : "The most probable label's probability against how often it is right"
        let scaling =
            evaluation.temperature == 1
            ? "The model has no temperature."
            : "ECE \(Words.fixed(evaluation.uncalibrated.error, 3)) before temperature scaling, "
                + "\(Words.fixed(evaluation.calibrated.error, 3)) after."
        return
            "\(what), in \(Calibration.binCount) bins; on the broken line probabilities keep what they promise, the columns say "
            + "how many there are. \(scaling)"
    }

    var courseCharts: [LineChart] {
        guard let course = report.course, !course.epochs.isEmpty else { return [] }
        let last = Double(course.epochs.map(\.number).max() ?? 1)
        let first = Double(course.epochs.map(\.number).min() ?? 1)
        let xTicks = LineChart.steps(to: last).filter { $0.value >= first && $0.value == $0.value.rounded() }
        let losses = course.epochs.flatMap { [$0.trainingLoss, $0.validationLoss ?? 0] }.filter(\.isFinite)
        let lossTicks = LineChart.steps(to: losses.max() ?? 1)
        let validation = course.epochs.compactMap { epoch in epoch.validationLoss.map { (Double(epoch.number), $0) } }
        var loss = LineChart(
            title: "Loss", caption: "\(Words.count(course.epochs.count, "epoch"))",
            alt: "Loss by epoch, last \(Words.fixed(course.epochs.last?.trainingLoss ?? 0, 3))", xName: "epoch",
            yName: "loss",
            x: first...max(last, first + 1), y: 0...(lossTicks.last?.value ?? 1), xTicks: xTicks, yTicks: lossTicks,
            lines: [
                LineChart.Line(
                    name: "training", points: course.epochs.map { (Double($0.number), $0.trainingLoss) },
                    hasDots: course.epochs.count <= 40)
            ])
        if !validation.isEmpty {
            loss.lines.append(
                LineChart.Line(
                    name: "validation", style: "second", points: validation, hasDots: course.epochs.count <= 40))
        }
        let metric = course.epochs.compactMap { epoch in epoch.metric.map { (Double(epoch.number), $0) } }
        guard !metric.isEmpty else { return [loss] }
        let ticks = LineChart.steps(to: max(metric.map(\.1).max() ?? 1, 1e-6))
        let isShare = metric.allSatisfy { (0...1).contains($0.1) }
        let chart = LineChart(
            title: course.metric, caption: "last \(Self.number(metric.last?.1))", alt: "\(course.metric) by epoch",
            xName: "epoch", yName: course.metric, x: first...max(last, first + 1),
            y: 0...(isShare ? 1 : ticks.last?.value ?? 1), xTicks: xTicks, yTicks: isShare ? LineChart.quarters : ticks,
            lines: [
                LineChart.Line(
                    name: "validation", style: "second", points: metric, hasDots: course.epochs.count <= 40)
            ],
            marks: metric.filter { Int($0.0) == course.kept }.map { ($0.0, $0.1, "kept: epoch \(Int($0.0))") })
        return [loss, chart]
    }

    var courseNote: String {
        report.course?.kept.map { "The weights of epoch \($0) became the model." }
            ?? "The weights of the last epoch became the model."
    }
}
