import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import EfficientNet

/// What the reference implementation (timm) says of seeded weights and a seeded image.
struct Golden: Decodable {
    var std: Double
    var argmax: Int
    var first: [Double]
    var sum: Double
    var l2: Double

    private enum CodingKeys: String, CodingKey {
        case std, argmax
        case first = "logits_first16"
        case sum = "logits_sum"
        case l2 = "logits_l2"
    }

    /// The oracle beside the repository; absent from a plain clone.
    static let oracle = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/oracle/golden_1.json").standardizedFileURL
    static var hasOracle: Bool { FileManager.default.fileExists(atPath: oracle.path) }
    static var runsLongTests: Bool { ProcessInfo.processInfo.environment["NIGHTREAD_LONG_TESTS"] == "1" }

    static func load(_ file: URL, key: String) throws -> Golden {
        // The file holds numbers for other families too, so only the entry asked for is decoded.
        let all = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
        let entry = try #require(all?[key], "\(file.path) has no \(key)")
        return try JSONDecoder().decode(Golden.self, from: JSONSerialization.data(withJSONObject: entry))
    }

    /// Compares within a share of the logits' standard deviation: 2e-4 is what two float32 engines can keep.
    func expect(_ logits: [Float], _ comment: String, within share: Double = 2e-4) {
        let tolerance = share * std
        for (index, expected) in first.enumerated() {
            #expect(abs(Double(logits[index]) - expected) <= tolerance + 5e-7, "\(comment): logit \(index)")
        }
        let values = logits.map(Double.init)
        if share < 1e-3 { #expect(values.indices.max { values[$0] < values[$1] } == argmax, "\(comment): argmax") }
        let count = Double(values.count)
        #expect(abs(values.reduce(0, +) - sum) <= tolerance * count, "\(comment): sum")
        let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        #expect(abs(norm - l2) <= tolerance * count.squareRoot(), "\(comment): norm")
    }
}

/// The numbers of the whole family against the reference implementation's.
@Suite struct GoldenTests {
    /// Those that take a second or so; of V2-L the oracle says nothing.
    static let smaller: [Variant] = [
        .b0, .b1, .b2, .b3, .lite0, .lite1, .lite2, .lite3, .lite4, .v2b0, .v2b1, .v2b2, .v2b3,
    ]
    static let larger: [Variant] = [.b4, .b5, .b6, .b7, .v2s, .v2m]

    /// The conventions that a variant was published in.
    static func paddings(_ variant: Variant) -> [ModelManifest.Padding] {
        variant.family == .v2Base ? [.same] : ModelManifest.Padding.allCases
    }

    static func network(
        _ variant: Variant, _ padding: ModelManifest.Padding, seed: UInt64, isa: InstructionSet? = nil,
        precision: Precision = .f32
    ) throws -> Network {
        let description = NetworkDescription(
            architecture: Architecture(variant, padding: padding), batchNormEpsilon: padding.batchNormEpsilon,
            head: .linear, labels: 1000, resolution: variant.coefficients.resolution)
        let tensors = try SeededWeights.tensors(description.parameters, variant: variant, seed: seed)
        return try Network(
            description, weights: Weights(tensors, parameters: description.parameters), isa: isa, precision: precision,
            emulating: true)
    }

    static func check(
        _ variant: Variant, _ padding: ModelManifest.Padding, isa: InstructionSet? = nil, precision: Precision = .f32
    ) throws {
        let version = variant.rawValue.hasPrefix("v2-") ? "v2_\(variant.rawValue.dropFirst(3))" : "_\(variant.rawValue)"
        let prefix = padding == .same ? "tf_efficientnet" : "efficientnet"
        let golden = try Golden.load(Golden.oracle, key: "\(prefix)\(version)/seed1")
        // The oracle's image of V2 is as large as those that it was trained with.
        let side = variant.coefficients.trainingResolution
        let logits = try network(variant, padding, seed: 1, isa: isa, precision: precision)
            .logits(SeededWeights.image(seed: 1, height: side, width: side))
        golden.expect(
            logits.scalars, "\(variant) \(padding) \(precision) \(isa.map(\.rawValue) ?? "selected")",
            within: precision == .bf16 ? 5e-2 : 2e-4)
    }

    @Test(
        "The smaller variants reproduce the reference implementation's logits in both conventions",
        .enabled(if: Golden.hasOracle, "the oracle ../shared/oracle/golden_1.json is absent"), arguments: smaller)
    func small(_ variant: Variant) throws {
        for padding in Self.paddings(variant) { try Self.check(variant, padding) }
    }

    @Test(
        "The larger variants reproduce the reference implementation's logits in both conventions",
        .enabled(if: Golden.hasOracle, "the oracle ../shared/oracle/golden_1.json is absent"),
        .enabled(if: Golden.runsLongTests, "set NIGHTREAD_LONG_TESTS=1 to run it"), arguments: larger)
    func large(_ variant: Variant) throws {
        for padding in Self.paddings(variant) { try Self.check(variant, padding) }
    }

    @Test(
        "Every instruction set of this machine reproduces the reference implementation's B0, B3, Lite0 and V2-B0",
        .enabled(if: Golden.hasOracle, "the oracle ../shared/oracle/golden_1.json is absent"),
        arguments: InstructionSet.available, [Variant.b0, .b3, .lite0, .v2b0])
    func instructionSets(_ isa: InstructionSet, _ variant: Variant) throws {
        for padding in Self.paddings(variant) { try Self.check(variant, padding, isa: isa) }
    }

    @Test(
        "Every instruction set of this machine reproduces all variants",
        .enabled(if: Golden.hasOracle, "the oracle ../shared/oracle/golden_1.json is absent"),
        .enabled(if: Golden.runsLongTests, "set NIGHTREAD_LONG_TESTS=1 to run it"),
        arguments: InstructionSet.available, smaller + larger)
    func everything(_ isa: InstructionSet, _ variant: Variant) throws {
        for padding in Self.paddings(variant) { try Self.check(variant, padding, isa: isa) }
    }

    /// Those of this machine that have bfloat16 kernels, in instructions or in plain C.
    static let bf16Sets = InstructionSet.available.filter { $0 == .portable || Precision.bf16.runs(on: $0) }

    @Test(
        "bfloat16 stays within 5 hundredths of the logits' deviation, in instructions and in plain C",
        .enabled(if: Golden.hasOracle, "the oracle ../shared/oracle/golden_1.json is absent"),
        arguments: bf16Sets, smaller)
    func bf16(_ isa: InstructionSet, _ variant: Variant) throws {
        guard isa != .portable || [.b0, .lite0, .v2b0].contains(variant) else { return }
        for padding in Self.paddings(variant) { try Self.check(variant, padding, isa: isa, precision: .bf16) }
    }

    @Test(
        "bfloat16 stays within 5 hundredths of the logits' deviation in the larger variants",
        .enabled(if: Golden.hasOracle, "the oracle ../shared/oracle/golden_1.json is absent"),
        .enabled(if: Golden.runsLongTests, "set NIGHTREAD_LONG_TESTS=1 to run it"),
        arguments: bf16Sets.filter { $0 != .portable }, larger)
    func largeBF16(_ isa: InstructionSet, _ variant: Variant) throws {
        for padding in Self.paddings(variant) { try Self.check(variant, padding, isa: isa, precision: .bf16) }
    }

    @Test("A network asked for bfloat16 on kernels without it computes in float and says so")
    func fallback() throws {
        let description = NetworkDescription(
            architecture: Architecture(.b0, padding: .same), batchNormEpsilon: 1e-3, head: .linear, labels: 3,
            resolution: 32)
        let weights = try Weights(evenly: description.parameters)
        let network = try Network(description, weights: weights, isa: .portable, precision: .bf16)
        #expect(network.precision == .f32)
        #expect(Precision.bf16.note(on: .portable)?.contains("computing in f32") == true)
        #expect(Precision.f32.note(on: .portable) == nil)
        let image = (0..<3 * 32 * 32).map { Float($0 % 7) - 3 }
        let plain = try Network(description, weights: weights, isa: .portable)
        let input = try Tensor(shape: [1, 3, 32, 32], scalars: image)
        #expect(try network.logits(input).scalars == plain.logits(input).scalars)
    }
}
