import Store

/// The probability bars of one reading, for the template `bars`.
enum Bars {
    /// Labels shown when a model has many: the findings, and the most probable of the others.
    static let most = 5

    static func view(_ probabilities: [Double], call: Call, model: ModelRecord) -> [View] {
        let found = Set(call.findings.map(\.label))
        let order = model.labels.indices.sorted {
            (found.contains($0) ? 1 : 0, probabilities[$0], -$0) > (found.contains($1) ? 1 : 0, probabilities[$1], -$1)
        }
        return order.prefix(max(most, min(found.count, 2 * most))).map { index in
            let label = model.labels[index]
            let probability = Words.probability(probabilities[index])
            var bar: View = [
                "label": label, "probability": probability, "over": found.contains(index),
                "width": Words.fixed(probabilities[index] * 100, 1), "alt": "\(label): \(probability)",
            ]
            if let threshold = model.thresholds[label], label != model.negativeLabel {
                bar["cut"] = Words.fixed(threshold * 100, 1)
                bar["alt"] = "\(label): \(probability), threshold \(Words.fixed(threshold, 3))"
            }
            return bar
        }
    }
}

/// Distribution of a label's probabilities over a run, for the figure in the template `findings`.
enum Histogram {
    /// Columns of equal width over 0…1; 1 itself belongs to the last.
    static let bins = 24

    static func counts(_ values: [Double]) -> [Int] {
        var counts = [Int](repeating: 0, count: bins)
        for value in values where value >= 0 && value <= 1 { counts[min(Int(value * Double(bins)), bins - 1)] += 1 }
        return counts
    }

    /// - Parameters:
    ///   - values: one probability per reading.
    ///   - threshold: the label's own, if it has one.
    static func view(label: String, values: [Double], threshold: Double?) -> View {
        let counts = counts(values)
        // A logarithmic height: one reading must be seen beside ten thousand.
        let top = logarithm(counts.max() ?? 0)
        let width = 240.0 / Double(bins)
        let columns: [View] = counts.enumerated().compactMap { index, count in
            guard count > 0 else { return nil }
            let height = max(2, 90 * logarithm(count) / top)
            let low = Double(index) / Double(bins)
            let high = Double(index + 1) / Double(bins)
            return [
                "x": Words.fixed(10 + Double(index) * width + 0.75, 2), "y": Words.fixed(100 - height, 2),
                "width": Words.fixed(width - 1.5, 2), "height": Words.fixed(height, 2),
                "over": threshold.map { low >= $0 } ?? false,
                "title": "\(Words.fixed(low, 2)) to \(Words.fixed(high, 2)): \(Words.count(count, "reading"))",
            ]
        }
        let over = threshold.map { cut in values.lazy.filter { $0 >= cut }.count }
        var view: View = [
            "label": label, "bins": columns,
            "caption": over.map {
                "\(Words.grouped($0)) of \(Words.grouped(values.count)) at or over \(Words.fixed(threshold ?? 0, 3))"
            }
                ?? "no threshold",
            "alt": "Histogram of \(Words.count(values.count, "probability", "probabilities")) of \(label); "
                + "median \(Words.fixed(Quantile.nearestRank(values, 0.5) ?? 0, 3)), logarithmic heights",
        ]
        if let threshold { view["cut"] = Words.fixed(10 + 240 * threshold, 2) }
        return view
    }

    /// Steps of doubling above zero: 0 → 0, 1 → 1, 3 → 2, 7 → 3.
    private static func logarithm(_ count: Int) -> Double {
        var value = Double(count + 1)
        var result = 0.0
        while value >= 2 {
            value /= 2
            result += 1
        }
        return max(result + (value - 1), count > 0 ? 1 : 0)
    }
}
