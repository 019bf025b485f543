import EfficientNet

/// What an intensity rule comes to for one frame: which numbers become black and white, and who said so.
///
/// ```swift
/// print(try ResolvedIntensity(.file(), of: frame, samples: samples, planes: planes))
/// // the file's window "LUNG", centre -600, width 1500, linear: -1350 … 149 become black … white
/// ```
public struct ResolvedIntensity: Sendable, Hashable {
    /// How modality values become intensities.
    public enum Curve: Sendable, Hashable {
        /// A straight line: `black` becomes 0, `white` 1, values outside are clamped. Where they are equal, what is above is 1.
        case line(black: Double, white: Double)
        /// `1 / (1 + exp(−4 (x − center) / width))`.
        case sigmoid(center: Double, width: Double)
        /// The file's VOI LUT; its entries' full range becomes 0…1.
        case table(Tone.TablePlace)
        /// The file's palette; its entries' full range becomes 0…1 in each colour.
        case palette
    }

    /// Who said so.
    public enum Origin: Sendable, Hashable {
        /// The range of the stored bits, or of a modality LUT's entries.
        case fullRange
        /// Percentiles of the frame, in 0…100.
        case percentiles(low: Double, high: Double)
        /// Minimum and maximum of the frame: its file says nothing of its display.
        case extremes
        /// A window of the settings.
        case settings(Tone.Window, Tone.Function)
        /// A window of the file. `missing`: the explanation that was asked for, where the file has no window of it.
        case fileWindow(Tone.Window, Tone.Function, missing: String?)
        /// The file's VOI LUT. `missing` as above.
        case fileTable(missing: String?)
        /// A palette has colours of its own, which no rule changes.
        case palette
    }

    /// How modality values become intensities.
    public let curve: Curve
    /// Who said so.
    public let origin: Origin

    init(_ curve: Curve, _ origin: Origin) {
        self.curve = curve
        self.origin = origin
    }

    /// What `rule` comes to for a frame. `samples` are exactly the frame's, `planes` all of its scan's, where its tables lie.
    ///
    /// Throws ``ImagingError/badGeometry(_:)``, ``ImagingError/wrongSize(what:expected:found:)``,
    /// ``ImagingError/badPreprocessing(_:)`` and ``ImagingError/noFiniteSample``.
    public init(
        _ rule: Preprocessing.Intensity, of geometry: FrameGeometry, samples: UnsafeRawBufferPointer,
        planes: UnsafeRawBufferPointer
    ) throws(ImagingError) {
        try geometry.check(samples)
        try rule.check()
        self = try IntensityRule().choose(rule, geometry, samples: samples, planes: planes)
    }
}

extension ResolvedIntensity: CustomStringConvertible {
    /// One sentence with all numbers.
    public var description: String {
        switch origin {
        case .fullRange: "full range: \(curve)"
        case .percentiles(let low, let high): "percentiles \(low) and \(high) of the frame: \(curve)"
        case .extremes: "minimum and maximum of the frame: \(curve)"
        case .settings(let window, let function): "window \(Self.words(window, function)): \(curve)"
        case .fileWindow(let window, let function, let missing):
            Self.words(missing: missing)
                + "the file's window\(window.explanation.isEmpty ? "" : " \"\(window.explanation)\""), "
                + "\(Self.words(window, function)): \(curve)"
        case .fileTable(let missing): Self.words(missing: missing) + "the file's VOI LUT: \(curve)"
        case .palette: "palette: \(curve)"
        }
    }

    private static func words(_ window: Tone.Window, _ function: Tone.Function) -> String {
        "centre \(shown(window.center)), width \(shown(window.width)), \(function.setting.rawValue)"
    }

    private static func words(missing: String?) -> String {
        missing.map { "no window \"\($0)\" in the file; " } ?? ""
    }
}

extension ResolvedIntensity.Curve: CustomStringConvertible {
    /// The curve with its numbers.
    public var description: String {
        switch self {
        case .line(let black, let white): "\(shown(black)) … \(shown(white)) become black … white"
        case .sigmoid(let center, let width):
            "sigmoid, \(shown(center)) becomes middle gray, slope \(shown(1 / width)) there"
        case .table(let place):
            "\(place.count) entries of \(place.bits) bits for \(place.first) … \(place.first + place.count - 1)"
        case .palette: "full range of its colours"
        }
    }
}

extension Tone.Function {
    /// The same as settings name it.
    public var setting: Preprocessing.WindowFunction {
        switch self {
        case .linear: .linear
        case .linearExact: .linearExact
        case .sigmoid: .sigmoid
        }
    }

    /// The function that settings name.
    public init(_ setting: Preprocessing.WindowFunction) {
        switch setting {
        case .linear: self = .linear
        case .linearExact: self = .linearExact
        case .sigmoid: self = .sigmoid
        }
    }
}

extension Tone.Window {
    /// The curve that `function` makes of it. Source: DICOM PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2.
    func curve(_ function: Tone.Function) -> ResolvedIntensity.Curve {
        switch function {
        case .linear:
            // The standard asks for a width of at least 1; what is under it is the threshold that 1 is.
            let half = max(width - 1, 0) / 2
            return .line(black: center - 0.5 - half, white: center - 0.5 + half)
        case .linearExact: return .line(black: center - width / 2, white: center + width / 2)
        case .sigmoid: return .sigmoid(center: center, width: width)
        }
    }
}

/// Whole numbers without a decimal point.
private func shown(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
}
