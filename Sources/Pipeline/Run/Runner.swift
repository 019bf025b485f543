import CSystem
import Foundation
public import Store

/// Whoever shows a run. Called on the thread that runs it, and on no other.
public protocol RunObserver: AnyObject {
    /// Something happened.
    func handle(_ event: RunEvent)
    /// About ten times a second, so that a display can be brought up to date.
    func tick()
}

/// Where stop signals come from.
public final class StopSignals {
    let descriptor: Descriptor

    /// Takes SIGINT, SIGTERM and SIGHUP out of their usual way, for the whole process. Call before any thread is started.
    public init() throws(PipelineError) {
        var number: Int32 = -1
        let error = nr_signal_descriptor(&number)
        guard error == 0 else { throw .system(action: "listening for signals", code: error) }
        descriptor = Descriptor(number)
    }

    /// The name of the next signal that came, if one did.
    func next() -> String? {
        switch nr_next_signal(descriptor.number) {
        case 0: nil
        case SIGINT: "SIGINT"
        case SIGTERM: "SIGTERM"
        case SIGHUP: "SIGHUP"
        case let other: "signal \(other)"
        }
    }
}

/// Reads what a pipeline file says: finds scans, has them read lane by lane, records every outcome.
public struct Runner {
    let pipeline: PipelineFile
    let options: RunOptions
    let version: String
    let program: ChildProgram

    /// - Parameter version: The program's, recorded with the run.
    public init(_ pipeline: PipelineFile, options: RunOptions, version: String) {
        self.pipeline = pipeline
        self.options = options
        self.version = version
        program = ChildProgram()
    }

    /// Lanes that are wanted.
    var workers: Int { options.workers ?? pipeline.workers ?? ProcessInfo.processInfo.activeProcessorCount }

    /// What a run would do, without doing it: nothing is opened, nothing is written.
    ///
    /// - Throws: `PipelineError` for a model or a store that cannot be used.
    public func plan() throws(PipelineError) -> RunPlan {
        let model = try LoadedModel(pipeline, variant: options.variant)
        var plan = RunPlan(model: model.record, read: [], undecided: [], skipped: [], unreadable: [])
        for item in items(goOn: { true }) {
            switch item.kind {
            case .candidate where pipeline.expectsScan(at: item.path): plan.read.append(item.path)
            case .candidate: plan.undecided.append(item.path)
            case .skipped(let rule): plan.skipped.append(RunPlan.Note(path: item.path, reason: rule.rawValue))
            case .failed(let failure): plan.unreadable.append(RunPlan.Note(path: item.path, reason: failure.reason))
            }
        }
        if let limit = options.limit, plan.read.count > limit {
            plan.skipped += plan.read[limit...].map { RunPlan.Note(path: $0, reason: "--limit \(limit)") }
            plan.read.removeSubrange(limit...)
        }
        return plan
    }

    /// Runs until everything is read, or until it is stopped.
    ///
    /// - Parameters:
    ///   - begin: Called once the run has its record, before the first scan.
    ///   - idle: Called while watching, when everything that was found has its outcome and something changed since the last call.
    /// - Throws: `PipelineError` when the run cannot begin. A run that began always ends with a result.
    public func run(
        signals: StopSignals, observer: any RunObserver, idle: (StudyStore, RunRecord) -> Void = { _, _ in },
        end: (StudyStore, RunResult) throws -> Void
    ) throws -> RunResult {
        try checkOutputs()
        let model = try LoadedModel(pipeline, variant: options.variant)
        // Before the store is touched: a model that does not work here leaves nothing behind.
        let selfTest = try ModelCheck.selfTest(model, limits: pipeline.limits, program: program)
        let store = try openStore()
        let naming = try PatientNaming(pipeline, store: store)
        let run: RunRecord
        do throws(StoreError) {
            run = try store.beginRun(
                RunStart(
                    study: pipeline.study, model: model.record, preprocessingDigest: model.preprocessingDigest,
                    preprocessingJSON: model.preprocessingJSON, pipelinePath: pipeline.path,
                    pipelineYAML: pipeline.text,
                    rerunOf: options.rerun?.run, program: "nightread \(version)", workers: workers,
                    aggregation: pipeline.aggregation))
        } catch {
            throw PipelineError.store(error)
        }
        let session = try RunSession(
            pipeline: pipeline, model: model, store: store, run: run, naming: naming, program: program,
            options: options)
        for note in model.notes { session.post(.notice(note)) }
        let loop = RunLoop(session, workers: workers, selfTest: selfTest, signals: signals, observer: observer)
        let result = loop.run(items: items, idle: { idle(store, run) })
        try end(store, result)
        do throws(StoreError) { try store.close() } catch { throw PipelineError.store(error) }
        return result
    }

    /// Everything that the run takes note of.
    private func items(goOn: () -> Bool) -> [InboxItem] {
        if let rerun = options.rerun { return rerun.paths.map { InboxItem(path: $0, kind: .candidate) } }
        return InboxWalker(inputs: pipeline.inputs).walk { _ in goOn() }
    }

    private func openStore() throws(PipelineError) -> StudyStore {
        let file = URL(fileURLWithPath: options.store ?? pipeline.store)
        try Self.makeFolder(file.deletingLastPathComponent(), for: file.path)
        do throws(StoreError) {
            return try StudyStore.openForWriting(file, host: ProcessInfo.processInfo.hostName, actor: NSUserName())
        } catch {
            throw .store(error)
        }
    }

    /// Finds out before the night what would fail in the morning.
    func checkOutputs() throws(PipelineError) {
        if let html = pipeline.report.html { try Self.checkWritable(URL(fileURLWithPath: html)) }
        for csv in [pipeline.report.csv, pipeline.report.groupsCSV].compactMap(\.self) {
            try Self.checkWritable(URL(fileURLWithPath: csv).deletingLastPathComponent())
        }
    }

    private static func makeFolder(_ folder: URL, for path: String) throws(PipelineError) {
        do {
            // Names of scans are names of patients often enough: what is made here is the user's alone.
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .output(path: path, cause: cause(of: error))
        }
    }

    /// Makes the folder and tries to write there: permissions alone do not tell (a full or read-only disk).
    private static func checkWritable(_ folder: URL) throws(PipelineError) {
        try makeFolder(folder, for: folder.path)
        let probe = folder.appendingPathComponent(".nightread-\(getpid()).part").path
        let descriptor = open(probe, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .output(path: folder.path, cause: systemMessage(errno)) }
        close(descriptor)
        unlink(probe)
    }

    private static func cause(of error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        return underlying.map { systemMessage(Int32($0.code)) } ?? error.localizedDescription
    }
}

/// What a run would do.
public struct RunPlan: Sendable {
    /// A path and why it is not read.
    public struct Note: Sendable, Hashable {
        /// The file or folder.
        public let path: String
        /// The rule, or the cause.
        public let reason: String
    }

    /// The model that would read.
    public let model: ModelRecord
    /// Scans, in the order in which they would be read; what is known already would be recognised by its content.
    public internal(set) var read: [String]
    /// Files whose content says whether they are scans; their names do not.
    public internal(set) var undecided: [String]
    /// What a rule leaves alone.
    public internal(set) var skipped: [Note]
    /// What cannot be looked at.
    public internal(set) var unreadable: [Note]
}
