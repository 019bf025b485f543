import ArgumentParser
import Conversion
import EfficientNet
import Foundation
import Imaging
import Pipeline
import Reporting
import Store
import Tensors
import Training

/// What the program's exit status says; the numbers above 3 are those of BSD's sysexits.h.
enum ExitStatus: Int32 {
    /// Everything was read.
    case success = 0
    /// The run finished, and some scans failed; the report lists them. Of a command that reads one scan: that one failed.
    case someFailed = 3
    /// Bad usage, or a pipeline file that cannot be used.
    case usage = 64
    /// An input is missing.
    case inputMissing = 66
    /// An output cannot be created.
    case cannotCreate = 73
    /// Input or output failed, the disk is full, or the model does not work here.
    case inputOutput = 74
    /// Stopped by a signal; run again to resume.
    case stopped = 75

    /// What a run's end means.
    init(_ result: RunResult) {
        switch result.end {
        case .finished: self = result.ledger.failed + result.ledger.quarantined > 0 ? .someFailed : .success
        case .stopped: self = .stopped
        case .aborted(let error): self = ExitStatus(error)
        }
    }

    /// What an error means.
    init(_ error: PipelineError) {
        switch error {
        case .invalidFile(let problems): self = problems.allSatisfy { $0.kind == .missing } ? .inputMissing : .usage
        case .unreadableFile(_, let isMissing, _): self = isMissing ? .inputMissing : .usage
        case .usage: self = .usage
        case .missing: self = .inputMissing
        case .output: self = .cannotCreate
        case .system, .model, .processes, .diskSpace: self = .inputOutput
        case .store(let error): self = ExitStatus(error)
        case .scan(let error): self = ExitStatus(error)
        case .lostScan: self = .someFailed
        }
    }

    /// What an error of the store means.
    init(_ error: StoreError) {
        switch error {
        case .missing, .noSuchRun, .ambiguousRun: self = .inputMissing
        case .notAStore, .version, .networkFileSystem, .invalid, .identifiers: self = .usage
        case .missingFolder, .readOnly, .outputRefused: self = .cannotCreate
        case .locked, .busy, .corrupt, .diskFull, .outputFull, .io: self = .inputOutput
        }
    }

    /// Prints `error` for people and ends the command with its status.
    static func leave(_ error: any Error) -> ExitCode {
        let message = "\(error)".split(separator: "\n", omittingEmptySubsequences: false).map { printable(String($0)) }
        FileHandle.standardError.write(Data("nightread: \(message.joined(separator: "\n"))\n".utf8))
        return ExitStatus(error).code
    }

    /// What an error of a model or its input means.
    init(_ error: EfficientNetError) {
        switch error {
        case .tensors(.missingFile), .tensors(.cannotRead), .cannotRead: self = .inputMissing
        case .tensors(.cannotWrite), .cannotWrite: self = .cannotCreate
        default: self = .usage
        }
    }

    /// What an error of somebody else's weights means.
    init(_ error: ConversionError) {
        switch error {
        case .model(let error): self = ExitStatus(error)
        case .unreadable, .notOurs, .mismatch, .option, .notExportable: self = .usage
        }
    }

    /// What an error of a scan that is read by itself means.
    init(_ error: ImagingError) {
        switch error {
        case .badPreprocessing, .badLimits, .noSuchFrame: self = .usage
        case .unreadable: self = .inputMissing
        default: self = .someFailed
        }
    }

    /// What an error of a training's data and files means.
    init(_ error: DataError) {
        switch error {
        case .unusable, .unreadable, .leakage, .notFinite: self = .usage
        case .exists: self = .cannotCreate
        case .cache: self = .inputOutput
        case .checkpoint(let error): self = ExitStatus(error)
        }
    }

    /// What any error means.
    init(_ error: any Error) {
        switch error {
        case let error as EfficientNetError: self = ExitStatus(error)
        case let error as ConversionError: self = ExitStatus(error)
        case let error as ImagingError: self = ExitStatus(error)
        case let error as TensorError: self = ExitStatus(.tensors(error))
        case TrainingError.tensors(let error): self = ExitStatus(.tensors(error))
        case TrainingError.weights(let error): self = ExitStatus(error)
        case is TrainingError: self = .usage
        case let error as DataError: self = ExitStatus(error)
        case let error as PipelineError: self = ExitStatus(error)
        case let error as StoreError: self = ExitStatus(error)
        case ReportingError.store(let error): self = ExitStatus(error)
        case ReportingError.incomparable: self = .usage
        case is PhantomStudy.Failure: self = .cannotCreate
        default: self = .inputOutput
        }
    }

    var code: ExitCode { ExitCode(rawValue) }

    /// For people, at the end of a run.
    var meaning: String {
        switch self {
        case .success: "everything was read"
        case .someFailed: "finished, and some scans failed; the report lists them"
        case .usage: "bad usage or pipeline file"
        case .inputMissing: "an input is missing"
        case .cannotCreate: "an output cannot be created"
        case .inputOutput: "input or output failed; what was read is stored, run again to go on"
        case .stopped: "stopped; run again to go on"
        }
    }
}
