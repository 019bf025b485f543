import CSystem
import EfficientNet
import Foundation
import Imaging
import Tensors

/// One model, ready to read frames: preparation, network, probabilities. Serves one thread.
final class FrameReader {
    /// Why there is no reading.
    struct Refusal: Error, Equatable {
        let stage: ScanFailure.Stage
        let reason: String

        init(_ stage: ScanFailure.Stage, _ reason: String) {
            self.stage = stage
            self.reason = reason
        }
    }

    let digest: String
    let labels: Int
    private let folder: URL
    private let manifest: ModelManifest
    private let network: Network
    private let statistics: FeatureStatistics?
    private let preparation: FramePreparation
    private let preprocessing: Preprocessing
    private var prepared: [Float]

    /// - Parameters:
    ///   - model: The packed model.
    ///   - path: The package's folder, where its self-test lies.
    ///   - preprocessing: The package's own, or with a pipeline's overrides.
    init(_ model: PackedModel, package path: String, preprocessing: Preprocessing) throws(Refusal) {
        folder = URL(fileURLWithPath: path)
        manifest = model.manifest
        network = Network(model)
        statistics = model.statistics
        digest = model.digest
        labels = manifest.labels.count
        self.preprocessing = preprocessing
        preparation = try Self.preparation(preprocessing)
        prepared = [Float](repeating: 0, count: 3 * preprocessing.resolution * preprocessing.resolution)
        guard preprocessing.resolution == network.resolution else {
            throw Refusal(
                .network, "expected an input of \(network.resolution) pixels a side, found \(preprocessing.resolution)")
        }
    }

    private static func preparation(_ preprocessing: Preprocessing) throws(Refusal) -> FramePreparation {
        do throws(ImagingError) { return try FramePreparation(preprocessing) } catch {
            throw Refusal(.prepare, "\(error)")
        }
    }

    /// Reads one frame, whose samples and tables lie in `planes`.
    func read(_ frame: FrameGeometry, planes: UnsafeRawBufferPointer) throws(Refusal) -> ReadingMessage {
        let start = Instant.now
        try prepare(frame, Self.samples(of: frame, planes), planes, with: preparation)
        let between = Instant.now
        let (logits, features) = try output()
        guard logits.allSatisfy(\.isFinite) else { throw Refusal(.network, "the network's outputs are not finite") }
        let probabilities = Probabilities.of(logits: logits, manifest: manifest)
        return ReadingMessage(
            probabilities: probabilities, distance: statistics?.distance(features),
            prepareMilliseconds: between.seconds(since: start) * 1e3,
            networkMilliseconds: Instant.now.seconds(since: between) * 1e3)
    }

    private static func samples(of frame: FrameGeometry, _ planes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: planes[frame.offset..<frame.offset + frame.bytes])
    }

    /// A small picture of one frame.
    func thumbnail(_ frame: FrameGeometry, planes: UnsafeRawBufferPointer) throws(Refusal) -> Thumbnail {
        do throws(ImagingError) {
            return try Thumbnail.make(
                frame, samples: Self.samples(of: frame, planes), planes: planes, intensity: preprocessing.intensity)
        } catch {
            throw Refusal(.prepare, "\(error)")
        }
    }

    /// Reproduces the package's own examples with the package's own preprocessing.
    ///
    /// - Returns: nil when the package has none.
    /// - Throws: when an example cannot be computed at all.
    func selfTest() throws(Refusal) -> SelfTestResult? {
        let test: SelfTest
        do throws(EfficientNetError) {
            guard let found = try ModelPackage.selfTest(in: folder, manifest: manifest) else { return nil }
            test = found
        } catch {
            throw Refusal(.network, "\(error)")
        }
        let preparation = try Self.preparation(manifest.preprocessing)
        var result = SelfTestResult(cases: 0, preparedError: 0, logitsError: 0, precision: network.precision)
        for example in test.cases {
            try prepare(example, with: preparation)
            let logits = try output().logits
            result.cases += 1
            result.preparedError = max(result.preparedError, Self.largestDifference(prepared, example.prepared))
            result.logitsError = max(
                result.logitsError, Self.largestDifference(logits, example.logits) / Self.deviation(example.logits))
        }
        return result
    }

    private func output() throws(Refusal) -> (logits: [Float], features: [Float]) {
        let result = prepared.withUnsafeBufferPointer { input in
            Result { () throws(EfficientNetError) in try network.reading(prepared: input) }
        }
        do throws(EfficientNetError) { return try result.get() } catch { throw Refusal(.network, "\(error)") }
    }

    private func prepare(_ example: SelfTest.Case, with preparation: FramePreparation) throws(Refusal) {
        let sample: SampleType =
            switch example.samples {
            case .uint8: .u8
            case .uint16: .u16
            }
        let frame = FrameGeometry(
            width: example.width, height: example.height, channels: example.channels, sample: sample)
        func prepare(_ bytes: UnsafeRawBufferPointer) -> Result<Void, Refusal> {
            Result { () throws(Refusal) in try self.prepare(frame, bytes, bytes, with: preparation) }
        }
        switch example.samples {
        case .uint8(let samples): try samples.withUnsafeBytes(prepare).get()
        case .uint16(let samples): try samples.withUnsafeBytes(prepare).get()
        }
    }

    private func prepare(
        _ frame: FrameGeometry, _ samples: UnsafeRawBufferPointer, _ planes: UnsafeRawBufferPointer,
        with preparation: FramePreparation
    ) throws(Refusal) {
        var failure: ImagingError?
        prepared.withUnsafeMutableBufferPointer { buffer in
            do throws(ImagingError) {
                try preparation.prepare(frame, samples: samples, planes: planes, into: buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw Refusal(.prepare, "\(failure)") }
    }

    /// Infinite when the sizes differ or a value is not finite.
    private static func largestDifference(_ found: [Float], _ promised: [Float]) -> Double {
        guard found.count == promised.count else { return .infinity }
        return zip(found, promised).reduce(0) { largest, pair in
            let difference = Double(abs(pair.0 - pair.1))
            return difference.isFinite ? max(largest, difference) : .infinity
        }
    }

    /// Standard deviation, at least 1e-6 (a model of one label has none).
    private static func deviation(_ values: [Float]) -> Double {
        let mean = values.reduce(0) { $0 + Double($1) } / Double(max(values.count, 1))
        let variance =
            values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(max(values.count, 1))
        return variance > 1e-12 ? variance.squareRoot() : max(abs(mean), 1e-6)
    }
}
