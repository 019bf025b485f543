import EfficientNet
import Foundation
import Imaging

extension ScanInspection {
    /// All of it for a terminal of 80 columns, in lines. What comes from the file has no control characters any more.
    public var lines: [String] {
        let about = scan.description
        var lines: [String] = []
        func add(_ name: String, _ value: String?) {
            guard let value else { return }
            lines.append(name.padding(toLength: 15, withPad: " ", startingAt: 0) + " " + value)
        }
        add("scan", printable(path))
        add("format", scan.format.description)
        add("compression", compression)
        let inFile = about.framesInFile > 0 ? ", of \(about.framesInFile) in the file" : ""
        add("frames", "\(scan.frames.count) decoded\(inFile); shown: number \(frame.number)")
        add("geometry", "\(frame)")
        add("stored as", storage)
        if frame.orientation != 1 { add("orientation", "\(frame.orientation) in the file, applied") }
        add("modality", shown(about.modality))
        add("body part", shown(about.bodyPart))
        add("view", shown(about.view))
        add("laterality", shown(about.laterality))
        add(
            "pixel spacing",
            about.pixelSpacing.map { "\(rounded($0.row)) × \(rounded($0.column)) mm (row × column)" })
        add("acquired", shown(about.acquisitionDate))
        if settings.showsIdentifiers {
            add("study", shown(about.studyUID))
            add("series", shown(about.seriesUID))
            add("instance", shown(about.instanceUID))
        }
        add("patient", patient)
        add("rescale", rescale)
        for (index, window) in frame.tone.windows.enumerated() {
            let name = window.explanation.isEmpty ? "" : " \"\(printable(window.explanation))\""
            add(
                index == 0 ? "windows" : "",
                "centre \(rounded(window.center)), width \(rounded(window.width)), "
                    + frame.tone.function.setting.rawValue + name)
        }
        if let table = frame.tone.voiTable { add("VOI LUT", "\(table.count) entries of \(table.bits) bits") }
        add("intensity", "\(settings.preprocessing.intensity)")
        add("window used", window.map { printable("\($0)") } ?? "none: no sample is finite")
        add("stored samples", stored.map(words))
        if frame.tone.modalityTable != nil || frame.tone.slope != 1 || frame.tone.intercept != 0 {
            add("modality values", modality.map(words))
        }
        add("samples SHA-256", samplesSHA256)
        if let histogram { lines += [""] + HistogramDrawing(histogram, of: histogramSubject).lines }
        return lines
    }

    private var compression: String? {
        guard let text = shown(scan.description.compression) else { return nil }
        return TransferSyntax.name(of: text).map { "\($0) (\(text))" } ?? text
    }

    private var storage: String {
        var words = ["\(frame.sample)", "\(frame.bits) bits"]
        if frame.flags.contains(.minIsWhite) { words.append("0 is white") }
        if !frame.tone.palette.isEmpty { words.append("palette") }
        if frame.flags.contains(.alpha) { words.append("alpha, left out") }
        if frame.flags.contains(.lossy) { words.append("lossy") }
        return words.joined(separator: ", ")
    }

    private var patient: String? {
        let about = scan.description
        guard !about.patient.isEmpty else { return scan.format == .dicom ? "not in the file" : nil }
        guard settings.showsIdentifiers else { return "in the file (--identifiers shows it)" }
        return (shown(about.patient) ?? "") + (shown(about.patientIssuer).map { ", issued by \($0)" } ?? "")
    }

    private var rescale: String? {
        let tone = frame.tone
        if let table = tone.modalityTable {
            return "modality LUT of \(table.count) entries of \(table.bits) bits, from \(table.first) on"
        }
        guard tone.slope != 1 || tone.intercept != 0 else { return nil }
        return "stored × \(rounded(tone.slope)) + \(rounded(tone.intercept))"
    }

    private var histogramSubject: String {
        if !frame.tone.palette.isEmpty { return "palette entries" }
        return frame.colourChannels == 3 ? "values of all three colours" : "modality values"
    }

    private func words(_ statistics: SampleStatistics) -> String {
        let ends = "min \(rounded(statistics.minimum)), max \(rounded(statistics.maximum))"
        let percentiles = zip(SampleStatistics.percents, statistics.percentiles).map { percent, value in
            "\(Int(percent)) %: \(rounded(value))"
        }
        return "\(ends), mean \(rounded(statistics.mean))\n"
            + String(repeating: " ", count: 16) + percentiles.joined(separator: "  ")
    }
}

/// Six significant digits, whole numbers without a point.
func rounded(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(format: "%.6g", number)
}
