import Foundation
import Tensors
import Testing

@testable import Conversion
@testable import EfficientNet

/// Weights of B0 with three labels, under a program's names.
struct Weights0 {
    var tensors: [String: Tensor] = [:]

    /// - Parameter edge: of the values; nothing here computes with them but the self-test.
    init(_ scheme: NameScheme, prefix: String = "", variant: Variant = .b0) throws {
        let layers = Architecture(variant, padding: .same).layers(height: 32, width: 32, head: .linear, labels: 3)
        let dense = layers.filter { $0.name == "classifier" }
        let names = scheme.backbone(layers) + dense.flatMap { scheme.dense($0, named: scheme.classifier) }
        for (index, name) in names.enumerated() {
            let count = name.parameter.count
            let isVariance = name.parameter.name.hasSuffix("running_var")
            let scalars = (0..<count).map { isVariance ? 1 : Float(($0 * 31 + index * 7) % 101 - 50) / 1000 }
            tensors[prefix + name.source] = try Tensor(shape: name.shape, scalars: scalars)
        }
    }

    func source(
        as precision: SafetensorsWriter.Precision = .float32, path: String = "weights.safetensors",
        notes: SourceNotes = SourceNotes(format: .safetensors)
    ) throws -> SourceFile {
        var writer = SafetensorsWriter()
        for (name, tensor) in tensors { writer.add(name, tensor, as: precision) }
        return SourceFile(
            path: path, tensors: try SafetensorsFile(path: path, contents: writer.serialized()), notes: notes)
    }
}

@Suite("Imports")
struct ImportTests {
    private static func problem(_ body: () throws -> ImportPlan) -> String {
        do {
            _ = try body()
            return "it was accepted"
        } catch { return "\(error)" }
    }

    @Test("Padding, epsilon and preprocessing follow from where the names come from")
    func conventions() throws {
        let expected: [(NameScheme, ModelManifest.Padding, Double, Preprocessing.Fit)] = [
            (.timm, .symmetric, 1e-5, .crop), (.torchvision, .symmetric, 1e-5, .crop),
            (.huggingFace, .same, 1e-3, .squash), (.efficientNetPyTorch, .same, 1e-3, .crop),
        ]
        for (scheme, padding, epsilon, fit) in expected {
            let plan = try ImportPlan(Weights0(scheme).source(), options: ImportOptions(), name: "m")
            #expect(plan.scheme == scheme)
            #expect(plan.manifest.variant == .b0)
            #expect(plan.manifest.padding == padding)
            #expect(plan.manifest.batchNormEpsilon == epsilon)
            #expect(plan.manifest.preprocessing.fit == fit)
            #expect(plan.manifest.labels == ["class 0", "class 1", "class 2"])
            #expect(plan.accounts.allSatisfy { if case .used = $0.fate { true } else { false } })
            #expect(plan.tensorLines.count == plan.accounts.count)
        }
        // torchvision mixes the conventions from B5 on.
        let large = try ImportPlan(Weights0(.torchvision, variant: .b5).source(), options: ImportOptions(), name: "m")
        #expect(large.manifest.variant == .b5)
        #expect(large.manifest.padding == .symmetric)
        #expect(large.manifest.batchNormEpsilon == 1e-3)
        #expect(large.manifest.preprocessing.resolution == 456)
        // A file that says that it is one of timm's ports.
        let port = try ImportPlan(
            Weights0(.timm).source(path: "tf_efficientnet_b0.ns_jft_in1k/model.safetensors"), options: ImportOptions(),
            name: "m")
        #expect(port.manifest.padding == .same)
    }

    @Test("What the user says goes before what follows from the source")
    func options() throws {
        let plan = try ImportPlan(
            Weights0(.timm).source(),
            options: ImportOptions(
                variant: .b0, labels: ["a", "b", "c"], padding: .same, epsilon: 0.01,
                preprocessing: ["torchvision", "mean=0.5,0.5,0.25", "fit=pad", "resolution=96"].compactMap {
                    PreprocessingSetting($0)
                }), name: "m")
        #expect(plan.manifest.padding == .same)
        #expect(plan.manifest.batchNormEpsilon == 0.01)
        #expect(plan.manifest.labels == ["a", "b", "c"])
        #expect(plan.manifest.preprocessing.mean == [0.5, 0.5, 0.25])
        #expect(plan.manifest.preprocessing.fit == .pad)
        #expect(plan.manifest.preprocessing.resolution == 96)
        for text in ["fit=round", "mean=1,2", "std=0,1,1", "resolution=0", "crop_pct=2", "pytorch", "mean=a,b,c", ""] {
            #expect(PreprocessingSetting(text) == nil, "\(text)")
        }
        #expect(
            Self.problem {
                try ImportPlan(Weights0(.timm).source(), options: ImportOptions(labels: ["a"]), name: "m")
            }.contains("expected 3 labels"))
    }

    @Test(
        "Wrappers' prefixes are taken off, PyTorch's counts of batches left",
        arguments: ["module.", "_orig_mod.", "module._orig_mod."])
    func prefixes(prefix: String) throws {
        var weights = try Weights0(.torchvision, prefix: prefix)
        weights.tensors[prefix + "features.0.1.num_batches_tracked"] = try Tensor(shape: [], scalars: [3])
        let plan = try ImportPlan(weights.source(), options: ImportOptions(), name: "m")
        #expect(plan.accounts.count { $0.fate == .ignored("PyTorch's count of training batches") } == 1)
        #expect(try plan.weights().count == 360 - 49 + 0)
    }

    @Test("B0's weights imported as B1 are refused, with the tensor that is missing and what they are")
    func wrongVariant() throws {
        let message = Self.problem {
            try ImportPlan(Weights0(.timm).source(), options: ImportOptions(variant: .b1), name: "m")
        }
        #expect(message.contains("not the weights of b1"))
        #expect(message.contains("tensor blocks.0.1.conv_dw.weight is missing"))
        #expect(message.contains("all tensors of b0 are there"))
        #expect(
            Self.problem {
                try ImportPlan(Weights0(.timm, variant: .b1).source(), options: ImportOptions(variant: .b0), name: "m")
            }.contains("all tensors of b1 are there"))
    }

    @Test("A tensor that is missing, of another shape, not finite, negative or of no layer is refused by its own name")
    func badTensors() throws {
        let whole = try Weights0(.torchvision)
        func message(_ change: (inout [String: Tensor]) throws -> Void) throws -> String {
            var weights = whole
            try change(&weights.tensors)
            let source = try weights.source()
            return Self.problem { try ImportPlan(source, options: ImportOptions(), name: "m") }
        }
        let name = "features.3.1.block.1.1.running_var"
        #expect(try message { $0[name] = nil }.contains("tensor \(name) is missing"))
        #expect(try message { $0[name] = Tensor([1, 2]) }.contains("tensor \(name): expected shape [240], found [2]"))
        var bad = [Float](repeating: 1, count: 240)
        bad[7] = -1
        #expect(
            try message { $0[name] = Tensor(bad) }.contains(
                "tensor \(name): expected finite weights and variances over 0, found -1.0 at index 7"))
        bad[7] = .nan
        #expect(try message { $0[name] = Tensor(bad) }.contains("found nan at index 7"))
        #expect(
            try message { $0["classifier.4.weight"] = try Tensor(shape: [2, 3], scalars: [1, 2, 3, 4, 5, 6]) }.contains(
                "tensor classifier.4.weight of shape [2, 3] belongs to no layer"))
        #expect(
            try message {
                $0["classifier.1.weight"] = try Tensor(shape: [3, 5], scalars: [Float](repeating: 0, count: 15))
            }
            .contains("a head that is none of a package's"))
        #expect(try message { $0 = ["fc.weight": Tensor([1])] }.contains("no EfficientNet that is known"))
    }

    @Test("Halves stay halves; weights without a head get one when labels are given, and are refused otherwise")
    func precisionAndHead() throws {
        #expect(
            try ImportPlan(Weights0(.timm).source(as: .float16), options: ImportOptions(), name: "m").precision
                == .float16)
        var weights = try Weights0(.huggingFace, prefix: "efficientnet.")
        for name in ["classifier.weight", "classifier.bias"] { weights.tensors["efficientnet.\(name)"] = nil }
        let source = try weights.source()
        #expect(Self.problem { try ImportPlan(source, options: ImportOptions(), name: "m") }.contains("have no head"))
        let plan = try ImportPlan(source, options: ImportOptions(labels: ["no", "yes"]), name: "m")
        #expect(plan.hasFreshHead)
        #expect(try plan.weights()["classifier.weight"]?.shape == [2, 1280])
        #expect(plan.description.contains("knows nothing yet"))
    }

    @Test(
        "Weights that only number Keras' layers are told by their shapes; Keras 2.12 counts by twos",
        arguments: [("layers", 1), ("_layer_checkpoint_dependencies", 2)])
    func numbered(folder: String, step: Int) throws {
        func group(_ kind: String, _ count: Int) -> String {
            "\(folder)/\(kind)" + (count == 0 ? "" : "_\(step * count)") + "/vars/"
        }
        // What Keras 2 calls the groups of B0's first layers, of its last, and of a dense one.
        let expected = [
            group("conv2d", 0) + "0": "conv_stem.weight", group("batch_normalization", 0) + "3": "bn1.running_var",
            group("depthwise_conv2d", 0) + "0": "blocks.0.0.conv_dw.weight",
            group("conv2d", 1) + "1": "blocks.0.0.se.conv_reduce.bias",
            group("conv2d", 3) + "0": "blocks.0.0.conv_pw.weight",
            group("conv2d", 4) + "0": "blocks.1.0.conv_pw.weight",
            group("depthwise_conv2d", 15) + "0": "blocks.6.0.conv_dw.weight",
            group("conv2d", 64) + "0": "conv_head.weight", group("batch_normalization", 48) + "0": "bn2.weight",
            group("dense", 0) + "0": "classifier.weight",
        ]
        var weights = try Weights0(.keras)
        var counts: [String: Int] = [:]
        var groups: [String: String] = [:]
        // The test's own count of Keras' layers, in the order that keras/src/applications/efficientnet.py makes them in.
        let stages = [1, 2, 2, 3, 3, 4, 1]
        var order = ["stem_conv", "stem_bn"]
        for (stage, repeats) in stages.enumerated() {
            for letter in ["a", "b", "c", "d"].prefix(repeats) {
                let block = "block\(stage + 1)\(letter)_"
                order += (stage == 0 ? [] : ["expand_conv", "expand_bn"]).map { block + $0 }
                order += ["dwconv", "bn", "se_reduce", "se_expand", "project_conv", "project_bn"].map { block + $0 }
            }
        }
        for layer in order + ["top_conv", "top_bn", "predictions"] {
            let kind =
                layer.hasSuffix("bn")
                ? "batch_normalization"
                : layer.hasSuffix("dwconv") ? "depthwise_conv2d" : layer == "predictions" ? "dense" : "conv2d"
            let count = counts[kind, default: 0]
            counts[kind] = count + 1
            groups[layer] = group(kind, count)
        }
        let variables = ["kernel": 0, "bias": 1, "gamma": 0, "beta": 1, "moving_mean": 2, "moving_variance": 3]
        weights.tensors = Dictionary(
            uniqueKeysWithValues: try weights.tensors.map { name, tensor in
                let parts = name.split(separator: "/").map(String.init)
                return (try #require(groups[parts[0]]) + "\(try #require(variables[parts[1]]))", tensor)
            })
        let plan = try ImportPlan(
            weights.source(notes: SourceNotes(format: .hdf5)), options: ImportOptions(), name: "m")
        #expect(plan.manifest.variant == .b0)
        let fates = Dictionary(plan.accounts.map { ($0.name, $0.fate) }) { first, _ in first }
        for (name, ours) in expected { #expect(fates[name] == .used(ours), "\(name)") }
    }

    @Test("A package is written whole, with a self-test, and torchvision's names lead back to the same weights")
    func roundTrip() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "import-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let weights = try Weights0(.torchvision)
        let plan = try ImportPlan(
            weights.source(),
            options: ImportOptions(preprocessing: [.resolution(64)]), name: "m")
        try plan.write(to: folder)
        let package = try ModelPackage.open(folder)
        #expect(try package.selfTest()?.cases.count == 2)
        #expect(throws: ConversionError.self) { try plan.write(to: folder) }
        let back = folder.appending(path: "back.safetensors")
        try TorchvisionExport.tensors(of: package).write(to: back)
        let file = try SafetensorsFile(contentsOf: back)
        #expect(file.names == weights.tensors.keys.sorted())
        for (name, tensor) in weights.tensors { #expect(try file.tensor(name) == tensor) }
    }

    @Test("Weights for padding same are not exported to torchvision, which has none")
    func notExportable() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "import-\(UUID())")
        defer { try? FileManager.default.removeItem(at: folder) }
        let plan = try ImportPlan(
            Weights0(.timm).source(), options: ImportOptions(padding: .same, preprocessing: [.resolution(64)]),
            name: "m")
        try plan.write(to: folder)
        let package = try ModelPackage.open(folder)
        #expect(throws: ConversionError.self) { try TorchvisionExport.tensors(of: package) }
        // An ONNX model is a message that begins with its version of the format, field 1: 7.
        let model = try ONNXExport.model(of: package)
        #expect(Array(model.prefix(2)) == [0x08, 0x07])
        #expect(model.count > package.manifest.parameters.reduce(0) { $0 + 4 * $1.count })
    }

    @Test("Protocol buffers are written as their documentation shows")
    func protobuf() {
        // protobuf.dev/programming-guides/encoding: Test1 {a: 150}, Test2 {b: "testing"}, Test3 {c {a: 150}}, −2.
        var writer = ProtobufWriter()
        writer.add(1, 150)
        writer.add(2, "testing")
        writer.add(3) { $0.add(1, 150) }
        #expect(
            Array(writer.data) == [
                0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6E, 0x67, 0x1A, 0x03, 0x08, 0x96, 0x01,
            ])
        var negative = ProtobufWriter()
        negative.add(1, -2)
        #expect(Array(negative.data) == [0x08, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
    }
}
