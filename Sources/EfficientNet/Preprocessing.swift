import Crypto
import Foundation

/// How a scan becomes the network's input: intensity rule, resize rule, crop and normalisation.
///
/// A value of a model package (`model.json`, key `preprocessing`) and, key by key, of a pipeline file's overrides.
/// `Imaging` carries it out; the same description serves inference, training and reports.
public struct Preprocessing: Codable, Sendable, Hashable {
    /// How modality values become intensities in 0…1. Modality values are what stored samples mean: Hounsfield units of a CT; the stored
    /// samples themselves where a file says nothing.
    public enum Intensity: Sendable, Hashable {
        /// 0 … 2^bits − 1 of the stored bits (0…1 for floating point samples).
        case fullRange
        /// The given percentiles of the frame's modality values become 0 and 1; values outside are clamped. In 0…100.
        case percentile(low: Double, high: Double)
        /// Window on modality values. With `linearExact`, centre ± width / 2 becomes 0…1; values outside are clamped.
        case window(center: Double, width: Double, function: WindowFunction = .linearExact)
        /// The file's own display: its VOI LUT or its window. With a name, the window of that explanation (case does not matter), or the first one
        /// where there is none of it.
        case file(window: String? = nil)
    }

    /// How a window makes intensities of modality values x. Source: DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3.
    public enum WindowFunction: String, Codable, Sendable, Hashable, CaseIterable {
        /// `(x − (center − 0.5)) / (width − 1) + 0.5`, clamped: DICOM's default. A width up to 1 is a threshold at `center − 0.5`.
        case linear
        /// `(x − center) / width + 0.5`, clamped.
        case linearExact = "linear-exact"
        /// `1 / (1 + exp(−4 (x − center) / width))`.
        case sigmoid
    }

    /// How a rectangular picture becomes the network's square input.
    public enum Fit: String, Codable, Sendable, Hashable, CaseIterable {
        /// Shorter side to ⌊resolution / crop_pct⌋, then the centre square (timm, torchvision).
        case crop
        /// Both sides to the resolution; the aspect ratio is lost (Keras).
        case squash
        /// Longer side to the resolution, the rest filled with black (0 before normalisation), picture centred.
        case pad
    }

    /// The resize filter; both are antialiased, as Pillow's are.
    public enum Interpolation: String, Codable, Sendable, Hashable, CaseIterable {
        case bicubic, bilinear
    }

    /// Version of the preparation itself: raised whenever the code changes what it makes of the same settings.
    public static let preparationVersion = 1

    /// Side of the square input, in pixels.
    public var resolution: Int
    /// Which frames of a scan with several are read.
    public var slicing = Slicing()
    /// How stored samples become intensities.
    public var intensity: Intensity
    /// How a rectangle becomes the square input.
    public var fit: Fit
    /// Whether JPEG may be decoded at a half, a quarter or an eighth of its size where at least twice the resized picture's remains. Readings
    /// may then differ in their last digits. Models do not ask for it; pipelines do unless they say otherwise.
    public var jpegScaling = false
    /// Share of the resized picture that `Fit.crop` keeps, in 0…1 (timm's `crop_pct`).
    public var cropFraction: Double
    /// The resize filter.
    public var interpolation: Interpolation
    /// Per channel, on intensities in 0…1.
    public var mean: [Double]
    /// Per channel, on intensities in 0…1.
    public var std: [Double]

    /// Memberwise; what is left out takes the value given here.
    public init(
        resolution: Int, intensity: Intensity = .fullRange, fit: Fit = .crop, cropFraction: Double = 0.875,
        interpolation: Interpolation = .bicubic, mean: [Double] = Self.imageNetMean, std: [Double] = Self.imageNetStd
    ) {
        self.resolution = resolution
        self.intensity = intensity
        self.fit = fit
        self.cropFraction = cropFraction
        self.interpolation = interpolation
        self.mean = mean
        self.std = std
    }

    /// ImageNet's channel means and standard deviations, which EfficientNet B0–B7 and V2-B0–V2-B3 were trained with.
    public static let imageNetMean = [0.485, 0.456, 0.406]
    /// See ``imageNetMean``.
    public static let imageNetStd = [0.229, 0.224, 0.225]
    /// Mean and standard deviation of Lite and of V2-S, V2-M and V2-L: intensities become −1…1.
    public static let halves = [0.5, 0.5, 0.5]

    /// The published preprocessing of a variant: timm's `tf_efficientnet*` configuration of the ImageNet weights. Of Lite3 and Lite4 the
    /// resolutions are tensorflow/tpu's, 280 and 300.
    public static func standard(for variant: Variant) -> Preprocessing {
        let coefficients = variant.coefficients
        var result = Preprocessing(resolution: coefficients.resolution, cropFraction: coefficients.cropFraction)
        if variant == .lite3 || variant == .lite4 { result.interpolation = .bilinear }
        if variant == .v2m || variant == .v2l { result.fit = .squash }
        switch variant.family {
        case .original, .v2Base: break
        case .lite, .v2Small, .v2Medium, .v2Large: (result.mean, result.std) = (halves, halves)
        }
        return result
    }

    private enum CodingKeys: String, CodingKey {
        case resolution, intensity, fit, interpolation, mean, std, slices, axis
        case jpegScaling = "jpeg_scaling"
        case cropFraction = "crop_pct"
    }

    /// Decodes `preprocessing` of a package; `slices`, `axis` and `jpeg_scaling` may be missing.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        resolution = try container.decode(Int.self, forKey: .resolution)
        intensity = try container.decode(Intensity.self, forKey: .intensity)
        fit = try container.decode(Fit.self, forKey: .fit)
        cropFraction = try container.decode(Double.self, forKey: .cropFraction)
        interpolation = try container.decode(Interpolation.self, forKey: .interpolation)
        mean = try container.decode([Double].self, forKey: .mean)
        std = try container.decode([Double].self, forKey: .std)
        slicing.slices = try container.decodeIfPresent(Slicing.Slices.self, forKey: .slices) ?? slicing.slices
        slicing.axis = try container.decodeIfPresent(Slicing.Axis.self, forKey: .axis) ?? slicing.axis
        jpegScaling = try container.decodeIfPresent(Bool.self, forKey: .jpegScaling) ?? false
    }

    /// Encodes all keys; `slices`, `axis` and `jpeg_scaling` only where they are not the default, so that a digest from before they existed
    /// stays what it was.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(resolution, forKey: .resolution)
        try container.encode(intensity, forKey: .intensity)
        try container.encode(fit, forKey: .fit)
        try container.encode(cropFraction, forKey: .cropFraction)
        try container.encode(interpolation, forKey: .interpolation)
        try container.encode(mean, forKey: .mean)
        try container.encode(std, forKey: .std)
        if slicing.slices != .all { try container.encode(slicing.slices, forKey: .slices) }
        if slicing.axis != .axial { try container.encode(slicing.axis, forKey: .axis) }
        if jpegScaling { try container.encode(true, forKey: .jpegScaling) }
    }

    /// SHA-256 (hexadecimal) over the canonical JSON of these settings and `preparationVersion`: part of a reading's identity.
    public var digest: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            var hash = SHA256()
            hash.update(data: Data("preparation \(Self.preparationVersion)\n".utf8))
            hash.update(data: try encoder.encode(self))
            return hexadecimal(hash.finalize())
        }
    }
}
