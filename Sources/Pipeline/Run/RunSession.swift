import CSystem
import EfficientNet
import Foundation
import Store
import Synchronization

/// What the lanes of one run share. Everything here may be used from any thread.
final class RunSession: Sendable {
    let pipeline: PipelineFile
    let model: ModelRecord
    /// Folder of the model package.
    let modelPath: String
    let activation: ModelManifest.Activation
    let preprocessing: Preprocessing
    let preprocessingDigest: String
    /// Whether no call is made of scans unlike what the model was trained on.
    let abstains: Bool
    let packed: SharedModel
    let store: StudyStore
    let run: RunRecord
    let naming: PatientNaming
    let program: ChildProgram
    let options: RunOptions
    let queue = WorkQueue()
    let recorder = Recorder()
    let claims = ContentClaims()
    /// Raised when scans in hand are to be dropped.
    let cancel: Flag
    /// Raised when there is something in the mailbox, or a lane ended.
    let news: Flag

    private struct Shared {
        var events: [RunEvent] = []
        /// Paths whose scans are incomplete, to be looked at again while watching.
        var comeBack: [String] = []
        /// Paths that were in hand when the run was stopped at once.
        var dropped: [String] = []
        var abort: PipelineError?
        var lanes = 0
    }
    private let shared = Mutex(Shared())

    init(
        pipeline: PipelineFile, model: LoadedModel, store: StudyStore, run: RunRecord, naming: PatientNaming,
        program: ChildProgram, options: RunOptions
    ) throws(PipelineError) {
        self.pipeline = pipeline
        self.model = model.record
        modelPath = model.path
        activation = model.activation
        preprocessing = model.preprocessing
        preprocessingDigest = model.preprocessingDigest
        abstains = model.abstains
        packed = model.packed
        self.store = store
        self.run = run
        self.naming = naming
        self.program = program
        self.options = options
        cancel = try Flag()
        news = try Flag()
    }

    // MARK: Events

    /// Tells the thread that shows the run.
    func post(_ event: RunEvent) {
        shared.withLock { $0.events.append(event) }
        news.raise()
    }

    /// What was told since the last call, in order.
    func takeEvents() -> [RunEvent] {
        shared.withLock { shared in
            defer { shared.events = [] }
            return shared.events
        }
    }

    // MARK: Scans that are not complete yet

    func comeBack(to path: String) { shared.withLock { $0.comeBack.append(path) } }

    func takeComeBacks() -> [String] {
        shared.withLock { shared in
            defer { shared.comeBack = [] }
            return shared.comeBack
        }
    }

    // MARK: The end

    /// A path in hand got no outcome.
    func dropped(_ path: String) { shared.withLock { $0.dropped.append(path) } }

    /// Everything that was to be read and got no outcome. Complete once all lanes have ended.
    var leftOver: [String] { shared.withLock { $0.dropped } + queue.leftOver() }

    /// The run cannot go on; the first reason stands.
    func abort(_ error: PipelineError) {
        shared.withLock { if $0.abort == nil { $0.abort = error } }
        queue.stop()
        news.raise()
    }

    var abortReason: PipelineError? { shared.withLock { $0.abort } }

    func laneStarted() { shared.withLock { $0.lanes += 1 } }

    func laneEnded() {
        shared.withLock { $0.lanes -= 1 }
        news.raise()
    }

    var lanes: Int { shared.withLock { $0.lanes } }

    /// Throws when the store's disk is nearly full.
    func checkFreeSpace() throws(PipelineError) {
        let folder = URL(fileURLWithPath: store.path).deletingLastPathComponent().path
        var free: UInt64 = 0
        let error = nr_free_space(folder, &free)
        guard error == 0 else { throw .system(action: "\(folder): asking for free space", code: error) }
        guard free >= pipeline.freeSpace else {
            throw .diskSpace(path: folder, free: free, floor: pipeline.freeSpace)
        }
    }
}

/// How a run is to be done, beside what the pipeline file says.
public struct RunOptions: Sendable {
    /// Read at most so many scans in this go; nil: all.
    public var limit: Int?
    /// Scans read at the same time; nil: as the pipeline file says.
    public var workers: Int?
    /// Another store than the pipeline file's.
    public var store: String?
    /// Another variant than the pipeline file's first.
    public var variant: Variant?
    /// Try content again that took processes down in two runs.
    public var retryQuarantined = false
    /// Whether the run goes on looking for new scans until it is stopped.
    public var watch: WatchOptions?
    /// Filled with where the lanes' time goes; nil: nobody asked.
    public var profile: RunProfile?
    /// Read these paths, which an earlier run read, instead of looking into the inputs.
    public var rerun: RerunSource?

    /// A plain run.
    public init() {}
}

/// How long to watch.
public struct WatchOptions: Sendable {
    /// Seconds from the start after which watching ends; nil: only a signal ends it.
    public var seconds: Double?

    /// Watches for `seconds`, or until a signal comes.
    public init(seconds: Double? = nil) { self.seconds = seconds }
}

/// The scans of an earlier run.
public struct RerunSource: Sendable {
    /// The run whose scans are read again.
    public var run: String
    /// Their paths.
    public var paths: [String]

    /// The `paths` that `run` read.
    public init(run: String, paths: [String]) {
        self.run = run
        self.paths = paths
    }
}
