import EfficientNet
import Foundation
import Testing

@testable import Conversion

/// A Keras model's JSON in small: the network is two of its layers, which is all that the configuration is asked about it.
struct KerasConfig {
    var before: [[String: Any]] = []
    var head: [[String: Any]] = []
    var side: Any = 224

    static func layer(_ kind: String, _ name: String, _ settings: [String: Any] = [:], module: String = "keras.layers")
        -> [String: Any]
    {
        ["class_name": kind, "module": module, "config": settings.merging(["name": name]) { $1 }]
    }

    var json: String {
        get throws {
            let network: [String: Any] = [
                "class_name": "Functional",
                "config": [
                    "name": "efficientnetb0",
                    "layers": [Self.layer("InputLayer", "input", ["batch_shape": [NSNull(), side, side, 3]])] + before
                        + [
                            Self.layer("Conv2D", "stem_conv", ["activation": "linear"]),
                            Self.layer("BatchNormalization", "stem_bn", ["epsilon": 0.001]),
                            Self.layer("Activation", "top_activation", ["activation": "swish"]),
                        ],
                ],
            ]
            let model: [String: Any] = [
                "class_name": "Sequential", "config": ["name": "sequential", "layers": [network] + head],
            ]
            return String(decoding: try JSONSerialization.data(withJSONObject: model), as: UTF8.self)
        }
    }

    func model() throws -> KerasModel { try KerasModel(KerasConfiguration(json: json)) }

    func refusal() -> String {
        do {
            _ = try model()
            return "it was read"
        } catch { return (error as? ContainerError)?.reason ?? "\(error)" }
    }
}

@Suite("Keras models")
struct KerasModelTests {
    private static var average: [String: Any] { KerasConfig.layer("GlobalAveragePooling2D", "pool") }

    private static func dense(_ name: String, _ activation: String) -> [String: Any] {
        KerasConfig.layer("Dense", name, ["activation": activation])
    }

    @Test("The classic tutorial: flatten, 256 units with ReLU, dropout, ten with softmax")
    func tutorial() throws {
        let model = try KerasConfig(
            head: [
                KerasConfig.layer("Flatten", "flatten"), Self.dense("dense", "relu"),
                KerasConfig.layer("Dropout", "dropout"),
                Self.dense("dense_1", "softmax"),
            ]
        ).model()
        #expect(model.flattens)
        #expect(model.resolution == 224)
        #expect(model.epsilon == 0.001)
        #expect(
            model.dense == [
                KerasModel.Dense(name: "dense", activation: "relu"),
                KerasModel.Dense(name: "dense_1", activation: "softmax"),
            ])
    }

    @Test("Activations may be layers of their own; pooling may come before a Flatten that then changes nothing")
    func separate() throws {
        let model = try KerasConfig(
            head: [
                Self.average, KerasConfig.layer("Flatten", "flatten"), Self.dense("a", "linear"),
                KerasConfig.layer("ReLU", "relu"),
                Self.dense("b", "linear"), KerasConfig.layer("Activation", "act", ["activation": "sigmoid"]),
            ]
        ).model()
        #expect(!model.flattens)
        #expect(model.dense.map(\.activation) == ["relu", "sigmoid"])
    }

    @Test("A batch norm belongs to the dense layer before its activation, or to the next one")
    func norms() throws {
        func norm(_ name: String, _ settings: [String: Any] = [:]) -> [String: Any] {
            KerasConfig.layer("BatchNormalization", name, settings)
        }
        let model = try KerasConfig(
            head: [
                norm("map", ["axis": [3]]), Self.average, norm("pooled", ["axis": [1], "epsilon": 0.01]),
                KerasConfig.layer("Dropout", "drop"),
                KerasConfig.layer("Dense", "a", ["activation": "linear", "use_bias": false]),
                norm("inside", ["scale": false]), KerasConfig.layer("Activation", "act", ["activation": "relu"]),
                norm("between", ["center": false, "axis": -1]), Self.dense("b", "relu"), Self.dense("c", "softmax"),
            ]
        ).model()
        #expect(
            model.dense == [
                KerasModel.Dense(
                    name: "a", activation: "relu", hasBias: false,
                    before: [
                        KerasModel.Norm(name: "map", isOverMap: true), KerasModel.Norm(name: "pooled", epsilon: 0.01),
                    ], after: [KerasModel.Norm(name: "inside", scales: false)]),
                KerasModel.Dense(
                    name: "b", activation: "relu", before: [KerasModel.Norm(name: "between", shifts: false)]),
                KerasModel.Dense(name: "c", activation: "softmax"),
            ])
    }

    @Test(
        "ImageNet's weights, whose variance is a standard deviation, and the Rescaling that makes up for it are the usual mean and std"
    )
    func imageNet() throws {
        let std = [0.229, 0.224, 0.225]
        let model = try KerasConfig(before: [
            KerasConfig.layer("Rescaling", "rescaling", ["scale": 1.0 / 255, "offset": 0.0]),
            KerasConfig.layer("Normalization", "normalization", ["mean": [0.485, 0.456, 0.406], "variance": std]),
            KerasConfig.layer(
                "Rescaling", "rescaling_1",
                ["scale": std.map { 1 / $0.squareRoot() }, "offset": 0.0]),
        ]).model()
        let source = try Reading.source(try Reading.fixture("keras3.h5"))
        let found = try #require(
            try KerasPreprocessing.statistics(
                model.steps, NamedTensors(source, layers: source.notes.layers), source))
        for channel in 0..<3 {
            #expect(abs(found.mean[channel] - [0.485, 0.456, 0.406][channel]) < 1e-12)
            #expect(abs(found.std[channel] - std[channel]) < 1e-12)
        }
    }

    @Test("V2-S takes −1…1 by a factor of 128: mean and std of 128 / 255")
    func halves() throws {
        let model = try KerasConfig(before: [
            KerasConfig.layer("Rescaling", "rescaling", ["scale": 1.0 / 128, "offset": -1])
        ]).model()
        let source = try Reading.source(try Reading.fixture("keras3.h5"))
        let found = try #require(
            try KerasPreprocessing.statistics(
                model.steps, NamedTensors(source, layers: source.notes.layers), source))
        for channel in 0..<3 {
            #expect(abs(found.mean[channel] - 128.0 / 255) < 1e-12)
            #expect(abs(found.std[channel] - 128.0 / 255) < 1e-12)
        }
    }

    @Test("What a package cannot have is refused by the layer's name")
    func refused() {
        let last = Self.dense("last", "softmax")
        let cases: [(KerasConfig, String)] = [
            (
                KerasConfig(head: [
                    Self.average, KerasConfig.layer("Attention", "mine", module: "my_project.layers"), last,
                ]),
                "layer mine: Attention is a custom layer"
            ),
            (KerasConfig(head: [Self.average, KerasConfig.layer("Mine>Attention", "mine"), last]), "layer mine"),
            (KerasConfig(head: [Self.average, KerasConfig.layer("BatchNormalization", "norm")]), "layer norm"),
            (KerasConfig(head: [Self.average, last, KerasConfig.layer("BatchNormalization", "norm")]), "layer norm"),
            (
                KerasConfig(head: [Self.average, KerasConfig.layer("BatchNormalization", "norm", ["axis": [2]]), last]),
                "layer norm: expected a BatchNormalization over the last axis"
            ),
            (
                KerasConfig(head: [KerasConfig.layer("BatchNormalization", "norm", ["axis": 1]), Self.average, last]),
                "layer norm: expected a BatchNormalization over the last axis"
            ),
            (KerasConfig(head: [Self.average, KerasConfig.layer("Lambda", "lambda"), last]), "layer lambda"),
            (KerasConfig(head: [KerasConfig.layer("GlobalMaxPooling2D", "pool"), last]), "layer pool"),
            (KerasConfig(head: [last]), "layer last"),
            (
                KerasConfig(head: [Self.average] + (0..<9).map { Self.dense("d\($0)", "relu") } + [last]),
                "layer last: more than 8 hidden layers"
            ),
            (KerasConfig(head: [Self.average, Self.dense("a", "tanh"), last]), "a Dense with activation tanh"),
            (
                KerasConfig(before: [KerasConfig.layer("TFOpLambda", "tf.math.truediv")], head: [Self.average, last]),
                "layer tf.math.truediv"
            ),
            (
                KerasConfig(
                    before: [KerasConfig.layer("Normalization", "norm", ["invert": true])], head: [Self.average, last]),
                "layer norm"
            ),
        ]
        for (config, reason) in cases { #expect(config.refusal().contains(reason), "\(config.refusal())") }
        var wide = KerasConfig(head: [Self.average, last])
        wide.side = 100_000
        #expect(wide.refusal().contains("layer input"))
    }

    @Test("Text that is no model, and models nested without end, are refused")
    func malformed() throws {
        for text in ["", "[]", "{}", "{\"class_name\": \"Model\"}", "{\"class_name\": \"Subclassed\", \"config\": {}}"]
        {
            #expect(throws: ContainerError.self) { try KerasConfiguration(json: text) }
        }
        var nested = "{\"class_name\": \"Dense\", \"config\": {}}"
        for level in 0..<50 {
            nested = "{\"class_name\": \"Sequential\", \"config\": {\"name\": \"m\(level)\", \"layers\": [\(nested)]}}"
        }
        #expect(throws: ContainerError.self) { try KerasConfiguration(json: nested) }
        #expect(throws: ContainerError.self) { try KerasConfiguration(json: String(repeating: "[", count: 100_000)) }
    }
}
