import Foundation
public import Tensors

/// A model packed into memory that processes share: one process reads, checks and packs a package, the others map the result and
/// start at once, all over the same pages.
///
/// The memory is the packed weights, the package's feature statistics where it has them, room for an index (JSON), and in the last 16
/// bytes where the index lies.
public struct PackedModel: Sendable {
    /// The package's digest.
    public let digest: String
    /// The package's manifest.
    public let manifest: ModelManifest
    /// What the package knows of the features it was trained on; nil when it says nothing of them.
    public let statistics: FeatureStatistics?
    let network: PackedNetwork

    /// Everything about the model but its weights.
    private struct Index: Codable {
        var digest: String
        var manifest: ModelManifest
        var instructionSet: InstructionSet
        var precision: Precision
        var layout: PackedNetwork.Layout
        var statistics: Statistics?
    }

    /// Everything about feature statistics but their values: whitening, then means, which end where the index begins.
    private struct Statistics: Codable {
        var features: Int
        var groups: Int
        var abstainDistance: Double
        var falseAbstainRate: Double

        /// How many values there are; nil where no package can have as many.
        var count: Int? {
            guard (1...65_536).contains(features), (1...1 << 24).contains(groups) else { return nil }
            return features * (features + 1) / 2 + groups * features
        }
    }

    /// Twice what a manifest may have, for the index. Memory that nobody writes is not taken.
    private static let indexRoom = 2 * ModelPackage.manifestLimit

    /// Bytes of shared memory that a package needs.
    ///
    /// - Throws: an unknown instruction set in the environment.
    public static func bytes(for package: ModelPackage, precision: Precision) throws(EfficientNetError) -> Int {
        let used = precision.effective(on: try selectedSet())
        let statistics = (package.statisticsBytes + 63) / 64 * 64
        return PackedNetwork.capacity(package.manifest.network, precision: used) * 4 + statistics + indexRoom
    }

    /// Packs a package into shared memory of `bytes(for:precision:)` bytes.
    ///
    /// - Throws: weights that are not finite; an instruction set the machine lacks; memory that cannot be mapped.
    public init(
        packing package: ModelPackage, precision: Precision, into descriptor: Int32, bytes: Int
    ) throws(EfficientNetError) {
        let set = try Self.selectedSet()
        let memory = try Self.map(descriptor, bytes: bytes, isWritable: true)
        digest = package.digest
        manifest = package.manifest
        network = try PackedNetwork(
            manifest.network, weights: package.weights(), isa: set, precision: precision.effective(on: set),
            memory: memory)
        statistics = try package.statistics()
        let room = memory.bytes
        let start = room.count - Self.indexRoom
        let facts = statistics.map {
            Statistics(
                features: $0.features, groups: $0.groups, abstainDistance: $0.abstainDistance,
                falseAbstainRate: $0.falseAbstainRate)
        }
        if let statistics {
            let values = statistics.whitening + statistics.means
            let weights = PackedNetwork.capacity(manifest.network, precision: precision.effective(on: set))
            guard values.count <= start / 4 - weights else {
                throw .cannotRead(path: package.folder.path, reason: "its feature statistics changed meanwhile")
            }
            values.withUnsafeBytes { room[start - values.count * 4..<start].copyBytes(from: $0) }
        }
        let index: Data
        do {
            index = try JSONEncoder().encode(
                Index(
                    digest: digest, manifest: manifest, instructionSet: set, precision: network.weights.precision,
                    layout: network.layout, statistics: facts))
        } catch {
            throw .cannotRead(path: package.folder.path, reason: "its settings cannot be written: \(error)")
        }
        guard index.count <= Self.indexRoom - 16 else {
            throw .cannotRead(path: package.folder.path, reason: "its settings take \(index.count) bytes")
        }
        room[start..<start + index.count].copyBytes(from: index)
        room.storeBytes(of: UInt64(start), toByteOffset: room.count - 16, as: UInt64.self)
        room.storeBytes(of: UInt64(index.count), toByteOffset: room.count - 8, as: UInt64.self)
    }

    /// Maps what another process has packed.
    ///
    /// - Throws: `EfficientNetError.cannotRead` for memory that holds no packed model of this version.
    public init(mapping descriptor: Int32, bytes: Int) throws(EfficientNetError) {
        let memory = try Self.map(descriptor, bytes: bytes, isWritable: false)
        let room = memory.bytes
        let start = Int(clamping: room.load(fromByteOffset: room.count - 16, as: UInt64.self))
        let count = Int(clamping: room.load(fromByteOffset: room.count - 8, as: UInt64.self))
        guard start >= 0, count >= 0, start <= room.count - 16, count <= room.count - 16 - start else {
            throw .cannotRead(path: "shared memory", reason: "it holds no packed model")
        }
        do {
            let index = try JSONDecoder().decode(Index.self, from: Data(room[start..<start + count]))
            digest = index.digest
            manifest = index.manifest
            statistics = try index.statistics.map { facts in
                guard let count = facts.count, count <= start / 4 else {
                    throw EfficientNetError.cannotRead(path: "shared memory", reason: "it holds no packed model")
                }
                let values = UnsafeBufferPointer(start: memory.floats + (start / 4 - count), count: count)
                let means = facts.groups * facts.features
                return try FeatureStatistics(
                    features: facts.features, whitening: Array(values.dropLast(means)),
                    means: Array(values.suffix(means)),
                    abstainDistance: facts.abstainDistance, falseAbstainRate: facts.falseAbstainRate)
            }
            network = PackedNetwork(
                manifest.network, layout: index.layout,
                weights: try PackedWeights(
                    shared: memory, instructionSet: index.instructionSet, precision: index.precision))
        } catch let error as TensorError {
            throw .tensors(error)
        } catch {
            throw .cannotRead(path: "shared memory", reason: "it holds no packed model: \(error)")
        }
    }

    private static func map(_ descriptor: Int32, bytes: Int, isWritable: Bool) throws(EfficientNetError) -> FloatMemory
    {
        guard bytes >= 16, bytes % 8 == 0 else {
            throw .cannotRead(path: "shared memory", reason: "\(bytes) bytes are none of a packed model")
        }
        do { return try FloatMemory(sharing: descriptor, bytes: bytes, isWritable: isWritable) } catch {
            throw .tensors(error)
        }
    }

    private static func selectedSet() throws(EfficientNetError) -> InstructionSet {
        do { return try InstructionSet.selected() } catch { throw .tensors(error) }
    }
}
