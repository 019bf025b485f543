/// What a run is asked to do; two starts with the same study, model, preprocessing and origin are the same run.
public struct RunStart: Sendable, Hashable {
    /// Name of the study.
    public var study: String
    /// The model that reads.
    public var model: ModelRecord
    /// SHA-256, hexadecimal, part of every reading's identity.
    public var preprocessingDigest: String
    /// The preprocessing in words that a program can read.
    public var preprocessingJSON: String
    /// Absolute path of the pipeline file.
    public var pipelinePath: String
    /// The pipeline file's text, as read.
    public var pipelineYAML: String
    /// The run whose scans are read again with another model, if this is a re-run.
    public var rerunOf: String?
    /// `nightread 0.1.0`.
    public var program: String
    /// Lanes that read scans at the same time.
    public var workers: Int
    /// How frames and scans are brought together in reports.
    public var aggregation: Aggregation

    /// See the properties.
    public init(
        study: String, model: ModelRecord, preprocessingDigest: String, preprocessingJSON: String, pipelinePath: String,
        pipelineYAML: String, rerunOf: String? = nil, program: String, workers: Int,
        aggregation: Aggregation = Aggregation()
    ) {
        self.study = study
        self.model = model
        self.preprocessingDigest = preprocessingDigest
        self.preprocessingJSON = preprocessingJSON
        self.pipelinePath = pipelinePath
        self.pipelineYAML = pipelineYAML
        self.rerunOf = rerunOf
        self.program = program
        self.workers = workers
        self.aggregation = aggregation
    }
}

/// Where a run stands. A killed run stays `running` until it is resumed.
public enum RunStatus: String, Sendable, Hashable {
    case running, interrupted, finished
}

/// One pass of one model over a study.
public struct RunRecord: Sendable, Hashable {
    /// Readable and unique, such as `20261124-013005-b0-7f3a`.
    public let id: String
    /// Name of the study.
    public let study: String
    /// The model that reads.
    public let model: ModelRecord
    /// SHA-256 of the preprocessing, hexadecimal.
    public let preprocessingDigest: String
    /// The preprocessing in words that a program can read.
    public let preprocessingJSON: String
    /// Absolute path of the pipeline file.
    public let pipelinePath: String
    /// The pipeline file's text, as read.
    public let pipelineYAML: String
    /// The run whose scans this run reads again.
    public let rerunOf: String?
    /// Where the run stands.
    public let status: RunStatus
    /// Program and version that started the run.
    public let program: String
    /// Machine on which it started.
    public let host: String
    /// Who started it.
    public let actor: String
    /// First start.
    public let startedAt: Timestamp
    /// When it last ended; nil while it runs, and for a run that was killed.
    public let endedAt: Timestamp?
    /// How frames and scans are brought together in reports; of the last start or resumption.
    public let aggregation: Aggregation
    /// First start, then one per resumption.
    public let sessions: [Session]

    /// The time between a start or resumption and the stop that followed.
    public struct Session: Sendable, Hashable {
        /// Lanes that read at the same time.
        public let workers: Int
        /// Process of the supervisor.
        public let pid: Int32
        /// Machine on which it started.
        public let host: String
        /// First start.
        public let startedAt: Timestamp
        /// The last moment of which the store knows: the end, or the last scan before a kill.
        public let lastAt: Timestamp
        /// Nil while it runs, and for a session that was killed.
        public let endedAt: Timestamp?
        /// Why it stopped, where that was recorded.
        public let reason: String?
    }

    /// True when `beginRun` went on with a run that had not finished.
    public var isResumed: Bool { sessions.count > 1 }

    /// Wall-clock seconds of all sessions; time between sessions does not count.
    public var activeSeconds: Double { sessions.reduce(0) { $0 + $1.lastAt.seconds(since: $1.startedAt) } }
}
