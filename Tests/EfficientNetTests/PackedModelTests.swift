import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import EfficientNet

/// A model packed by one process for others.
@Suite struct PackedModelTests {
    /// A file of zeros, standing for the shared memory.
    private final class Room {
        let descriptor: Int32
        let bytes: Int

        init(bytes: Int) throws {
            self.bytes = bytes
            var path = Array("\(NSTemporaryDirectory())/nightread-XXXXXX".utf8CString)
            descriptor = mkstemp(&path)
            try #require(descriptor >= 0 && unlink(path) == 0 && ftruncate(descriptor, off_t(bytes)) == 0)
        }

        deinit { close(descriptor) }
    }

    @Test(
        "A model mapped from shared memory gives the logits of the model itself", arguments: Precision.allCases,
        [Variant.b0, .lite0, .v2b0])
    func roundTrip(_ precision: Precision, _ variant: Variant) throws {
        let folder = try ModelPackageTests.Folder()
        let manifest = ModelPackageTests.manifest { $0.variant = variant }
        let url = folder.url.appending(path: "package")
        try ModelPackage.write(
            manifest: manifest, weights: SeededWeights.tensors(manifest.parameters, variant: variant, seed: 5),
            selfTest: nil, to: url, precision: .float16)
        let package = try ModelPackage.open(url)
        let room = try Room(bytes: PackedModel.bytes(for: package, precision: precision))
        _ = try PackedModel(packing: package, precision: precision, into: room.descriptor, bytes: room.bytes)
        let mapped = try PackedModel(mapping: room.descriptor, bytes: room.bytes)
        #expect(mapped.digest == package.digest)
        #expect(mapped.manifest == package.manifest)
        #expect(mapped.statistics == nil)
        let own = try package.makeNetwork(precision: precision)
        let shared = Network(mapped)
        #expect(shared.precision == own.precision)
        let side = own.resolution
        let image = try SeededWeights.image(seed: 3, height: side, width: side)
        #expect(try shared.logits(image).scalars == own.logits(image).scalars)
    }

    @Test("Feature statistics are mapped with the model, to the last bit", arguments: Precision.allCases)
    func statistics(_ precision: Precision) throws {
        let folder = try ModelPackageTests.Folder()
        // 1280 · 1281 / 2 values of W, and three means.
        let whitening = SeededWeights.uniform("whitening", seed: 1, count: 819_840).map { Float($0) }
        let means = SeededWeights.uniform("means", seed: 1, count: 3 * 1280).map { Float($0) }
        let statistics = try FeatureStatistics(
            features: 1280, whitening: whitening, means: means, abstainDistance: 31.25, falseAbstainRate: 0.25)
        let url = folder.url.appending(path: "package")
        try ModelPackage.write(
            manifest: ModelPackageTests.manifest(), weights: ModelPackageTests.weights.get(), selfTest: nil,
            statistics: statistics, to: url, precision: .float16)
        let package = try ModelPackage.open(url)
        let room = try Room(bytes: PackedModel.bytes(for: package, precision: precision))
        let packed = try PackedModel(packing: package, precision: precision, into: room.descriptor, bytes: room.bytes)
        let mapped = try PackedModel(mapping: room.descriptor, bytes: room.bytes)
        #expect(packed.statistics == statistics && mapped.statistics == statistics)
        let own = try package.makeNetwork(precision: precision)
        let image = try SeededWeights.image(seed: 3, height: own.resolution, width: own.resolution)
        #expect(try Network(mapped).logits(image).scalars == own.logits(image).scalars)
    }

    @Test("Memory that nobody has packed a model into is refused")
    func empty() throws {
        let room = try Room(bytes: 4096)
        #expect(throws: EfficientNetError.self) { try PackedModel(mapping: room.descriptor, bytes: room.bytes) }
        #expect(throws: EfficientNetError.self) { try PackedModel(mapping: room.descriptor, bytes: 12) }
    }
}
