/// Lines over two axes, for the template `linechart`.
struct LineChart {
    /// One line.
    struct Line {
        /// What the key says of it; nil: not in the key.
        var name: String?
        /// A class of the style sheet: empty, `second` or `quiet`.
        var style = ""
        /// In the axes' units; points that are not finite are left out.
        var points: [(x: Double, y: Double)]
        /// Whether every point gets a dot.
        var hasDots = false
    }

    /// The plot's corners within its 280 × 216 units.
    private static let left = 38.0, right = 270.0, top = 8.0, bottom = 178.0

    var title: String
    var caption: String
    /// What a reader hears who does not see the figure.
    var alt: String
    var xName: String
    var yName: String
    var x = 0.0...1.0
    var y = 0.0...1.0
    var xTicks: [(value: Double, text: String)] = LineChart.quarters
    var yTicks: [(value: Double, text: String)] = LineChart.quarters
    /// A broken line from the lower left to the upper right corner.
    var hasDiagonal = false
    /// Counts as columns over the x axis, the highest a third of the plot: the place in 0…1 and the height in 0…1.
    var columns: [(x: ClosedRange<Double>, height: Double, title: String)] = []
    var lines: [Line]
    /// Points that stand out.
    var marks: [(x: Double, y: Double, title: String)] = []

    static let quarters: [(value: Double, text: String)] = [(0, "0"), (0.5, "0.5"), (1, "1")]

    var view: View {
        let key = lines.compactMap { line -> View? in line.name.map { ["name": $0, "style": line.style] } }
        return [
            "title": title, "caption": caption, "alt": alt, "xName": xName, "yName": yName,
            "xTicks": xTicks.filter { x.contains($0.value) }.map { tick -> View in
                ["x": across(tick.value), "text": tick.text]
            },
            "yTicks": yTicks.filter { y.contains($0.value) }.map { tick -> View in
                ["y": up(tick.value), "textY": up(tick.value, shift: 3.5), "text": tick.text]
            },
            "hasDiagonal": hasDiagonal,
            "columns": columns.filter { $0.height > 0 }.map { column -> View in
                let height = max(1, column.height * (Self.bottom - Self.top) / 3)
                let from = place(column.x.lowerBound), to = place(column.x.upperBound)
                return [
                    "x": Words.fixed(from + 0.5, 2), "width": Words.fixed(max(to - from - 1, 0.5), 2),
                    "y": Words.fixed(Self.bottom - height, 2), "height": Words.fixed(height, 2), "title": column.title,
                ]
            },
            "lines": lines.map { line -> View in
                let points = line.points.filter { $0.x.isFinite && $0.y.isFinite }
                return [
                    "style": line.style, "points": points.map { "\(across($0.x)),\(up($0.y))" }.joined(separator: " "),
                    "dots": line.hasDots
                        ? points.map { point -> View in ["x": across(point.x), "y": up(point.y)] } : [],
                ]
            },
            "marks": marks.map { mark -> View in
                ["x": across(mark.x), "y": up(mark.y), "title": mark.title]
            }, "hasKey": !key.isEmpty, "key": key,
        ]
    }

    private func place(_ value: Double) -> Double {
        let span = x.upperBound - x.lowerBound
        return Self.left + (Self.right - Self.left) * (span > 0 ? (value - x.lowerBound) / span : 0.5)
    }

    private func across(_ value: Double) -> String { Words.fixed(place(value), 2) }

    private func up(_ value: Double, shift: Double = 0) -> String {
        let span = y.upperBound - y.lowerBound
        let share = span > 0 ? (value - y.lowerBound) / span : 0.5
        return Words.fixed(Self.bottom - (Self.bottom - Self.top) * min(max(share, 0), 1) + shift, 2)
    }

    /// At most `most` + 1 round steps from 0 to the first at or over `largest`.
    static func steps(to largest: Double, most: Int = 4) -> [(value: Double, text: String)] {
        guard largest.isFinite, largest > 0 else { return quarters }
        var unit = 1e-6
        while unit * 10 * Double(most) <= largest { unit *= 10 }
        let step = [1.0, 2, 2.5, 5, 10, 20, 25, 50].map { $0 * unit }.first { $0 * Double(most) >= largest } ?? largest
        let decimals = step >= 1 && step == step.rounded() ? 0 : step >= 0.1 ? 2 : step >= 0.01 ? 3 : 5
        let count = Int((largest / step - 1e-9).rounded(.up))
        return (0...max(count, 1)).map { (Double($0) * step, Words.fixed(Double($0) * step, decimals)) }
    }
}
