/// How gradients change weights, in PyTorch's form of each rule.
public struct Optimizer: Sendable, Hashable, Codable {
    /// The rule.
    public enum Rule: Sendable, Hashable, Codable {
        /// Decay of the weights themselves (Loshchilov & Hutter 2019, arXiv 1711.05101).
        case adamW(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
        /// Decay as a part of the gradient (Kingma & Ba 2015, arXiv 1412.6980).
        case adam(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)
        /// velocity = momentum · velocity + gradient.
        case sgd(momentum: Double = 0.9)
    }

    /// The rule.
    public var rule: Rule
    /// Weight decay, of matrices and kernels alone: biases and norms are left as they are.
    public var weightDecay: Double
    /// The largest norm of all gradients together; longer ones are shortened to it. Nil: no limit.
    public var largestNorm: Double?

    /// A rule with its decay and limit.
    public init(_ rule: Rule, weightDecay: Double = 0, largestNorm: Double? = nil) {
        self.rule = rule
        self.weightDecay = weightDecay
        self.largestNorm = largestNorm
    }

    func check() throws(TrainingError) {
        guard weightDecay >= 0, weightDecay.isFinite else {
            throw .invalidSetting(name: "weight decay", expected: "0 or more", found: "\(weightDecay)")
        }
        if let largestNorm, !(largestNorm > 0) {
            throw .invalidSetting(name: "gradient norm", expected: "over 0", found: "\(largestNorm)")
        }
        let factors: [Double] =
            switch rule {
            case .adamW(let beta1, let beta2, _), .adam(let beta1, let beta2, _): [beta1, beta2]
            case .sgd(let momentum): [momentum]
            }
        guard factors.allSatisfy({ (0..<1).contains($0) }) else {
            throw .invalidSetting(name: "momentum", expected: "0 to under 1", found: "\(factors)")
        }
        switch rule {
        case .adamW(_, _, let epsilon), .adam(_, _, let epsilon):
            guard epsilon > 0 else { throw .invalidSetting(name: "epsilon", expected: "over 0", found: "\(epsilon)") }
        case .sgd: break
        }
    }
}
