import Crypto
public import Foundation
public import Tensors

/// A model package: a folder of `model.json`, `weights.safetensors` and, if it has them, `selftest.safetensors` and
/// `features.safetensors`.
///
///     let model = try ModelPackage.open(folder)
///     let network = try model.makeNetwork()
public struct ModelPackage: Sendable {
    static let manifestName = "model.json"
    static let weightsName = "weights.safetensors"
    static let selfTestName = "selftest.safetensors"
    static let statisticsName = "features.safetensors"
    static let manifestLimit = 16 << 20

    /// Where the package lies.
    public let folder: URL
    /// `model.json`.
    public let manifest: ModelManifest
    /// SHA-256 over all files of the package, hexadecimal: the model's identity in every reading.
    public let digest: String

    private let weightsFile: SafetensorsFile

    /// Reads a package and checks all of it but the self-test's numbers.
    ///
    /// - Throws: `EfficientNetError`: a manifest out of range, weights with another digest than the manifest names, missing, unknown
    ///   or wrongly shaped tensors.
    public static func open(_ folder: URL) throws(EfficientNetError) -> ModelPackage {
        let manifestURL = folder.appending(path: manifestName)
        let json = try read(manifestURL, limit: manifestLimit)
        let manifest = try decode(json, path: manifestURL.path(percentEncoded: false))
        try manifest.check(path: manifestURL.path(percentEncoded: false))
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(contentsOf: folder.appending(path: weightsName))
        } catch {
            throw .tensors(error)
        }
        let weightsDigest = hexadecimal(SHA256.hash(data: file.contents))
        guard weightsDigest == manifest.weightsSHA256.lowercased() else {
            throw .digestMismatch(path: file.path, expected: manifest.weightsSHA256, found: weightsDigest)
        }
        try Weights.check(file, parameters: manifest.parameters)
        // Each file enters by name and digest, so that no two packages of different files can agree. Packages without
        // statistics keep the digest from before there were any.
        var files = [
            (manifestName, hexadecimal(SHA256.hash(data: json))), (weightsName, weightsDigest),
            (selfTestName, try optionalDigest(selfTestName, in: folder) ?? "none"),
        ]
        if let statistics = try optionalDigest(statisticsName, in: folder) {
            files.append((statisticsName, statistics))
        }
        var hash = SHA256()
        for (name, fileDigest) in files {
            hash.update(data: Data("\(fileDigest)  \(name)\n".utf8))
        }
        return ModelPackage(
            folder: folder, manifest: manifest, digest: hexadecimal(hash.finalize()), weightsFile: file)
    }

    /// Writes a package: first into `FOLDER.part`, every file flushed to disk, then renamed to its name.
    ///
    /// `manifest.weightsSHA256` is computed here. Floats are stored as `precision`.
    ///
    /// - Throws: `EfficientNetError.cannotWrite`, also when `folder` exists; or what is wrong with the manifest or the weights.
    public static func write(
        manifest: ModelManifest, weights: [String: Tensor], selfTest: SelfTest?, statistics: FeatureStatistics? = nil,
        to folder: URL, precision: SafetensorsWriter.Precision = .float32
    ) throws(EfficientNetError) {
        let path = folder.path(percentEncoded: false)
        _ = try Weights(weights, parameters: manifest.parameters, path: path)
        let known = Set(manifest.parameters.map(\.name))
        let unknown = weights.keys.filter { !known.contains($0) && !Weights.isIgnored($0) }.sorted()
        guard unknown.isEmpty else { throw .unknownTensors(path: path, names: unknown) }
        var writer = SafetensorsWriter()
        for (name, tensor) in weights where known.contains(name) { writer.add(name, tensor, as: precision) }
        let weightsData = writer.serialized()
        var manifest = manifest
        manifest.weightsSHA256 = hexadecimal(SHA256.hash(data: weightsData))
        try manifest.check(path: path)
        var files = [(weightsName, weightsData)]
        if let selfTest {
            let content = try selfTest.writer(resolution: manifest.preprocessing.resolution)
            files.append((selfTestName, content.serialized()))
        }
        if let statistics { files.append((statisticsName, try statistics.writer().serialized())) }
        do {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            files.append((manifestName, try encoder.encode(manifest) + Data("\n".utf8)))
            try PackageFolder.write(files, to: folder)
        } catch let error as EfficientNetError {
            throw error
        } catch {
            throw .cannotWrite(path: path, reason: error.localizedDescription)
        }
    }

    /// The packed inference engine; on `isa`, or what `InstructionSet.selected` says.
    ///
    /// - Throws: `EfficientNetError.badWeight` for weights that are not finite; an instruction set the machine lacks.
    public func makeNetwork(
        isa: InstructionSet? = nil, precision: Precision = .f32
    ) throws(EfficientNetError) -> Network {
        try Network(manifest.network, weights: weights(), isa: isa, precision: precision)
    }

    /// The tensors, checked.
    func weights() throws(EfficientNetError) -> Weights {
        try Weights(weightsFile, parameters: manifest.parameters)
    }

    /// Every tensor the network reads, by its name.
    ///
    /// - Throws: `EfficientNetError.badWeight` for weights that are not finite.
    public func tensors() throws(EfficientNetError) -> [String: Tensor] {
        let weights = try weights()
        var tensors: [String: Tensor] = [:]
        do throws(TensorError) {
            for parameter in manifest.parameters {
                tensors[parameter.name] = try Tensor(shape: parameter.shape, scalars: weights[parameter.name])
            }
        } catch {
            throw .tensors(error)
        }
        return tensors
    }

    /// The package's self-test; nil when it has none.
    ///
    /// - Throws: `EfficientNetError` for a file that breaks the format or does not fit the model.
    public func selfTest() throws(EfficientNetError) -> SelfTest? {
        try Self.selfTest(in: folder, manifest: manifest)
    }

    /// The self-test of a package whose manifest is known; nil when it has none.
    ///
    /// - Throws: as `selfTest()`.
    public static func selfTest(in folder: URL, manifest: ModelManifest) throws(EfficientNetError) -> SelfTest? {
        let url = folder.appending(path: selfTestName)
        guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else { return nil }
        let file: SafetensorsFile
        do {
            file = try SafetensorsFile(contentsOf: url)
        } catch {
            throw .tensors(error)
        }
        return try SelfTest(file, resolution: manifest.preprocessing.resolution, labels: manifest.labels.count)
    }

    /// What the package knows of the features it was trained on; nil when it says nothing of them.
    ///
    /// - Throws: `EfficientNetError` for a file that breaks the format or does not fit the model.
    public func statistics() throws(EfficientNetError) -> FeatureStatistics? {
        let url = folder.appending(path: Self.statisticsName)
        guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else { return nil }
        do {
            return try FeatureStatistics(
                SafetensorsFile(contentsOf: url), features: manifest.network.architecture.features)
        } catch let error as TensorError {
            throw .tensors(error)
        } catch let error as EfficientNetError {
            throw error
        } catch {
            throw .cannotRead(path: url.path(percentEncoded: false), reason: "\(error)")
        }
    }

    /// Bytes of the file that `statistics()` reads; 0 when there is none.
    var statisticsBytes: Int {
        let url = folder.appending(path: Self.statisticsName)
        return (try? url.resourceValues(forKeys: [.fileSizeKey]))?.fileSize ?? 0
    }

    /// SHA-256 of a file that a package may lack.
    private static func optionalDigest(_ name: String, in folder: URL) throws(EfficientNetError) -> String? {
        let url = folder.appending(path: name)
        guard FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else { return nil }
        return hexadecimal(SHA256.hash(data: try read(url, limit: SafetensorsFile.sizeLimit)))
    }

    private static func read(_ url: URL, limit: Int) throws(EfficientNetError) -> Data {
        let path = url.path(percentEncoded: false)
        do {
            let values = try url.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
            guard values.isRegularFile == true, values.fileSize ?? 0 <= limit else {
                throw EfficientNetError.cannotRead(
                    path: path, reason: "expected a regular file of at most \(limit) bytes")
            }
            return try Data(contentsOf: url)
        } catch let error as EfficientNetError {
            throw error
        } catch {
            throw .tensors(.unreadable(path: path, error))
        }
    }

    private static func decode(_ json: Data, path: String) throws(EfficientNetError) -> ModelManifest {
        do {
            return try JSONDecoder().decode(ModelManifest.self, from: json)
        } catch let error as DecodingError {
            throw .invalidManifest(path: path, error)
        } catch {
            throw .cannotRead(path: path, reason: error.localizedDescription)
        }
    }
}

extension ModelManifest {
    /// What fixes the model's network but its weights.
    var network: NetworkDescription {
        NetworkDescription(
            architecture: Architecture(variant, padding: padding), batchNormEpsilon: batchNormEpsilon, head: head,
            labels: labels.count, resolution: preprocessing.resolution)
    }

    /// Every tensor that the model's weight file must hold.
    public var parameters: [Layer.Parameter] {
        Architecture(variant, padding: padding)
            .parameters(side: preprocessing.resolution, head: head, labels: labels.count)
    }
}

extension EfficientNetError {
    /// What a decoder found wrong, with the key's place in the file.
    fileprivate static func invalidManifest(path: String, _ error: DecodingError) -> EfficientNetError {
        func key(_ context: DecodingError.Context, _ last: String? = nil) -> String {
            let keys = context.codingPath.map(\.stringValue) + (last.map { [$0] } ?? [])
            return keys.isEmpty ? "the file" : keys.joined(separator: ".")
        }
        return switch error {
        case .keyNotFound(let name, let context):
            .invalidManifest(path: path, key: key(context, name.stringValue), expected: "a value", found: "none")
        case .typeMismatch(let type, let context):
            .invalidManifest(path: path, key: key(context), expected: "\(type)", found: "another type")
        case .valueNotFound(let type, let context):
            .invalidManifest(path: path, key: key(context), expected: "\(type)", found: "null")
        case .dataCorrupted(let context):
            .invalidManifest(path: path, key: key(context), expected: "a valid value", found: context.debugDescription)
        @unknown default:
            .invalidManifest(path: path, key: "the file", expected: "a model manifest", found: "\(error)")
        }
    }
}
