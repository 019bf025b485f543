public import Imaging
public import Store

/// What can go wrong before, around and during a run; a scan's own failure is not an error but a recorded outcome.
public enum PipelineError: Error, CustomStringConvertible, Equatable {
    /// A pipeline file that cannot be used, with everything found wrong in it.
    case invalidFile([PipelineProblem])
    /// The pipeline file itself cannot be read.
    case unreadableFile(path: String, isMissing: Bool, cause: String)
    /// The command asks for something that the pipeline file does not offer.
    case usage(String)
    /// A path that has to exist does not, or is not a folder.
    case missing(what: String, path: String, cause: String)
    /// A system call that a run cannot do without failed.
    case system(action: String, code: Int32)
    /// A model package that does not reproduce what it promises.
    case model(path: String, reason: String)
    /// Decoder or worker processes cannot be started, again and again.
    case processes(reason: String)
    /// Too little room on the disk that holds `path` to go on safely.
    case diskSpace(path: String, free: UInt64, floor: UInt64)
    /// The store refused; nothing that was stored is lost.
    case store(StoreError)
    /// A scan that a command reads by itself cannot be opened, decoded or prepared.
    case scan(ImagingError)
    /// A scan that a command reads by itself took its decoder down.
    case lostScan(path: String, kind: FailureKind, reason: String)
    /// A report's place cannot be written to.
    case output(path: String, cause: String)

    /// The message shown.
    public var description: String {
        switch self {
        case .invalidFile(let problems): problems.map(\.description).joined(separator: "\n")
        case .unreadableFile(let path, _, let cause): "\(path): cannot be read: \(cause)"
        case .usage(let message): message
        case .missing(let what, let path, let cause): "\(path): \(what): \(cause)"
        case .system(let action, let code): "\(action): \(systemMessage(code))"
        case .model(let path, let reason): "\(path): \(reason)"
        case .processes(let reason): reason
        case .diskSpace(let path, let free, let floor):
            "\(path): only \(ByteSize.text(free)) left on this disk, below the floor of \(ByteSize.text(floor)) "
                + "(free_space in the pipeline file); make room and run again, nothing that was read is lost"
        case .store(let error): error.description
        case .scan(let error): error.description
        case .lostScan(let path, let kind, let reason): "\(path): \(kind.rawValue): \(reason)"
        case .output(let path, let cause):
            "\(path): the report cannot be written here: \(cause); change report in the pipeline file, or the folder's permissions"
        }
    }
}

/// One thing wrong in a pipeline file, and where.
public struct PipelineProblem: Sendable, Hashable, CustomStringConvertible {
    /// What kind of mistake it is; the exit status depends on it.
    public enum Kind: Sendable, Hashable {
        /// The file says something that is not understood.
        case syntax
        /// The file names an input or a model that is not there.
        case missing
    }

    /// The pipeline file.
    public let file: String
    /// Line in the file, from 1.
    public let line: Int
    /// The key with its parents, such as `limits.pixels`; empty when the problem is not about one key.
    public let key: String
    /// What was expected, what was found, what to do.
    public let message: String
    /// What kind of mistake it is.
    public let kind: Kind

    /// `FILE:LINE: KEY: MESSAGE`
    public var description: String { "\(file):\(line): " + (key.isEmpty ? message : "\(key): \(message)") }
}
