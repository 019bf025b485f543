import EfficientNet

/// Which part of a network is trained.
public struct Freezing: Sendable, Hashable, Codable {
    /// The part that is trained.
    public enum Part: Sendable, Hashable, Codable {
        /// Everything.
        case all
        /// The head alone.
        case head
        /// The head, the last convolution, and the last stages of blocks.
        case lastStages(Int)
    }

    /// The part that is trained.
    public var part: Part
    /// Whether batch norm keeps its statistics, weights and biases in the trained part too. In the rest it always does.
    public var freezesBatchNorm: Bool

    /// All layers, batch norm among them, unless said otherwise.
    public init(_ part: Part = .all, freezesBatchNorm: Bool = false) {
        self.part = part
        self.freezesBatchNorm = freezesBatchNorm
    }

    /// Whether a layer of that name belongs to the trained part, in a network of `stages` stages of blocks.
    func trains(_ name: String, stages: Int) -> Bool {
        let isBlock = name.hasPrefix("blocks.")
        let isHead = ModelManifest.Head.owns(name)
        switch part {
        case .all: return true
        case .head: return isHead
        case .lastStages(let count):
            if isBlock {
                let stage = Int(name.dropFirst("blocks.".count).prefix { $0 != "." }) ?? 0
                return stage >= stages - count
            }
            return isHead || name.hasPrefix("conv_head") || name.hasPrefix("bn2")
        }
    }
}
