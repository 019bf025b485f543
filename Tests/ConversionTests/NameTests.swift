import Crypto
import EfficientNet
import Foundation
import Testing

@testable import Conversion

@Suite("Names")
struct NameTests {
    /// SHA-256 of the lines `name extent,extent,…`, sorted.
    private static func digest(_ tensors: [NameScheme.Tensor]) -> String {
        let lines = tensors.map { "\($0.source) \($0.shape.map(String.init).joined(separator: ","))\n" }
        // Python sorts by code points.
        let sorted = lines.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
        return SHA256.hash(data: Data(sorted.joined().utf8)).map { String(format: "%02x", $0) }.joined()
    }

    @Test("Every program's names and shapes of every variant's tensors are those of its own models")
    func digests() throws {
        let known = try JSONDecoder().decode(
            [String: [String: String]].self, from: Data(try Reading.fixture("names.json")))
        #expect(known.values.reduce(0) { $0 + $1.count } == 62)
        for (program, variants) in known {
            let scheme = try #require(NameScheme(rawValue: program))
            for (name, digest) in variants {
                let variant = try #require(Variant(rawValue: name))
                let layers = Architecture(variant, padding: .same).layers(height: 64, width: 64, head: nil, labels: 1)
                #expect(Self.digest(scheme.backbone(layers)) == digest, "\(program) \(name)")
            }
        }
    }

    @Test("Keras' kernels are turned into ours")
    func layouts() {
        // [2, 1, 2, 3]: value = 100 · y + 10 · input + output.
        let kernel: [Float] = [0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112]
        #expect(
            NameScheme.Layout.heightWidthInOut.ours(kernel, shape: [2, 1, 2, 3])
                == [0, 100, 10, 110, 1, 101, 11, 111, 2, 102, 12, 112])
        #expect(
            NameScheme.Layout.heightWidthChannels.ours([1, 2, 3, 4, 5, 6], shape: [3, 1, 2, 1]) == [1, 3, 5, 2, 4, 6])
        #expect(NameScheme.Layout.inOut.ours([1, 2, 3, 4, 5, 6], shape: [2, 3]) == [1, 4, 2, 5, 3, 6])
    }

    @Test(
        "Keras' names for groups of layers",
        arguments: [
            ("Conv2D", "conv2d"), ("DepthwiseConv2D", "depthwise_conv2d"),
            ("BatchNormalization", "batch_normalization"),
            ("GlobalAveragePooling2D", "global_average_pooling2d"), ("Dense", "dense"), ("InputLayer", "input_layer"),
        ])
    func groups(name: String, group: String) {
        #expect(KerasConfiguration.snakeCase(name) == group)
    }
}
