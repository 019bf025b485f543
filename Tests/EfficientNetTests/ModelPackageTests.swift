import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import EfficientNet

@Suite struct ModelPackageTests {
    /// A folder that disappears with the test.
    final class Folder {
        let url = FileManager.default.temporaryDirectory.appending(path: "model-\(UUID())")

        init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }
        deinit { try? FileManager.default.removeItem(at: url) }
    }

    static func manifest(_ change: (inout ModelManifest) -> Void = { _ in }) -> ModelManifest {
        var manifest = ModelManifest(
            name: "test", variant: .b0, padding: .same, labels: ["normal", "nodule", "effusion"],
            negativeLabel: "normal",
            thresholds: ["nodule": 0.5], preprocessing: Preprocessing(resolution: 48))
        change(&manifest)
        return manifest
    }

    static let weights = Result { try SeededWeights.tensors(manifest().parameters, variant: .b0, seed: 5) }

    static func write(_ folder: Folder, selfTest: SelfTest? = nil) throws -> URL {
        let url = folder.url.appending(path: "package")
        try ModelPackage.write(
            manifest: manifest(), weights: weights.get(), selfTest: selfTest, to: url, precision: .float16)
        return url
    }

    /// Rewrites one key of a package's `model.json`.
    static func edit(_ package: URL, _ key: String, _ value: Any) throws {
        let url = package.appending(path: "model.json")
        var json = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
        json[key] = value
        try JSONSerialization.data(withJSONObject: json).write(to: url)
    }

    @Test("A package is written whole, opened, and gives the logits of its weights; its digest covers every file")
    func roundTrip() throws {
        let folder = try Folder()
        let image = try SeededWeights.image(seed: 5, height: 48, width: 48)
        let test = SelfTest(cases: [
            SelfTest.Case(
                height: 2, width: 3, channels: 1, samples: .uint16([0, 1, 2, 3, 4, 65535]), prepared: image.scalars,
                logits: [1, 2, 3]),
            SelfTest.Case(
                height: 1, width: 1, channels: 3, samples: .uint8([1, 2, 3]), prepared: image.scalars,
                logits: [4, 5, 6]),
        ])
        let url = try Self.write(folder, selfTest: test)
        let package = try ModelPackage.open(url)
        #expect(package.manifest.labels == ["normal", "nodule", "effusion"])
        #expect(package.digest.count == 64)
        #expect(try package.selfTest() == test)
        let network = try package.makeNetwork()
        #expect(network.labelsCount == 3)
        #expect(network.resolution == 48)
        #expect(try network.logits(image).count == 3)
        try Self.edit(url, "name", "another")
        #expect(try ModelPackage.open(url).digest != package.digest)
        try FileManager.default.removeItem(at: url.appending(path: "selftest.safetensors"))
        let bare = try ModelPackage.open(url)
        #expect(try bare.selfTest() == nil)
        #expect(!FileManager.default.fileExists(atPath: url.path + ".part"))
    }

    @Test("Feature statistics travel with a package, count for its digest, and one without keeps the digest it had")
    func statistics() throws {
        let folder = try Folder()
        let plain = try ModelPackage.open(try Self.write(folder))
        #expect(try plain.statistics() == nil)
        let features = 1280
        var triangle: [Float] = []
        for row in 0..<features { triangle += (0...row).map { $0 == row ? 2 : 0 } }
        // W is 2 · identity, the mean 0.5 in every feature: a scan of zeros is 2 · 0.5 · √1280 away.
        let statistics = try FeatureStatistics(
            features: features, whitening: triangle, means: [Float](repeating: 1, count: features), abstainDistance: 30,
            falseAbstainRate: 0.01)
        #expect(abs(statistics.distance([Float](repeating: 0, count: features)) - 35.77708764) < 1e-5)
        #expect(statistics.distance([Float](repeating: 0.5, count: features)) == 0)
        let url = folder.url.appending(path: "with")
        try ModelPackage.write(
            manifest: Self.manifest(), weights: Self.weights.get(), selfTest: nil, statistics: statistics, to: url,
            precision: .float16)
        let package = try ModelPackage.open(url)
        let found = try #require(try package.statistics())
        #expect(found.groups == 1 && found.abstainDistance == 30 && found.falseAbstainRate == Double(Float(0.01)))
        #expect(found.distance([Float](repeating: 0, count: features)) > 35)
        #expect(package.digest != plain.digest)
        let file = url.appending(path: "features.safetensors")
        try FileManager.default.removeItem(at: file)
        #expect(try ModelPackage.open(url).digest == plain.digest)
        var writer = SafetensorsWriter()
        writer.add("whitening", Tensor([1]))
        writer.add("means", Tensor([1]))
        writer.add("abstain", Tensor([1, 1]))
        try writer.write(to: file)
        let error = try #require(throws: EfficientNetError.self) { try ModelPackage.open(url).statistics() }
        #expect(error.description.contains("features.safetensors") && error.description.contains("819840"))
    }

    @Test(
        "A reading's features are the last map's averages: the head's matrix makes the logits of them",
        arguments: Precision.allCases)
    func features(_ precision: Precision) throws {
        let folder = try Folder()
        let package = try ModelPackage.open(try Self.write(folder))
        let network = try package.makeNetwork(precision: precision)
        let image = try SeededWeights.image(seed: 9, height: 48, width: 48)
        let (logits, features) = try image.scalars.withUnsafeBufferPointer { try network.reading(prepared: $0) }
        #expect(logits == (try network.logits(image)).scalars)
        #expect(features.count == 1280)
        let weights = try package.weights()
        let matrix = weights["classifier.weight"], bias = weights["classifier.bias"]
        for label in 0..<3 {
            let product = (0..<1280).reduce(Double(bias[label])) {
                $0 + Double(matrix[label * 1280 + $1]) * Double(features[$1])
            }
            #expect(abs(product - Double(logits[label])) < 2e-2 * max(1, abs(product)))
        }
    }

    @Test("A package is never written over something that exists")
    func existing() throws {
        let folder = try Folder()
        let url = try Self.write(folder)
        let error = try #require(throws: EfficientNetError.self) {
            try ModelPackage.write(manifest: Self.manifest(), weights: Self.weights.get(), selfTest: nil, to: url)
        }
        #expect(error.description.contains("exists already"))
    }

    @Test("Weights with another digest than the manifest names are refused, with both digests")
    func digest() throws {
        let folder = try Folder()
        let url = try Self.write(folder)
        let file = url.appending(path: "weights.safetensors")
        var data = try Data(contentsOf: file)
        data[data.count - 1] ^= 1
        try data.write(to: file)
        let error = try #require(throws: EfficientNetError.self) { try ModelPackage.open(url) }
        guard case .digestMismatch(_, let expected, let found) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(expected.count == 64 && found.count == 64 && expected != found)
    }

    @Test("Missing files are named")
    func missing() throws {
        let folder = try Folder()
        let absent = folder.url.appending(path: "absent")
        #expect(
            throws: EfficientNetError.tensors(
                .missingFile(path: absent.appending(path: "model.json").path(percentEncoded: false)))
        ) { try ModelPackage.open(absent) }
        let url = try Self.write(folder)
        try FileManager.default.removeItem(at: url.appending(path: "weights.safetensors"))
        let error = try #require(throws: EfficientNetError.self) { try ModelPackage.open(url) }
        #expect(error.description.contains("weights.safetensors"))
    }

    @Test(
        "A head's JSON says its kind and its hidden layers, one as a number, several as a list",
        arguments: [
            ("{\"kind\":\"linear\"}", ModelManifest.Head.linear),
            ("{\"hidden\":256,\"kind\":\"mlp\"}", .mlp(hidden: 256)),
            ("{\"kind\":\"flatten-linear\"}", .flattenLinear),
            ("{\"hidden\":24,\"kind\":\"flatten-mlp\"}", .flattenMLP(hidden: 24)),
            ("{\"hidden\":[512,256],\"kind\":\"mlp\"}", ModelManifest.Head(hidden: [512, 256])),
        ])
    func heads(_ json: String, _ head: ModelManifest.Head) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(try JSONDecoder().decode(ModelManifest.Head.self, from: Data(json.utf8)) == head)
        #expect(String(decoding: try encoder.encode(head), as: UTF8.self) == json)
    }

    @Test(
        "A manifest out of range names file, key, what is expected and what was found",
        arguments: [
            ("format", "2", "format"), ("labels", "[]", "labels"), ("labels", "[\"a\",\"a\",\"b\"]", "a twice"),
            ("labels", "[\"a\",\"\",\"b\"]", "empty"), ("negative_label", "\"absent\"", "absent"),
            ("thresholds", "{\"x\":0.5}", "labels of this model"), ("thresholds", "{\"nodule\":1.5}", "0…1"),
            ("temperature", "0", "over 0"), ("batch_norm_epsilon", "-1", "batch_norm_epsilon"),
            ("variant", "\"b9\"", "variant"), ("head", "{\"kind\":\"mlp\",\"hidden\":0}", "65536"),
            ("head", "{\"kind\":\"mlp\",\"hidden\":[4,0]}", "65536"),
            ("head", "{\"kind\":\"mlp\",\"hidden\":[]}", "8 layers"),
            ("head", "{\"kind\":\"flatten-linear\"}", "classifier.weight"),
            ("name", "null", "name"),
            ("weights_sha256", "\"00\"", "SHA-256"),
            ("labels", "[\"normal\",\"nodule\"]", "[2, 1280]"),
            ("head", "{\"kind\":\"mlp\",\"hidden\":9}", "head.weight"),
            ("variant", "\"b3\"", "missing"),
            (
                "preprocessing",
                "{\"resolution\":48,\"intensity\":\"full-range\",\"fit\":\"crop\",\"crop_pct\":0.9,\"interpolation\":\"bicubic\","
                    + "\"mean\":[0,0,0],\"std\":[1,0,1]}", "std"
            ),
            (
                "preprocessing",
                "{\"resolution\":48,\"intensity\":\"full-range\",\"fit\":\"crop\",\"crop_pct\":0.9,\"interpolation\":\"bicubic\","
                    + "\"mean\":[0,0],\"std\":[1,1,1]}", "mean"
            ),
        ])
    func invalid(_ key: String, _ value: String, _ expected: String) throws {
        let folder = try Folder()
        let url = try Self.write(folder)
        try Self.edit(url, key, JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed))
        let error = try #require(throws: EfficientNetError.self) { try ModelPackage.open(url) }
        #expect(error.description.contains(expected), "\(error)")
        #expect(error.description.contains(url.lastPathComponent))
    }

    @Test("Missing, unknown and wrongly shaped tensors and NaN are refused; a count of training batches is passed over")
    func tensors() throws {
        let parameters = Self.manifest().parameters
        func network(_ change: (inout [String: Tensor]) throws -> Void) throws -> Weights {
            var tensors = try Self.weights.get()
            try change(&tensors)
            var writer = SafetensorsWriter()
            for (name, tensor) in tensors { writer.add(name, tensor) }
            return try Weights(SafetensorsFile(path: "w", contents: writer.serialized()), parameters: parameters)
        }
        _ = try network { $0["bn1.num_batches_tracked"] = Tensor([1]) }
        #expect(throws: EfficientNetError.missingTensors(path: "w", names: ["bn1.bias"])) {
            try network { $0["bn1.bias"] = nil }
        }
        #expect(throws: EfficientNetError.unknownTensors(path: "w", names: ["blocks.9.0.x"])) {
            try network { $0["blocks.9.0.x"] = Tensor([1]) }
        }
        #expect(
            throws: EfficientNetError.wrongShape(path: "w", tensor: "bn1.bias", expected: [32], found: [31])
        ) {
            try network { $0["bn1.bias"] = Tensor([Float](repeating: 0, count: 31)) }
        }
        #expect(throws: EfficientNetError.badWeight(path: "w", tensor: "bn1.running_var", index: 2, found: -1)) {
            try network {
                $0["bn1.running_var"] = Tensor([1, 1, -1] + [Float](repeating: 1, count: 29))
            }
        }
        let error = try #require(throws: EfficientNetError.self) {
            try network { $0["bn1.bias"] = Tensor([Float](repeating: .nan, count: 32)) }
        }
        #expect(error.description.contains("bn1.bias") && error.description.contains("nan"))
    }

    /// exp(1), exp(2), exp(3) over their sum.
    @Test("Softmax and sigmoid divide by the temperature, do not overflow, and make NaN of what is not finite")
    func probabilities() {
        let softmax = Probabilities.softmax([1, 2, 3])
        for (found, expected) in zip(softmax, [0.09003057317038046, 0.24472847105479764, 0.6652409557748219]) {
            #expect(abs(found - expected) < 1e-15)
        }
        #expect(Probabilities.softmax([1000, 0]) == [1, 0])
        #expect(Probabilities.softmax([2, 4, 6], temperature: 2) == softmax)
        #expect(Probabilities.softmax([.nan, 1]).allSatisfy { $0.isNaN })
        #expect(abs(Probabilities.sigmoid([2], temperature: 2)[0] - 0.7310585786300049) < 1e-15)
    }
}
