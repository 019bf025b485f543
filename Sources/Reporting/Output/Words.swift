import Foundation
import Store

/// Numbers, times and counts as a reader likes them.
enum Words {
    /// `1 scan`, `2 scans`, `12,345 scans`.
    static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
        "\(grouped(number)) \(number == 1 ? one : many ?? one + "s")"
    }

    /// What papers call a variant: `b0` is EfficientNet-B0, `lite0` EfficientNet-Lite0, `v2-s` EfficientNetV2-S.
    static func network(_ variant: String) -> String {
        let name = variant.uppercased().replacing("LITE", with: "Lite")
        return name.hasPrefix("V2") ? "EfficientNet\(name)" : "EfficientNet-\(name)"
    }

    /// `12,345`.
    static func grouped(_ number: Int) -> String {
        let digits = String(abs(number))
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        return number < 0 ? "−" + text : text
    }

    /// A probability in 0…1 with three decimals that never claims certainty by rounding: `>0.999`, `<0.001`.
    static func probability(_ value: Double) -> String {
        if value < 0.0005, value > 0 { return "<0.001" }
        if value > 0.9995, value < 1 { return ">0.999" }
        return fixed(value, 3)
    }

    /// `3.25` with a fixed number of decimals.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return "–" }
        let scale = (0..<decimals).reduce(1.0) { factor, _ in factor * 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 1e15 else { return value.description }
        let digits = String(Int64(scaled))
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        let sign = value < 0 && scaled > 0 ? "−" : ""
        return decimals == 0 ? sign + padded : sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }

    /// A distance from what a model was trained on: `31.25`, `1,204`.
    static func distance(_ value: Double) -> String {
        value < 1000 ? fixed(value, 2) : value < 1e9 ? grouped(Int(value.rounded())) : "beyond measure"
    }

    /// What a run does with scans unlike its model's training; nil where the model does not know.
    static func abstaining(_ run: RunRecord) -> String? {
        run.model.abstainLimit.map { limit in
            PreprocessingWords.abstains(run.preprocessingJSON)
                ? "no call beyond a distance of \(distance(limit.distance)) from what the model was trained on "
                    + "(\(percent(limit.falseAbstainRate)) of validation scans)"
                : "a call at any distance (abstain: false); the model's own limit is \(distance(limit.distance))"
        }
    }

    /// A share in 0…1 as `1 %`, `0.5 %`.
    static func percent(_ share: Double) -> String {
        let percent = (share * 1000).rounded() / 10
        return fixed(percent, percent == percent.rounded() ? 0 : 1) + " %"
    }

    /// `850 ms`, `42.0 s`, `12 min 4 s`, `7 h 20 min`.
    static func duration(_ seconds: Double) -> String {
        if seconds < 1 { return "\(fixed(seconds * 1000, 0)) ms" }
        if seconds < 60 { return "\(fixed(seconds, 1)) s" }
        let whole = Int(seconds.rounded())
        return whole < 3600
            ? "\(whole / 60) min \(whole % 60) s" : "\(grouped(whole / 3600)) h \(whole % 3600 / 60) min"
    }

    /// `12.3 ms`, `1.24 s`.
    static func milliseconds(_ value: Double) -> String {
        value < 1000 ? "\(fixed(value, value < 10 ? 2 : 1)) ms" : "\(fixed(value / 1000, 2)) s"
    }

    /// `2026-11-24 01:30:05 UTC`.
    static func moment(_ timestamp: Timestamp) -> String {
        let text = timestamp.description
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(8)) UTC"
    }

    /// The last part of a path and the folder above it.
    static func path(_ path: String) -> (file: String, folder: String?) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (path, nil) }
        let file = String(path[path.utf8.index(after: slash)...])
        let folder = String(path[..<slash])
        return file.isEmpty ? (path, nil) : (file, folder.isEmpty ? "/" : folder)
    }

    /// A path, and a frame where there are several, for the template `path`.
    static func view(path: String, frame: Int? = nil, of frames: Int = 1) -> View {
        let parts = Self.path(path)
        var view: View = ["file": parts.file]
        if let folder = parts.folder { view["folder"] = folder }
        if let frame, frames > 1 { view["frame"] = "frame \(frame + 1) of \(frames)" }
        return view
    }
}

extension Words {
    /// A scan's path, the frame that carries its call where it has several, and what its file says of it.
    static func view(of scan: ScanReading) -> View {
        var view = Words.view(path: scan.path, frame: scan.carrier.frame, of: scan.scan.frames)
        if let attributes = scan.scan.attributes, let about = about(attributes) { view["about"] = about }
        return view
    }

    /// `CR · CHEST · PA · 2024-03-11 · patient p-3f…`; nil where nothing is known.
    static func about(_ attributes: ScanAttributes) -> String? {
        let parts = [
            attributes.modality, attributes.bodyPart, attributes.laterality, attributes.view,
            attributes.acquisitionDate.map(date), attributes.patient.map { "patient \($0)" },
        ].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: " · ")
    }

    /// `2024-03-11` of DICOM's `20240311`.
    static func date(_ text: String) -> String {
        guard text.utf8.count == 8, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return text }
        return "\(text.prefix(4))-\(text.dropFirst(4).prefix(2))-\(text.suffix(2))"
    }
}

extension Aggregation.Rule {
    /// What counts of several: `the largest probability of` its frames.
    var words: String {
        switch self {
        case .max: "the largest probability of"
        case .mean: "the mean probability of"
        case .noisyOr: "the noisy-or (1 − Π(1 − p)) of"
        }
    }
}

/// Median and other quantiles.
enum Quantile {
    /// The nearest-rank quantile: the smallest value with at least `share` of all values at or below it.
    /// - Returns: nil for no values.
    static func nearestRank(_ values: [Double], _ share: Double) -> Double? {
        let sorted = values.sorted()
        guard let last = sorted.indices.last else { return nil }
        let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
        return sorted[min(max(rank, 0), last)]
    }
}
