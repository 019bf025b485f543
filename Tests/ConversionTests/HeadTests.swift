import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import Conversion
@testable import EfficientNet

/// What follows the network, computed layer by layer as Keras documents its layers, beside what the package makes of it.
@Suite("Heads of sources")
struct HeadTests {
    /// A head's numbers, by a formula of their names.
    private static func values(_ name: String, _ count: Int) -> [Double] {
        SeededWeights.uniform(name, seed: 3, count: count).map { value in
            let isScale = name.hasSuffix("gamma") || name.hasSuffix("moving_variance")
            return Double(Float(isScale ? 1 + 0.5 * value : value / (name.hasSuffix("kernel") ? 30 : 4)))
        }
    }

    private static func tensor(_ name: String, _ shape: [Int]) throws -> Tensor {
        try Tensor(shape: shape, scalars: values(name, shape.reduce(1, *)).map { Float($0) })
    }

    /// keras.layers.BatchNormalization: gamma · (x − mean) / √(variance + epsilon) + beta.
    private static func norm(
        _ name: String, _ x: [Double], count: Int, epsilon: Double, scales: Bool = true, shifts: Bool = true
    ) -> [Double] {
        let gamma = values("\(name)/gamma", count), beta = values("\(name)/beta", count)
        let mean = values("\(name)/moving_mean", count), variance = values("\(name)/moving_variance", count)
        return x.indices.map { index in
            let c = index % count
            return (scales ? gamma[c] : 1) * (x[index] - mean[c]) / (variance[c] + epsilon).squareRoot()
                + (shifts ? beta[c] : 0)
        }
    }

    /// keras.layers.Dense: x · kernel + bias.
    private static func dense(_ name: String, _ x: [Double], _ outputs: Int, hasBias: Bool = true) -> [Double] {
        let kernel = values("\(name)/kernel", x.count * outputs), bias = values("\(name)/bias", outputs)
        return (0..<outputs).map { output in
            x.indices.reduce(hasBias ? bias[output] : 0) { $0 + x[$1] * kernel[$1 * outputs + output] }
        }
    }

    /// What a package's head makes of a vector.
    private static func package(_ plan: ImportPlan, _ x: [Double]) throws -> [Double] {
        let weights = try plan.weights()
        var x = x
        for name in plan.manifest.head.layerNames {
            let matrix = try #require(weights["\(name).weight"]), bias = try #require(weights["\(name).bias"])
            #expect(matrix.shape == [bias.scalars.count, x.count])
            x = bias.scalars.indices.map { row in
                x.indices.reduce(Double(bias.scalars[row])) {
                    $0 + Double(matrix.scalars[row * x.count + $1]) * x[$1]
                }
            }
            if name != "classifier" { x = x.map { max($0, 0) } }
        }
        return x
    }

    private static func source(
        _ head: [[String: Any]], _ shapes: [String: [Int]], named: [String: String] = [:], side: Int = 224
    ) throws -> SourceFile {
        var weights = try Weights0(.keras)
        for name in ["predictions/kernel", "predictions/bias"] { weights.tensors[name] = nil }
        for (name, shape) in shapes { weights.tensors[named[name] ?? name] = try tensor(name, shape) }
        return try weights.source(
            notes: SourceNotes(format: .hdf5, config: KerasConfig(head: head, side: side).json))
    }

    private static func expect(_ found: [Double], _ expected: [Double]) {
        let scale = expected.map(abs).max() ?? 1
        #expect(found.count == expected.count)
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 1e-5 * scale }, "\(found), \(expected)")
    }

    /// Average, norm, dense without bias, norm without gamma, ReLU, norm without beta, dense with ReLU, dense.
    private static var normed: [[String: Any]] {
        [
            KerasConfig.layer("GlobalAveragePooling2D", "pool"),
            KerasConfig.layer("BatchNormalization", "n1", ["epsilon": 0.01]),
            KerasConfig.layer("Dense", "d1", ["activation": "linear", "use_bias": false]),
            KerasConfig.layer("BatchNormalization", "n2", ["epsilon": 0.001, "scale": false]),
            KerasConfig.layer("ReLU", "relu"),
            KerasConfig.layer("BatchNormalization", "n3", ["epsilon": 0.001, "center": false]),
            KerasConfig.layer("Dense", "d2", ["activation": "relu"]), KerasConfig.layer("Dropout", "drop"),
            KerasConfig.layer("Dense", "d3", ["activation": "softmax"]),
        ]
    }
    private static let normedShapes: [String: [Int]] = {
        var shapes: [String: [Int]] = [
            "d1/kernel": [1280, 6], "d2/kernel": [6, 5], "d2/bias": [5], "d3/kernel": [5, 3], "d3/bias": [3],
        ]
        for (norm, count) in [("n1", 1280), ("n2", 6), ("n3", 6)] {
            for variable in ["gamma", "beta", "moving_mean", "moving_variance"] {
                shapes["\(norm)/\(variable)"] = [count]
            }
        }
        shapes["n2/gamma"] = nil
        shapes["n3/beta"] = nil
        return shapes
    }()

    private static func normedOutputs(_ x: [Double]) -> [Double] {
        var y = dense("d1", norm("n1", x, count: 1280, epsilon: 0.01), 6, hasBias: false)
        y = norm("n2", y, count: 6, epsilon: 0.001, scales: false).map { max($0, 0) }
        y = dense("d2", norm("n3", y, count: 6, epsilon: 0.001, shifts: false), 5).map { max($0, 0) }
        return dense("d3", y, 3)
    }

    @Test("Batch norms between dense layers become part of them, and change no output", arguments: [false, true])
    func folded(isNumbered: Bool) throws {
        // As Keras 3 numbers what layers have: without gamma, beta is the first.
        let groups = [("n1", ""), ("n2", "_1"), ("n3", "_2")]
        var names: [String: String] = [:]
        for (norm, suffix) in groups where isNumbered {
            let own = ["gamma", "beta", "moving_mean", "moving_variance"].filter {
                Self.normedShapes["\(norm)/\($0)"] != nil
            }
            for (index, variable) in own.enumerated() {
                names["\(norm)/\(variable)"] = "layers/batch_normalization\(suffix)/vars/\(index)"
            }
        }
        let source = try Self.source(Self.normed, Self.normedShapes, named: names)
        let plan = try ImportPlan(source, options: ImportOptions(), name: "m")
        #expect(plan.manifest.head == ModelManifest.Head(hidden: [6, 5]))
        let features = Self.values("features", 1280)
        try Self.expect(Self.package(plan, features), Self.normedOutputs(features))
        let uses = plan.accounts.filter { $0.fate == .used("head.weight, head.bias") }
        #expect(uses.count == 4 + 3)
        #expect(plan.description.contains("layer n2 (BatchNormalization) becomes part of d1"))
    }

    @Test("Flatten may be followed by the labels at once; a batch norm over the map repeats at every place of it")
    func flattened() throws {
        let head = [
            KerasConfig.layer("BatchNormalization", "n1", ["epsilon": 0.001, "axis": [3]]),
            KerasConfig.layer("Flatten", "flatten"), KerasConfig.layer("Dense", "d1", ["activation": "sigmoid"]),
        ]
        var shapes = ["d1/kernel": [4 * 1280, 3], "d1/bias": [3]]
        for variable in ["gamma", "beta", "moving_mean", "moving_variance"] { shapes["n1/\(variable)"] = [1280] }
        let source = try Self.source(head, shapes, side: 64)
        let plan = try ImportPlan(source, options: ImportOptions(), name: "m")
        #expect(plan.manifest.head == .flattenLinear)
        #expect(plan.manifest.activation == .sigmoid)
        #expect(plan.manifest.preprocessing.resolution == 64)
        #expect(plan.description.contains("head            flatten-linear, 3 labels"))
        let map = Self.values("map", 4 * 1280)
        try Self.expect(
            Self.package(plan, map), Self.dense("d1", Self.norm("n1", map, count: 1280, epsilon: 0.001), 3))
    }

    @Test("A batch norm of another size, without a variable, or with a negative variance is refused by its name")
    func badNorms() throws {
        func problem(_ name: String, _ tensor: Tensor?) throws -> String {
            var weights = try Weights0(.keras)
            for name in ["predictions/kernel", "predictions/bias"] { weights.tensors[name] = nil }
            for (name, shape) in Self.normedShapes { weights.tensors[name] = try Self.tensor(name, shape) }
            weights.tensors[name] = tensor
            let source = try weights.source(
                notes: SourceNotes(format: .hdf5, config: KerasConfig(head: Self.normed).json))
            do {
                _ = try ImportPlan(source, options: ImportOptions(), name: "m")
                return "it was accepted"
            } catch { return "\(error)" }
        }
        #expect(try problem("n2/beta", Tensor([1, 2])).contains("tensor n2/beta: expected shape [6], found [2]"))
        #expect(try problem("n1/gamma", nil).contains("tensor n1/gamma: expected shape [1280], found none"))
        #expect(try problem("n3/moving_variance", Tensor([1, 1, 1, -1, 1, 1])).contains("found -1.0 at index 3"))
        #expect(try problem("n4/gamma", Tensor([1])).contains("tensor n4/gamma of shape [1] belongs to no layer"))
    }

    @Test("Weights alone: a chain of matrices is a head; a batch norm in it is refused, because its place is not known")
    func weightsAlone() throws {
        func plan(_ shapes: [String: [Int]], _ format: SourceNotes.Format = .hdf5) throws -> ImportPlan {
            var weights = try Weights0(format == .hdf5 ? .keras : .timm)
            for name in ["predictions/kernel", "predictions/bias", "classifier.weight", "classifier.bias"] {
                weights.tensors[name] = nil
            }
            for (name, shape) in shapes { weights.tensors[name] = try Self.tensor(name, shape) }
            return try ImportPlan(
                weights.source(notes: SourceNotes(format: format)), options: ImportOptions(), name: "m")
        }
        // In the order of their numbers, not of the alphabet.
        let deep: [String: [Int]] = [
            "dense_9/kernel": [1280, 4], "dense_9/bias": [4], "dense_10/kernel": [4, 4], "dense_10/bias": [4],
            "dense_11/kernel": [4, 2], "dense_11/bias": [2],
        ]
        let found = try plan(deep)
        #expect(found.manifest.head == ModelManifest.Head(hidden: [4, 4]))
        #expect(found.accounts.contains { $0.name == "dense_10/kernel" && $0.fate == .used("head2.weight") })
        // Names in no order: the one matrix that fits the network is the first.
        #expect(
            try plan(["z/kernel": [49 * 1280, 4], "z/bias": [4], "a/kernel": [4, 2], "a/bias": [2]]).manifest.head
                == .flattenMLP(hidden: 4))
        let flat = try plan(["top/kernel": [49 * 1280, 3], "top/bias": [3]])
        #expect(flat.manifest.head == .flattenLinear && flat.manifest.preprocessing.resolution == 224)
        // timm's names with the hidden layers of a package.
        let own: [String: [Int]] = [
            "head.weight": [5, 1280], "head.bias": [5], "head2.weight": [4, 5], "head2.bias": [4],
            "classifier.weight": [2, 4], "classifier.bias": [2],
        ]
        #expect(try plan(own, .safetensors).manifest.head == ModelManifest.Head(hidden: [5, 4]))
        var normed = deep
        for variable in ["gamma", "beta", "moving_mean", "moving_variance"] { normed["norm/\(variable)"] = [4] }
        #expect {
            try plan(normed)
        } throws: { error in
            "\(error)".contains("save the whole model") && "\(error)".contains("norm/beta")
        }
        var numbered = deep
        numbered["layers/batch_normalization_49/vars/0"] = [4]
        #expect {
            try plan(numbered)
        } throws: { "\($0)".contains("tensor layers/batch_normalization_49/vars/0 of shape [4] belongs to no layer") }
    }
}
