import CSystem
import EfficientNet
import Foundation
import Imaging
import Store

/// One of the run's threads: takes a path, has it decoded and read by processes of its own, hands the outcome over to be
/// recorded. Whatever dies on the way costs that scan one recorded failure and is replaced.
final class Lane {
    /// How often a file is read again that changed while it was read.
    private static let attempts = 3
    /// How often processes may fail to start in a row, before the run gives up.
    private static let startAttempts = 3
    /// Truncated files younger than this are still being written, as far as anybody knows, in seconds.
    private static let youth = 3600.0

    private let session: RunSession
    private let planes: Planes
    private var decoder: DecoderProcess?
    private var worker: WorkerProcess?

    init(_ session: RunSession) throws(PipelineError) {
        self.session = session
        planes = try Planes(capacity: session.pipeline.limits.scan.maxPlaneBytes)
    }

    /// Works until there is nothing left to take.
    func run() {
        session.options.profile?.started()
        defer { session.options.profile?.ended() }
        while let path = session.timing(.idle, { session.queue.next() }) {
            do throws(PipelineError) {
                try session.checkFreeSpace()
                if let finished = try process(path) {
                    session.timing(.store) { session.recorder.record(finished) }
                    continue
                }
                session.dropped(path)
            } catch {
                session.dropped(path)
                session.abort(error)
            }
            session.queue.done()
        }
    }

    /// - Returns: nil when the run is being stopped at once.
    private func process(_ path: String) throws(PipelineError) -> FinishedScan? {
        let start = Instant.now
        let deadline = start.advanced(seconds: session.pipeline.limits.seconds)
        var stamp: FileStamp?
        var digest: String?
        // Whatever happens from here on: nobody may be left waiting for what becomes of this content.
        defer { if let digest { session.claims.giveBack(digest, for: path) } }
        var outcome = ScanOutcome.failed(
            ScanFailure(stage: .hash, kind: .changing, reason: "the file did not stay the same while it was read"))
        if session.options.watch != nil { outcome = .incomplete(reason: "still being written") }
        for _ in 0..<Self.attempts {
            let file: ScanFile
            do throws(ScanFile.OpenFailure) {
                file = try ScanFile(opening: path)
            } catch {
                switch error {
                case .skipped(let rule): outcome = .other(.skipped(rule: rule.rawValue))
                case .failed(let failure): outcome = .failed(failure)
                }
                break
            }
            stamp = file.stamp
            digest = nil
            if let result = try look(at: file, digest: &digest, until: deadline) {
                outcome = result
                break
            }
            if let digest { session.claims.giveBack(digest, for: path) }
        }
        if let digest, outcome.speaksForContent { session.claims.settle(digest, for: path) }
        return FinishedScan(
            path: path, outcome, stamp: stamp, digest: digest, labels: session.model.labels,
            milliseconds: Instant.now.seconds(since: start) * 1e3)
    }

    /// - Returns: nil when the file changed meanwhile, so that all of it has to be done again.
    private func look(
        at file: ScanFile, digest: inout String?, until deadline: Instant
    ) throws(PipelineError) -> ScanOutcome? {
        let limits = session.pipeline.limits
        if file.stamp.size == 0 || file.stamp.size > limits.scan.maxFileBytes,
            !session.pipeline.expectsScan(at: file.path)
        {
            return .other(.skipped(rule: SkipRule.notAScan.rawValue))
        }
        guard file.stamp.size > 0 else {
            return incompleteOrFailed(file, .empty, "the file has no bytes", stage: .open)
        }
        guard file.stamp.size <= limits.scan.maxFileBytes else {
            return .failed(
                ScanFailure(
                    stage: .open, kind: .overLimit,
                    reason: "expected a file of at most \(limits.scan.maxFileBytes) bytes (limits.file_bytes), found "
                        + "\(file.stamp.size)"))
        }
        let known: String? = try session.storing { (store) throws(StoreError) in
            try store.knownDigest(path: file.path, stamp: file.stamp)
        }
        if known == nil {
            do throws(SystemError) {
                digest = try session.timing(.hash) { () throws(SystemError) in
                    try file.digest { Instant.now < deadline }
                }
            } catch {
                return .failed(ScanFailure(stage: .hash, kind: .io, reason: "the file cannot be read: \(error)"))
            }
            guard digest != nil else {
                return Instant.now < deadline ? nil : .failed(timeout(.hash, "hashing \(file.stamp.size) bytes"))
            }
            guard file.isUnchanged() else { return nil }
        } else {
            digest = known
        }
        guard let sha256 = digest else { return nil }
        let hashed = Instant.now
        let other = session.timing(.idle) { session.claims.claim(sha256, for: file.path) }
        if let other { return .other(.duplicate(of: other)) }
        let deadline = deadline.advanced(seconds: Instant.now.seconds(since: hashed))
        if let outcome = try recognise(sha256) { return outcome }
        if !session.options.retryQuarantined {
            let crashes: Int = try session.storing { (store) throws(StoreError) in
                try store.crashFailures(sha256: sha256)
            }
            if crashes >= 2 {
                return .other(
                    .quarantined(
                        reason: "this content took processes down in \(crashes) runs; try it again with "
                            + "nightread run --retry-quarantined"))
            }
        }
        let outcome = try decodeAndRead(file, sha256: sha256, until: deadline)
        return file.isUnchanged() ? outcome : nil
    }

    /// What can be said of a content from what the store knows of it; nil where it has to be decoded.
    private func recognise(_ sha256: String) throws(PipelineError) -> ScanOutcome? {
        let selection = session.pipeline.selection
        return try session.storing { (store) throws(StoreError) -> ScanOutcome? in
            if !selection.wanted.isEmpty {
                guard let attributes = try store.scan(sha256: sha256)?.attributes else { return nil }
                if let rule = selection.exclusion(of: attributes) { return .excluded(rule: rule, scan: nil) }
            }
            return try store.knownScan(
                sha256: sha256, model: session.model.digest, preprocessing: session.preprocessingDigest
            ).map { .read($0, [], call: nil) }
        }
    }

    private func decodeAndRead(
        _ file: ScanFile, sha256: String, until deadline: Instant
    ) throws(PipelineError) -> ScanOutcome {
        let decoder = try startDecoder()
        let start = Instant.now
        let answer: DecoderAnswer
        do throws(ChildFailure) {
            answer = try decoder.decode(
                file.descriptor, into: planes, limits: session.pipeline.limits, slicing: session.preprocessing.slicing,
                least: LeastSize(for: session.preprocessing), until: deadline)
        } catch {
            self.decoder = nil
            return lost(error, stage: .decode)
        }
        let decodeMilliseconds = Instant.now.seconds(since: start) * 1e3
        session.options.profile?.add(decodeMilliseconds / 1e3, to: .decode)
        switch answer {
        case .refused(_, .noPicture, _): return .other(.skipped(rule: SkipRule.noPicture.rawValue))
        case .refused(_, .unrecognised, _) where !session.pipeline.expectsScan(at: file.path):
            return .other(.skipped(rule: SkipRule.notAScan.rawValue))
        case .refused(_, let kind, let reason):
            return incompleteOrFailed(file, FailureKind(kind), reason, stage: .decode)
        case .lost(let kind, let reason):
            return .failed(ScanFailure(stage: .decode, kind: kind, reason: reason))
        case .decoded(let format, let description, let frames):
            defer { planes.release(after: frames.reduce(0) { max($0, $1.offset + $1.bytes) }) }
            // The decoder has sent at least one frame: its answer was checked for that.
            let first = frames[0]
            let attributes = session.naming.attributes(of: description)
            let scan = ScanRecord(
                sha256: sha256, size: file.stamp.size, format: format.description.lowercased(), width: first.fullWidth,
                height: first.fullHeight, channels: first.channels,
                frames: max(description.framesInFile, frames.reduce(0) { max($0, $1.number + 1) }), bits: first.bits,
                attributes: attributes)
            if let rule = session.pipeline.selection.exclusion(of: attributes) {
                return .excluded(rule: rule, scan: scan)
            }
            return try read(frames, of: scan, decodeMilliseconds: decodeMilliseconds, until: deadline)
        }
    }

    private func read(
        _ frames: [FrameGeometry], of scan: ScanRecord, decodeMilliseconds: Double, until deadline: Instant
    ) throws(PipelineError) -> ScanOutcome {
        var readings: [NewReading] = []
        let worker = try startWorker()
        for frame in frames {
            do throws(ChildFailure) {
                switch try worker.read(frame, until: deadline) {
                case .done(let message):
                    session.options.profile?.add(message.prepareMilliseconds / 1e3, to: .prepare)
                    session.options.profile?.add(message.networkMilliseconds / 1e3, to: .network)
                    readings.append(
                        NewReading(
                            frame: frame.number, probabilities: message.probabilities, distance: message.distance,
                            isAbstained: isAbstained(message.distance),
                            decodeMilliseconds: readings.isEmpty ? decodeMilliseconds : 0,
                            prepareMilliseconds: message.prepareMilliseconds,
                            networkMilliseconds: message.networkMilliseconds))
                case .refused(let stage, let reason):
                    return .failed(
                        ScanFailure(stage: stage, kind: .unusable, reason: "frame \(frame.number): \(reason)"))
                }
            } catch {
                self.worker = nil
                return lost(error, stage: .network)
            }
        }
        let joint = session.model.call(readings.map(\.part), rule: session.pipeline.aggregation.frames)
        // The report shows the frame that carries a finding, and one of every scan that is unlike the training's.
        if let joint, [.finding, .abstained].contains(joint.call.kind) {
            let carrier = joint.carrier
            do throws(ChildFailure) {
                if case .done(let thumbnail) = try worker.thumbnail(frames[carrier], until: deadline) {
                    // A picture that cannot be encoded is missing in the report; the reading is worth more.
                    readings[carrier].thumbnailPNG = try? thumbnail.png()
                }
            } catch {
                self.worker = nil
                return lost(error, stage: .network)
            }
        }
        return .read(scan, readings, call: joint)
    }

    private func isAbstained(_ distance: Double?) -> Bool {
        guard session.abstains, let distance, let statistics = session.packed.statistics else { return false }
        return statistics.abstains(distance: distance)
    }

    // MARK: Failures

    private func timeout(_ stage: ScanFailure.Stage, _ what: String) -> ScanFailure {
        ScanFailure(
            stage: stage, kind: .timeout,
            reason: "\(what) took longer than \(session.pipeline.limits.seconds) s (limits.seconds)")
    }

    private func lost(_ failure: ChildFailure, stage: ScanFailure.Stage) -> ScanOutcome {
        switch failure {
        case .cancelled: .dropped
        case .timedOut: .failed(timeout(stage, stage == .decode ? "decoding" : "reading"))
        case .died(let reason), .untrustworthy(let reason), .notStarted(let reason):
            .failed(ScanFailure(stage: stage, kind: .crash, reason: reason))
        }
    }

    /// A file that ends early is a failure, unless it is young and will be looked at again.
    private func incompleteOrFailed(
        _ file: ScanFile, _ kind: FailureKind, _ reason: String, stage: ScanFailure.Stage
    ) -> ScanOutcome {
        let age = Date().timeIntervalSince1970 - Double(file.stamp.mtimeNanoseconds) / 1e9
        if session.options.watch != nil, kind == .truncated || kind == .empty, age < Self.youth {
            return .incomplete(reason: reason)
        }
        return .failed(ScanFailure(stage: stage, kind: kind, reason: reason))
    }

    // MARK: Processes

    @discardableResult
    private func startDecoder() throws(PipelineError) -> DecoderProcess {
        if let decoder { return decoder }
        var reason = ""
        for _ in 0..<Self.startAttempts {
            do throws(ChildFailure) {
                let decoder = try DecoderProcess(program: session.program, cancel: session.cancel)
                try decoder.probe(planes)
                self.decoder = decoder
                return decoder
            } catch {
                reason = "\(error)"
            }
        }
        throw .processes(reason: "decoder processes do not start (tried \(Self.startAttempts) times): \(reason)")
    }

    @discardableResult
    private func startWorker() throws(PipelineError) -> WorkerProcess {
        if let worker { return worker }
        var reason = ""
        let start = WorkerStart(
            package: session.modelPath, preprocessing: session.preprocessing, sharedBytes: session.packed.bytes,
            limits: session.pipeline.limits.scan, planesCapacity: planes.capacity, selfTest: false)
        for _ in 0..<Self.startAttempts {
            do throws(WorkerStartFailure) {
                let worker = try WorkerProcess.starting(
                    start, planes: planes, model: session.packed, digest: session.model.digest,
                    labels: session.model.labels.count,
                    activation: session.activation, program: session.program, cancel: session.cancel,
                    until: Instant.now.advanced(seconds: 300))
                self.worker = worker
                return worker
            } catch {
                switch error {
                case .model(let reason): throw .model(path: session.modelPath, reason: reason)
                case .process(let failure): reason = "\(failure)"
                }
            }
        }
        throw .processes(reason: "worker processes do not start (tried \(Self.startAttempts) times): \(reason)")
    }
}

extension FailureKind {
    init(_ kind: ImagingError.DecodeFailure) {
        switch kind {
        case .empty: self = .empty
        case .unrecognised: self = .unrecognised
        case .truncated: self = .truncated
        case .corrupt: self = .corrupt
        case .unsupported: self = .unsupported
        case .overLimit: self = .overLimit
        case .noMemory: self = .memory
        case .io: self = .io
        case .noPicture: self = .noPicture
        }
    }
}
