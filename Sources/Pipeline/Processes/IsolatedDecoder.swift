import CSystem
import EfficientNet
import Foundation
public import Imaging

/// Decodes single files for commands that read no study: through a decoder process of its own, as a run does.
///
/// ```swift
/// let scan = try IsolatedDecoder().decode("chest.dcm")
/// ```
public struct IsolatedDecoder {
    /// What one scan may take.
    private let limits: PipelineFile.Limits
    private let program: ChildProgram

    /// A decoder with the limits of a pipeline file that names none.
    public init() { self.init(limits: PipelineFile.Limits(), program: ChildProgram()) }

    init(limits: PipelineFile.Limits, program: ChildProgram) {
        self.limits = limits
        self.program = program
    }

    /// Decodes the file at `path`, or those frames of it that `slicing` asks for. Its samples are mapped read-only.
    ///
    /// - Throws: `PipelineError.scan` for a file that cannot be opened or decoded, `.lostScan` for one that took its decoder down,
    ///   `.processes` and `.system` where this machine cannot decode anything.
    public func decode(_ path: String, slicing: Slicing = Slicing()) throws(PipelineError) -> DecodedScan {
        let file: ScanFile
        do throws(ScanFile.OpenFailure) {
            file = try ScanFile(opening: path)
        } catch {
            switch error {
            case .skipped(let rule): throw .scan(.unreadable(path: path, reason: "no regular file (\(rule.rawValue))"))
            case .failed(let failure): throw .scan(.unreadable(path: path, reason: failure.reason))
            }
        }
        let planes = try Planes(capacity: limits.scan.maxPlaneBytes)
        let cancel = try Flag()
        let answer: DecoderAnswer
        do throws(ChildFailure) {
            let decoder = try DecoderProcess(program: program, cancel: cancel)
            answer = try decoder.decode(
                file.descriptor, into: planes, limits: limits, slicing: slicing,
                until: Instant.now.advanced(seconds: limits.seconds))
        } catch {
            switch error {
            case .timedOut, .cancelled:
                throw .lostScan(path: path, kind: .timeout, reason: "decoding took longer than \(limits.seconds) s")
            case .died(let reason), .untrustworthy(let reason):
                throw .lostScan(path: path, kind: .crash, reason: reason)
            case .notStarted(let reason): throw .processes(reason: reason)
            }
        }
        switch answer {
        case .refused(_, let kind, let reason): throw .scan(.undecodable(path: path, kind: kind, reason: reason))
        case .lost(let kind, let reason): throw .lostScan(path: path, kind: kind, reason: reason)
        case .decoded(let format, let description, let frames):
            // The child has been reaped and nobody decodes into these planes again: what is mapped does not change any more.
            guard let mapped = ScanPlanes(mapping: planes.readable.number, capacity: planes.capacity) else {
                throw .system(action: "mapping \(planes.capacity) bytes of decoded samples", code: errno)
            }
            return DecodedScan(format: format, description: description, frames: frames, planes: mapped)
        }
    }
}
