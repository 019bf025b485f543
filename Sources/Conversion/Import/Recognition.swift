import EfficientNet
import Tensors

/// Which variant a source's tensors are of: the one whose every tensor is there in its shape.
struct Recognition {
    let variant: Variant
    /// The tensors of the network but its head.
    let backbone: [NameScheme.Tensor]

    /// - Parameter asked: the variant that the user says it is.
    /// - Throws: what does not fit, of the variant asked for or of the one that comes nearest.
    init(_ named: NamedTensors, source: SourceFile, asked: Variant?) throws(ConversionError) {
        let candidates = Variant.allCases.map { Self.candidate($0, named, source) }
        let fitting = candidates.filter(\.fits).max { $0.backbone.count < $1.backbone.count }
        if let asked {
            guard let candidate = candidates.first(where: { $0.variant == asked }), candidate.fits,
                fitting?.variant == asked
            else {
                let own = candidates.first { $0.variant == asked }
                let problems = own?.problems ?? []
                throw .mismatch(
                    path: source.path,
                    problems: ["these are not the weights of \(asked.rawValue)"] + problems,
                    hint: fitting.map { "all tensors of \($0.variant.rawValue) are there: leave --variant out" } ?? "")
            }
            (variant, backbone) = (asked, candidate.backbone)
            return
        }
        guard let fitting else {
            let nearest = candidates.max { $0.matches < $1.matches }
            throw .mismatch(
                path: source.path,
                problems: [
                    "no variant has exactly these tensors; \(nearest?.variant.rawValue ?? "none") comes nearest, with "
                        + "\(nearest?.matches ?? 0) of \(nearest?.backbone.count ?? 0)"
                ] + (nearest?.problems ?? []), hint: "")
        }
        (variant, backbone) = (fitting.variant, fitting.backbone)
    }

    private struct Candidate {
        let variant: Variant
        let backbone: [NameScheme.Tensor]
        let matches: Int
        /// What is missing or of another shape.
        let problems: [String]

        var fits: Bool { matches == backbone.count }
    }

    private static func candidate(_ variant: Variant, _ named: NamedTensors, _ source: SourceFile) -> Candidate {
        let side = variant.coefficients.resolution
        let layers = Architecture(variant, padding: .symmetric)
            .layers(height: side, width: side, head: nil, labels: 1)
        let backbone = named.scheme.backbone(layers)
        var problems: [String] = []
        for tensor in backbone {
            guard let name = named.names[tensor.source], let found = source.tensors[name] else {
                problems.append("tensor \(tensor.source) is missing")
                continue
            }
            if found.shape != tensor.shape {
                problems.append("tensor \(name): expected shape \(tensor.shape), found \(found.shape)")
            }
        }
        return Candidate(
            variant: variant, backbone: backbone, matches: backbone.count - problems.count, problems: problems)
    }
}
