import EfficientNet

/// What is printed of an import.
extension ImportPlan: CustomStringConvertible {
    /// Every tensor with its fate, one a line.
    public var tensorLines: [String] {
        accounts.map { account in
            switch account.fate {
            case .used(let name): "  \(account.name) \(account.shape) → \(name)"
            case .ignored(let reason): "  \(account.name) \(account.shape) ignored: \(reason)"
            }
        }
    }

    /// What was recognised, what follows from the source, and how many tensors were used.
    public var description: String {
        let settings = manifest.preprocessing
        let used = accounts.count { if case .used = $0.fate { true } else { false } }
        var lines = [
            "\(source.path): \(source.notes.format), tensor names of \(scheme)"
                + (source.notes.place.map { ", under \($0)" } ?? ""),
            "variant         \(manifest.variant.rawValue)"
                + (options.variant == nil ? ", recognised from \(used) shapes" : ", as asked; its shapes fit"),
            "head            \(manifest.head), \(manifest.labels.count) labels"
                + (options.labels == nil ? " without names" : "") + ", \(manifest.activation.rawValue)",
            "padding         \(manifest.padding.rawValue) (\(convention.reason))",
            "epsilon         \(manifest.batchNormEpsilon)",
            "preprocessing   \(settings.resolution) pixels, \(settings.fit.rawValue)"
                + (settings.fit == .crop ? " \(Self.short(settings.cropFraction))" : "")
                + ", \(settings.interpolation.rawValue) (\(convention.preprocessingReason)"
                + (options.preprocessing.isEmpty ? "" : ", with --preprocessing") + ")",
            "mean, std       \(Self.short(settings.mean)), \(Self.short(settings.std))",
            "weights         \(precision.rawValue)",
            "tensors         \(used) used, \(accounts.count - used) ignored, 0 missing",
        ]
        var reasons: [String: Int] = [:]
        for account in accounts {
            if case .ignored(let reason) = account.fate { reasons[reason, default: 0] += 1 }
        }
        lines += reasons.sorted { $0.key < $1.key }.map { "  ignored       \($0.value): \($0.key)" }
        lines += source.notes.passedOver.prefix(8).map { "  left          \($0.name): \($0.reason)" }
        if source.notes.passedOver.count > 8 {
            lines.append("  left          \(source.notes.passedOver.count - 8) more")
        }
        lines += remarks.map { "note            \($0)" }
        if hasFreshHead {
            lines.append("note            the weights have no head: the classifier is new and knows nothing yet")
        }
        return lines.joined(separator: "\n")
    }

    private static func short(_ number: Double) -> String { "\((number * 1e6).rounded() / 1e6)" }

    private static func short(_ numbers: [Double]) -> String {
        "[" + numbers.map(short).joined(separator: ", ") + "]"
    }
}

extension NameScheme: CustomStringConvertible {
    var description: String {
        switch self {
        case .timm: "timm"
        case .torchvision: "torchvision"
        case .huggingFace: "Hugging Face transformers"
        case .efficientNetPyTorch: "efficientnet_pytorch"
        case .keras: "keras.applications"
        }
    }
}
