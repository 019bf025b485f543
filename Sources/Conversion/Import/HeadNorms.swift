import EfficientNet
import Tensors

/// Batch norms around a dense layer of a Keras head. Where a network only predicts, each is a factor and a summand for every value, which the
/// dense layer beside it takes in without changing any output: y = W · (s · x + t) + b is W · s on x, and b + W · t. A
/// layer without a bias of its own gets one.
struct HeadNorms {
    /// A variable of a batch norm.
    struct Variable {
        let source: String
        /// How many values it has.
        let count: Int
        /// What becomes of it.
        let use: String
        let isVariance: Bool
    }

    /// The package's dense layer.
    let layer: Layer
    private let before: [Part]
    private let after: [Part]

    private struct Part {
        var epsilon: Double
        var gamma: Variable?
        var beta: Variable?
        var mean: Variable
        var variance: Variable
        var variables: [Variable] { [gamma, beta, mean, variance].compactMap { $0 } }
    }

    /// nil for a layer without any, and with a bias of its own.
    ///
    /// - Parameter channels: Of the map that the head reads.
    init?(_ dense: KerasModel.Dense, layer: Layer, channels: Int, named: NamedTensors) {
        guard !dense.before.isEmpty || !dense.after.isEmpty || !dense.hasBias,
            case .dense(let inputs, let outputs) = layer.operation
        else { return nil }
        self.layer = layer
        let use = "\(layer.name).weight, \(layer.name).bias"
        func part(_ norm: KerasModel.Norm, count: Int) -> Part {
            // A batch norm that does not scale has no gamma; files that only number variables then number the others from 0.
            let own =
                (norm.scales ? ["gamma"] : []) + (norm.shifts ? ["beta"] : []) + ["moving_mean", "moving_variance"]
            let isNumbered = named.names["\(norm.name)/moving_variance"] == nil
            let variables = zip(isNumbered ? KerasTensors.batchNorm : own, own).map { name, variable in
                Variable(
                    source: "\(norm.name)/\(name)", count: count, use: use, isVariance: variable == "moving_variance")
            }
            return Part(
                epsilon: norm.epsilon, gamma: norm.scales ? variables[0] : nil,
                beta: norm.shifts ? variables[variables.count - 3] : nil, mean: variables[variables.count - 2],
                variance: variables[variables.count - 1])
        }
        before = dense.before.map { part($0, count: $0.isOverMap ? channels : inputs) }
        after = dense.after.map { part($0, count: outputs) }
    }

    /// Every variable, in order.
    var variables: [Variable] { (before + after).flatMap(\.variables) }

    /// The layer's tensors with the batch norms in them; `values` gives a variable's numbers.
    func fold(
        into weights: inout [String: Tensor], values: (String) throws -> [Float]
    ) throws {
        let (matrixName, biasName) = ("\(layer.name).weight", "\(layer.name).bias")
        guard case .dense(let inputs, let outputs) = layer.operation, let given = weights[matrixName] else { return }
        var matrix = given.scalars.map(Double.init)
        var bias = weights[biasName]?.scalars.map(Double.init) ?? [Double](repeating: 0, count: outputs)
        // The one next to the product first: it is the one whose factors the matrix takes in as it stands.
        for part in before.reversed() {
            let (scale, shift) = try Self.factors(part, values)
            for row in 0..<outputs {
                for column in 0..<inputs {
                    // [H, W, C]: a map's channels repeat at every place.
                    let place = column % scale.count
                    bias[row] += matrix[row * inputs + column] * shift[place]
                    matrix[row * inputs + column] *= scale[place]
                }
            }
        }
        for part in after {
            let (scale, shift) = try Self.factors(part, values)
            for row in 0..<outputs {
                for column in 0..<inputs { matrix[row * inputs + column] *= scale[row] }
                bias[row] = bias[row] * scale[row] + shift[row]
            }
        }
        weights[matrixName] = try Tensor(shape: [outputs, inputs], scalars: matrix.map { Float($0) })
        weights[biasName] = try Tensor(shape: [outputs], scalars: bias.map { Float($0) })
    }

    /// γ / √(v + ε), and β − that · μ.
    private static func factors(
        _ part: Part, _ values: (String) throws -> [Float]
    ) throws -> (scale: [Double], shift: [Double]) {
        let mean = try values(part.mean.source), variance = try values(part.variance.source)
        let gamma = try part.gamma.map { try values($0.source) }
        let beta = try part.beta.map { try values($0.source) }
        let scale = mean.indices.map {
            Double(gamma?[$0] ?? 1) / (Double(variance[$0]) + part.epsilon).squareRoot()
        }
        return (scale, mean.indices.map { Double(beta?[$0] ?? 0) - scale[$0] * Double(mean[$0]) })
    }
}
