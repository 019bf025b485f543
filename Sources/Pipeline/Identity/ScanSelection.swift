import Store
import Yams

/// Which scans a pipeline reads, by what they say of themselves: the key `where`. Several attributes all have to fit.
public struct ScanSelection: Sendable, Hashable {
    /// What can be asked for, by its key in the pipeline file.
    public enum Attribute: String, Sendable, Hashable, CaseIterable {
        case modality
        case bodyPart = "body_part"
        case view
        case laterality

        func value(in attributes: ScanAttributes) -> String? {
            switch self {
            case .modality: attributes.modality
            case .bodyPart: attributes.bodyPart
            case .view: attributes.view
            case .laterality: attributes.laterality
            }
        }

        /// For people.
        var words: String { rawValue.replacing("_", with: " ") }
    }

    /// The values that fit, for each attribute that is asked for; at least one each. Case does not matter.
    public var wanted: [Attribute: [String]] = [:]

    /// Every scan.
    public init() {}

    /// The rule that leaves a scan out, in a few words (`where: modality MR`, `where: no modality`); nil for one that is read.
    func exclusion(of attributes: ScanAttributes) -> String? {
        for attribute in Attribute.allCases {
            guard let wanted = wanted[attribute] else { continue }
            guard let value = attribute.value(in: attributes) else { return "where: no \(attribute.words)" }
            guard wanted.contains(where: { $0.uppercased() == value.uppercased() }) else {
                return "where: \(attribute.words) \(printable(value))"
            }
        }
        return nil
    }
}

extension ScanSelection {
    /// The key `where` of a pipeline file; what is wrong in it goes to the mapping's problems.
    init(pipeline top: YAMLMapping) {
        guard let node = top.node("where"),
            let mapping = YAMLMapping(
                node, key: "where", known: Attribute.allCases.map(\.rawValue), problems: top.problems)
        else { return }
        for attribute in Attribute.allCases {
            guard let node = mapping.node(attribute.rawValue) else { continue }
            let key = mapping.name(attribute.rawValue)
            let nodes = node.sequence.map(Array.init) ?? [node]
            let values = nodes.compactMap { mapping.text($0, key: key) }
            if nodes.isEmpty {
                mapping.problems.add(at: node, key: key, "expected a value or a list of them, found an empty list")
            }
            if !values.isEmpty { wanted[attribute] = values }
        }
    }
}
