import Dispatch
public import EfficientNet
import Foundation
import Imaging
import Pipeline
import Synchronization
public import Tensors

/// Reads labelled scans with a model: decoded in sandboxed processes and prepared as a run does it, one lane per thread.
///
///     let readings = try Evaluator(package, threads: 2).read(data.scans) { done in … }
public struct Evaluator: Sendable {
    /// One frame as the model read it. A scan of several frames has as many readings, all with its labels.
    public struct Reading: Sendable {
        /// Index into the scans that were given.
        public var scan: Int
        /// Of the frame in its scan, from 0.
        public var frame: Int
        /// One per label.
        public var logits: [Float]
        /// From what the model was trained on; nil for a model without statistics.
        public var distance: Double?
        /// The patient: the manifest's, else the file's.
        public var patient: String?
    }

    /// What became of all scans.
    public struct Readings: Sendable {
        /// In the scans' and frames' order.
        public var frames: [Reading] = []
        /// Scans that could not be read.
        public var unreadable: [DataError.UnreadableScan] = []
    }

    /// The model.
    public let package: ModelPackage
    private let statistics: FeatureStatistics?
    private let threads: Int
    private let precision: Precision

    /// - Parameter threads: Lanes, each with a network and a decoder of its own.
    /// - Throws: `EfficientNetError` for statistics that do not fit the model.
    public init(_ package: ModelPackage, threads: Int, precision: Precision = .f32) throws(EfficientNetError) {
        self.package = package
        self.threads = max(threads, 1)
        self.precision = precision
        statistics = try package.statistics()
    }

    private struct Progress {
        var next = 0
        var done = 0
        var results: [Int: Result<[Reading], DataError.UnreadableScan>] = [:]
        var failure: (any Error)?

        mutating func take(of count: Int) -> Int? {
            guard failure == nil, next < count else { return nil }
            next += 1
            return next - 1
        }
    }

    /// Reads every scan.
    ///
    /// - Parameter progress: Called from any lane with how many are done.
    /// - Throws: `PipelineError` or `EfficientNetError` where this machine cannot decode or compute anything.
    public func read(_ scans: [LabelledScan], progress: @Sendable (Int) -> Void = { _ in }) throws -> Readings {
        let state = Mutex(Progress())
        DispatchQueue.concurrentPerform(iterations: min(threads, max(scans.count, 1))) { _ in
            do {
                let lane = try EvaluationLane(package, statistics: statistics, precision: precision)
                while let index = state.withLock({ $0.take(of: scans.count) }) {
                    let result = try lane.read(scans[index], index: index)
                    let done = state.withLock {
                        $0.results[index] = result
                        $0.done += 1
                        return $0.done
                    }
                    progress(done)
                }
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
        let (results, failure) = state.withLock { ($0.results, $0.failure) }
        if let failure { throw failure }
        var readings = Readings()
        for index in scans.indices {
            switch results[index] {
            case .success(let frames): readings.frames += frames
            case .failure(let unreadable): readings.unreadable.append(unreadable)
            case nil: break
            }
        }
        return readings
    }

    /// Small pictures (PNG) of some frames, as reports show them; nil where a scan cannot be decoded any more.
    ///
    /// - Throws: `PipelineError` where this machine cannot decode anything.
    public func pictures(
        _ frames: [(scan: LabelledScan, frame: Int)]
    ) throws -> [[UInt8]?] {
        let source = try ScanSource()
        let preprocessing = package.manifest.preprocessing
        return frames.map { entry in
            guard let decoded = try? source.decode(entry.scan.path, slicing: preprocessing.slicing).scan,
                decoded.frames.indices.contains(entry.frame)
            else { return nil }
            return try? decoded.withSamples(ofFrame: entry.frame) { samples throws(ImagingError) in
                try Thumbnail.make(
                    decoded.frames[entry.frame], samples: samples, planes: decoded.planes.bytes,
                    intensity: preprocessing.intensity)
            }.png()
        }
    }
}

/// What one thread reads with.
private struct EvaluationLane {
    private let network: Network
    private let preparation: FramePreparation
    private let source: ScanSource
    private let statistics: FeatureStatistics?

    init(_ package: ModelPackage, statistics: FeatureStatistics?, precision: Precision) throws {
        network = try package.makeNetwork(precision: precision)
        preparation = try FramePreparation(package.manifest.preprocessing)
        source = try ScanSource()
        self.statistics = statistics
    }

    /// - Throws: what stops every scan; what is wrong with this one is the result.
    func read(
        _ scan: LabelledScan, index: Int
    ) throws -> Result<[Evaluator.Reading], DataError.UnreadableScan> {
        do {
            let decoded = try source.decode(scan.path, slicing: preparation.preprocessing.slicing).scan
            return .success(
                try decoded.frames.indices.map { frame in
                    let input = try preparation.input(of: decoded, frame: frame, named: scan.path)
                    let (logits, features) = try input.scalars.withUnsafeBufferPointer {
                        try network.reading(prepared: $0)
                    }
                    return Evaluator.Reading(
                        scan: index, frame: frame, logits: logits, distance: statistics?.distance(features),
                        patient: scan.patient ?? decoded.description.patientKey)
                })
        } catch {
            guard let unreadable = DataError.UnreadableScan(scan, error) else { throw error }
            return .failure(unreadable)
        }
    }
}
