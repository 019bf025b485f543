import EfficientNet
import Yams

/// The keys of a model's preprocessing that a pipeline file replaces; nil keeps the model's own.
public struct PreprocessingOverrides: Sendable, Hashable {
    /// Which frames of a scan with several are read.
    public var slices: Slicing.Slices?
    /// The axis that volumes are cut along.
    public var axis: Slicing.Axis?
    /// How modality values become intensities.
    public var intensity: Preprocessing.Intensity?
    /// How a rectangular picture becomes square.
    public var fit: Preprocessing.Fit?
    /// Share of the picture that `crop` keeps, over 0 to 1.
    public var cropFraction: Double?
    /// The resize filter.
    public var interpolation: Preprocessing.Interpolation?
    /// Whether JPEG may be decoded at a fraction of its size; nil: yes.
    public var jpegScaling: Bool?
    /// Three channel means of intensities.
    public var mean: [Double]?
    /// Three channel standard deviations of intensities, over 0.
    public var std: [Double]?

    /// `model`'s preprocessing with these keys replaced.
    public func applied(to model: Preprocessing) -> Preprocessing {
        var result = model
        result.slicing.slices = slices ?? model.slicing.slices
        result.slicing.axis = axis ?? model.slicing.axis
        result.intensity = intensity ?? model.intensity
        result.fit = fit ?? model.fit
        result.cropFraction = cropFraction ?? model.cropFraction
        result.interpolation = interpolation ?? model.interpolation
        // Percentiles need every pixel: those settings are what they were without the key.
        result.jpegScaling = (jpegScaling ?? true) && result.intensity.allowsReduction
        result.mean = mean ?? model.mean
        result.std = std ?? model.std
        return result
    }
}

extension PreprocessingOverrides {
    /// The key `preprocessing` of a pipeline or training file; what is wrong in it goes to the mapping's problems.
    package init(pipeline top: YAMLMapping) {
        guard let node = top.node("preprocessing"),
            let mapping = YAMLMapping(
                node, key: "preprocessing",
                known: [
                    "intensity", "fit", "crop_pct", "interpolation", "mean", "std", "slices", "axis", "jpeg_scaling",
                ],
                problems: top.problems)
        else { return }
        intensity = Self.intensity(mapping)
        fit = mapping.choice("fit", Preprocessing.Fit.self)
        cropFraction = mapping.number("crop_pct", in: 0.01...1)
        interpolation = mapping.choice("interpolation", Preprocessing.Interpolation.self)
        mean = mapping.numbers("mean", count: 3, in: -1e6...1e6)
        std = mapping.numbers("std", count: 3, in: 1e-6...1e6)
        slices = Self.slices(mapping)
        axis = mapping.choice("axis", Slicing.Axis.self)
        jpegScaling = mapping.bool("jpeg_scaling")
    }

    private static func intensity(_ mapping: YAMLMapping) -> Preprocessing.Intensity? {
        guard let node = mapping.node("intensity") else { return nil }
        let key = mapping.name("intensity")
        if node.scalar?.string == "full-range" { return .fullRange }
        if node.scalar?.string == "file" { return .file() }
        guard let keys = node.mapping else {
            mapping.problems.add(
                at: node, key: key,
                "expected full-range, file, {file: NAME}, {percentile: [0.5, 99.5]} or {window: {center: 40, width: 400}}, "
                    + "found \(describe(node))")
            return nil
        }
        guard
            let rule = YAMLMapping(
                node, key: key, known: ["percentile", "window", "file"], problems: mapping.problems)
        else { return nil }
        guard keys.count == 1 else {
            mapping.problems.add(
                at: node, key: key, "expected one of percentile, window and file, found \(keys.count) keys")
            return nil
        }
        if let bounds = rule.numbers("percentile", count: 2, in: 0...100) {
            guard bounds[0] < bounds[1] else {
                mapping.problems.add(
                    at: node, key: key, "expected the lower percentile first, found \(bounds[0]) and \(bounds[1])")
                return nil
            }
            return .percentile(low: bounds[0], high: bounds[1])
        }
        return file(rule) ?? window(rule)
    }

    private static func file(_ rule: YAMLMapping) -> Preprocessing.Intensity? {
        guard let node = rule.node("file"), let name = rule.text(node, key: rule.name("file")) else { return nil }
        guard name.utf8.count <= Preprocessing.Intensity.longestWindowName else {
            rule.problems.add(
                at: node, key: rule.name("file"),
                "expected a window's explanation of at most \(Preprocessing.Intensity.longestWindowName) bytes, found "
                    + "\(name.utf8.count)")
            return nil
        }
        return .file(window: name)
    }

    private static func window(_ rule: YAMLMapping) -> Preprocessing.Intensity? {
        guard let node = rule.node("window"),
            let window = YAMLMapping(
                node, key: rule.name("window"), known: ["center", "width", "function"], problems: rule.problems),
            window.required("center", "the window's centre") != nil,
            window.required("width", "the window's width") != nil,
            let center = window.number("center", in: -1e9...1e9), let width = window.number("width", in: 1e-9...1e9)
        else { return nil }
        let function = window.choice("function", Preprocessing.WindowFunction.self)
        return .window(center: center, width: width, function: function ?? .linearExact)
    }

    private static func slices(_ mapping: YAMLMapping) -> Slicing.Slices? {
        guard let node = mapping.node("slices") else { return nil }
        switch node.scalar?.string {
        case "all": return .all
        case "middle": return .middle
        default: break
        }
        let key = mapping.name("slices")
        guard node.mapping != nil else {
            mapping.problems.add(
                at: node, key: key, "expected all, middle or {every: N}, found \(describe(node))")
            return nil
        }
        guard let rule = YAMLMapping(node, key: key, known: ["every"], problems: mapping.problems),
            rule.required("every", "a whole number, such as 4") != nil,
            let step = rule.integer("every", in: 1...65_536)
        else { return nil }
        return .every(step)
    }
}
