import EfficientNet
import Foundation

/// What tensors cannot show and follows from where they come from: padding, epsilon and preprocessing, with the reason.
struct SourceConvention {
    var padding: ModelManifest.Padding
    var epsilon: Double
    /// Where padding and epsilon come from, for people.
    var reason: String
    var preprocessing: Preprocessing
    /// Where the preprocessing comes from, for people.
    var preprocessingReason: String

    init(_ scheme: NameScheme, variant: Variant, path: String) {
        switch scheme {
        case .timm:
            let names = URL(fileURLWithPath: path).pathComponents.suffix(2)
            let isNamedPort = names.contains { $0.hasPrefix("tf_") }
            // Lite and V2 in these sizes are published as ports of TensorFlow's weights alone.
            let isPort = isNamedPort || variant.family != .original
            padding = isPort ? .same : .symmetric
            reason =
                isNamedPort
                ? "timm's tf_efficientnet_*, by the file's name"
                : isPort
                    ? "timm's tf_efficientnet*, which alone has \(variant.rawValue)"
                    : "timm's efficientnet_*; for weights of tf_efficientnet_* say --convention same"
            epsilon = padding.batchNormEpsilon
            preprocessing = .standard(for: variant)
            preprocessingReason = "timm's"
        case .torchvision:
            padding = .symmetric
            epsilon = Self.torchvisionEpsilon(variant)
            reason = "torchvision's"
            preprocessing = Self.torchvision(variant)
            preprocessingReason = "torchvision's"
        case .huggingFace:
            (padding, epsilon, reason) = (.same, 1e-3, "Hugging Face transformers'")
            preprocessing = Self.squashed(variant)
            preprocessingReason = "transformers', with bilinear interpolation"
        case .efficientNetPyTorch:
            (padding, epsilon, reason) = (.same, 1e-3, "efficientnet_pytorch's")
            preprocessing = .standard(for: variant)
            preprocessingReason = "efficientnet_pytorch's"
        case .keras:
            (padding, epsilon, reason) = (.same, 1e-3, "keras.applications'")
            preprocessing = Self.squashed(variant)
            preprocessingReason = "keras.applications'"
        }
    }

    /// torchvision/models/efficientnet.py: `norm_layer=partial(nn.BatchNorm2d, eps=0.001)` from B5 on and in V2.
    static func torchvisionEpsilon(_ variant: Variant) -> Double {
        [.b0, .b1, .b2, .b3, .b4].contains(variant) ? 1e-5 : 1e-3
    }

    /// Whether torchvision has the variant: all but Lite and V2-B.
    static func isInTorchvision(_ variant: Variant) -> Bool {
        variant.family != .lite && variant.family != .v2Base
    }

    /// Both sides to the resolution, as Keras and transformers do.
    private static func squashed(_ variant: Variant) -> Preprocessing {
        var settings = Preprocessing.standard(for: variant)
        settings.fit = .squash
        settings.cropFraction = 1
        settings.interpolation = .bilinear
        return settings
    }

    /// torchvision's weight enumerations: the shorter side to `resize`, then the centre.
    static func torchvision(_ variant: Variant) -> Preprocessing {
        let sizes: (resize: Int, crop: Int)? =
            switch variant {
            case .b0: (256, 224)
            case .b1: (256, 240)
            case .b2: (288, 288)
            case .b3: (320, 300)
            case .b4: (384, 380)
            case .b5: (456, 456)
            case .b6: (528, 528)
            case .b7: (600, 600)
            case .v2s: (384, 384)
            case .v2m, .v2l: (480, 480)
            default: nil
            }
        var settings = Preprocessing.standard(for: variant)
        settings.fit = .crop
        if variant == .v2s || variant == .v2m {
            settings.interpolation = .bilinear
            (settings.mean, settings.std) = (Preprocessing.imageNetMean, Preprocessing.imageNetStd)
        }
        guard let sizes else { return settings }
        settings.resolution = sizes.crop
        // A hair less where the division would not give the size back.
        let fraction = Double(sizes.crop) / Double(sizes.resize)
        let isExact = Int(Double(sizes.crop) / fraction) == sizes.resize
        settings.cropFraction = isExact ? fraction : Double(sizes.crop) / (Double(sizes.resize) + 0.5)
        return settings
    }
}
