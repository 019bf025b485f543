import Foundation

/// A run's preprocessing as a sentence.
enum PreprocessingWords {
    /// - Parameter json: `RunRecord.preprocessingJSON`.
    /// - Returns: the text itself where it is not what this version writes.
    static func describe(_ json: String) -> String {
        guard let object = (try? JSONSerialization.jsonObject(with: Data(json.utf8))) as? [String: Any],
            let resolution = (object["resolution"] as? NSNumber)?.intValue
        else { return json }
        var parts = [slicing(object["slices"], axis: object["axis"]), intensity(object["intensity"])].compactMap { $0 }
        let filter = object["interpolation"] as? String ?? "bicubic"
        switch object["fit"] as? String {
        case "squash":
            parts.append("resized to \(resolution) × \(resolution) whatever its shape (\(filter), antialiased)")
        case "pad":
            parts.append("resized to fit \(resolution) × \(resolution) (\(filter), antialiased), the rest black")
        default:
            let share = (object["crop_pct"] as? NSNumber)?.doubleValue ?? 1
            parts.append(
                "resized (\(filter), antialiased) and cropped to the centre \(resolution) × \(resolution) "
                    + "(\(Words.fixed(share * 100, 1)) % of the shorter side)")
        }
        if let mean = numbers(object["mean"]), let std = numbers(object["std"]) {
            parts.append("normalised with mean \(mean) and deviation \(std)")
        }
        if object["precision"] as? String == "bf16" { parts.append("computed in bfloat16") }
        return parts.joined(separator: "; ")
    }

    /// Whether a run makes no call of scans unlike what its model was trained on, where the model knows.
    static func abstains(_ json: String) -> Bool {
        let object = (try? JSONSerialization.jsonObject(with: Data(json.utf8))) as? [String: Any]
        return (object?["abstain"] as? NSNumber)?.boolValue ?? true
    }

    /// What is read of scans with several frames; nil where that is all of them in axial slices.
    private static func slicing(_ slices: Any?, axis: Any?) -> String? {
        let step = ((slices as? [String: Any])?["every"] as? NSNumber)?.intValue
        let axis = axis as? String
        guard slices != nil || axis != nil else { return nil }
        let frames =
            step.map { "every \($0) of the frames" }
            ?? (slices as? String == "middle" ? "the middle frame" : "all frames")
        return frames + (axis.map { " (volumes in \($0) slices)" } ?? "")
    }

    private static func intensity(_ value: Any?) -> String {
        if let object = value as? [String: Any] {
            if let bounds = numbers(object["percentile"]) { return "percentiles \(bounds) become black and white" }
            if let window = object["window"] as? [String: Any], let center = window["center"] as? NSNumber,
                let width = window["width"] as? NSNumber
            {
                let function = (window["function"] as? String).map { " (\($0))" } ?? ""
                return "window centred at \(center), \(width) wide\(function)"
            }
            if let name = object["file"] as? String { return "the file's own window \"\(name)\"" }
        }
        if value as? String == "file" { return "the file's own window or lookup table" }
        return "full range of the stored bits"
    }

    private static func numbers(_ value: Any?) -> String? {
        (value as? [NSNumber])?.map { "\($0)" }.joined(separator: ", ")
    }
}
