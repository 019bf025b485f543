import EfficientNet
import Imaging
public import Store

extension ScanInspection {
    /// All of it as one JSON object; the keys are described in Documentation/FORMATS.md.
    public var json: JSONValue {
        let tone = frame.tone
        return [
            "path": .string(path), "format": .string(scan.format.description.lowercased()),
            "samples_sha256": .string(samplesSHA256),
            "frames": JSONValue(scan.frames.count), "frame": JSONValue(frame.number),
            "width": JSONValue(frame.width), "height": JSONValue(frame.height), "channels": JSONValue(frame.channels),
            "bits": JSONValue(frame.bits), "sample": .string("\(frame.sample)"),
            "signed": .bool(frame.sample.isSigned || frame.sample.isFloatingPoint),
            "min_is_white": .bool(frame.flags.contains(.minIsWhite)), "alpha": .bool(frame.flags.contains(.alpha)),
            "lossy": .bool(frame.flags.contains(.lossy)), "palette": .bool(!tone.palette.isEmpty),
            "orientation": JSONValue(frame.orientation), "compression": JSONValue(shown(scan.description.compression)),
            "compression_name": JSONValue(TransferSyntax.name(of: scan.description.compression)),
            "slope": .double(tone.slope), "intercept": .double(tone.intercept),
            "modality_lut": table(tone.modalityTable), "voi_lut": table(tone.voiTable),
            "windows": .array(tone.windows.map { Self.json($0, tone.function) }),
            "intensity": .string("\(settings.preprocessing.intensity)"),
            "window_used": windowUsed, "description": description,
            "statistics": [
                "stored": stored.map(Self.json) ?? .null, "modality": modality.map(Self.json) ?? .null,
            ],
            "histogram": histogram.map { histogram in
                [
                    "lowest": .double(histogram.lowest), "bin_width": .double(histogram.binWidth),
                    "counts": .array(histogram.counts.map { JSONValue($0) }),
                ]
            } ?? .null,
        ]
    }

    private var description: JSONValue {
        let about = scan.description
        return [
            "frames_in_file": about.framesInFile > 0 ? JSONValue(about.framesInFile) : .null,
            "pixel_spacing": about.pixelSpacing.map { JSONValue([$0.row, $0.column]) } ?? .null,
            "modality": JSONValue(shown(about.modality)), "body_part": JSONValue(shown(about.bodyPart)),
            "view": JSONValue(shown(about.view)), "laterality": JSONValue(shown(about.laterality)),
            "acquisition_date": JSONValue(shown(about.acquisitionDate)),
            "study_uid": identifier(shown(about.studyUID)), "series_uid": identifier(shown(about.seriesUID)),
            "instance_uid": identifier(shown(about.instanceUID)),
            "patient": [
                "present": .bool(!about.patient.isEmpty), "id": identifier(shown(about.patient)),
                "issuer": identifier(shown(about.patientIssuer)),
            ],
        ]
    }

    /// Null unless identifiers were asked for.
    private func identifier(_ text: String?) -> JSONValue { settings.showsIdentifiers ? JSONValue(text) : .null }

    private var windowUsed: JSONValue {
        guard let window else { return .null }
        var members: [String: JSONValue] = ["description": .string(printable("\(window)"))]
        switch window.curve {
        case .line(let black, let white):
            members["curve"] = "line"
            members["black"] = .double(black)
            members["white"] = .double(white)
        case .sigmoid(let center, let width):
            members["curve"] = "sigmoid"
            members["center"] = .double(center)
            members["width"] = .double(width)
        case .table: members["curve"] = "table"
        case .palette: members["curve"] = "palette"
        }
        return .object(members)
    }

    private static func json(_ window: Tone.Window, _ function: Tone.Function) -> JSONValue {
        [
            "center": .double(window.center), "width": .double(window.width),
            "explanation": .string(printable(window.explanation)), "function": .string(function.setting.rawValue),
        ]
    }

    private static func json(_ statistics: SampleStatistics) -> JSONValue {
        let percentiles = zip(SampleStatistics.percents, statistics.percentiles).map { percent, value in
            ("\(Int(percent))", JSONValue.double(value))
        }
        return [
            "count": JSONValue(statistics.count), "minimum": .double(statistics.minimum),
            "maximum": .double(statistics.maximum), "mean": .double(statistics.mean),
            "percentiles": .object(Dictionary(percentiles) { first, _ in first }),
        ]
    }

    private func table(_ place: Tone.TablePlace?) -> JSONValue {
        guard let place else { return .null }
        return ["entries": JSONValue(place.count), "first": JSONValue(place.first), "bits": JSONValue(place.bits)]
    }

    /// Nil where the file says nothing.
    func shown(_ text: String) -> String? { text.isEmpty ? nil : printable(text) }

    /// Bytes whose character set is not known; what is not UTF-8 is shown as U+FFFD.
    func shown(_ bytes: [UInt8]) -> String? { shown(String(decoding: bytes, as: UTF8.self)) }
}
