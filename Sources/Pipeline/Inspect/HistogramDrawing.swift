import Foundation
import Imaging

/// A histogram in characters, for a terminal of 80 columns: heights in eighths of a line, no colour.
///
/// The scale is linear and starts at 0; a bin with anything in it shows at least the lowest block, so that nothing looks empty that is not.
struct HistogramDrawing {
    /// Lines that the bars take.
    static let height = 8

    private static let blocks = Array(" ▁▂▃▄▅▆▇█")

    let lines: [String]

    init(_ histogram: Histogram, of subject: String) {
        let tallest = max(histogram.counts.max() ?? 0, 1)
        let margin = 10
        var lines = [
            "\(subject) in \(histogram.counts.count) bins of \(rounded(histogram.binWidth)); linear, the tallest holds "
                + "\(tallest) samples"
        ]
        let eighths = histogram.counts.map { count in
            count == 0 ? 0 : max(1, Int((Double(count) / Double(tallest) * Double(8 * Self.height)).rounded()))
        }
        for row in stride(from: Self.height - 1, through: 0, by: -1) {
            let label = row == Self.height - 1 ? "\(tallest)" : row == Self.height / 2 - 1 ? "\(tallest / 2)" : ""
            let bars = eighths.map { Self.blocks[min(max($0 - 8 * row, 0), 8)] }
            let mark = label.isEmpty ? "│" : "┤"
            lines.append(Self.right(label, margin) + " " + mark + String(bars))
        }
        let count = histogram.counts.count
        lines.append(Self.right("0", margin) + " └" + String(repeating: "─", count: count))
        lines.append(String(repeating: " ", count: margin + 2) + Self.axis(histogram, columns: count))
        self.lines = lines
    }

    /// The ends' values, and the middle one where there is room.
    private static func axis(_ histogram: Histogram, columns: Int) -> String {
        let (low, high) = (rounded(histogram.lowest), rounded(histogram.highest))
        let middle = rounded(histogram.lowest + histogram.binWidth * Double(histogram.counts.count) / 2)
        guard columns >= low.count + middle.count + high.count + 8 else { return "\(low) … \(high)" }
        let left = low + String(repeating: " ", count: max(1, columns / 2 - middle.count / 2 - low.count)) + middle
        return left + String(repeating: " ", count: max(1, columns - left.count - high.count)) + high
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
