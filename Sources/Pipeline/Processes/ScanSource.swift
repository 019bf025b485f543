import CSystem
import EfficientNet
import Foundation
import Imaging

/// Decodes one file after the other, each in a process of its own forked from a warm decoder, as a run does. Serves one thread.
package final class ScanSource {
    private let limits: PipelineFile.Limits
    private let program: ChildProgram
    private let planes: Planes
    private let cancel: Flag
    private var decoder: DecoderProcess?
    /// Bytes that the file before took.
    private var used = 0

    /// A source with the limits of a pipeline file that names none.
    package convenience init() throws(PipelineError) {
        try self.init(limits: PipelineFile.Limits(), program: ChildProgram())
    }

    init(limits: PipelineFile.Limits, program: ChildProgram) throws(PipelineError) {
        self.limits = limits
        self.program = program
        planes = try Planes(capacity: limits.scan.maxPlaneBytes)
        cancel = try Flag()
    }

    /// Decodes the file at `path`, or those frames of it that `slicing` asks for; its samples are mapped read-only, and stand until
    /// the next file is decoded.
    ///
    /// - Throws: `PipelineError.scan` for a file that cannot be opened or decoded, `.lostScan` for one that took its decoder down,
    ///   `.processes` and `.system` where this machine cannot decode anything.
    package func decode(_ path: String, slicing: Slicing = Slicing()) throws(PipelineError) -> (
        scan: DecodedScan, file: OpenScan
    ) {
        let file = try Self.open(path)
        planes.release(after: used)
        let answer: DecoderAnswer
        do throws(ChildFailure) {
            let decoder: DecoderProcess
            if let warm = self.decoder {
                decoder = warm
            } else {
                decoder = try DecoderProcess(program: program, cancel: cancel)
            }
            self.decoder = decoder
            answer = try decoder.decode(
                file.descriptor, into: planes, limits: limits, slicing: slicing,
                until: Instant.now.advanced(seconds: limits.seconds))
        } catch {
            // The next file gets another decoder.
            decoder = nil
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
            // The child has been reaped and nobody decodes into these planes until asked: what is mapped does not change.
            guard let mapped = ScanPlanes(mapping: planes.readable.number, capacity: planes.capacity) else {
                throw .system(action: "mapping \(planes.capacity) bytes of decoded samples", code: errno)
            }
            used = frames.map { $0.offset + $0.bytes }.max() ?? 0
            return (
                DecodedScan(format: format, description: description, frames: frames, planes: mapped),
                OpenScan(file: file)
            )
        }
    }

    private static func open(_ path: String) throws(PipelineError) -> ScanFile {
        do throws(ScanFile.OpenFailure) {
            return try ScanFile(opening: path)
        } catch {
            switch error {
            case .skipped(let rule): throw .scan(.unreadable(path: path, reason: "no regular file (\(rule.rawValue))"))
            case .failed(let failure): throw .scan(.unreadable(path: path, reason: failure.reason))
            }
        }
    }
}

/// A file that was decoded, still open.
package struct OpenScan {
    let file: ScanFile

    /// SHA-256 of the content, hexadecimal.
    ///
    /// - Throws: `PipelineError.scan` for a file that cannot be read, or changes meanwhile.
    package func digest() throws(PipelineError) -> String {
        let digest: String?
        do throws(SystemError) { digest = try file.digest { true } } catch {
            throw .scan(.unreadable(path: file.path, reason: "\(error)"))
        }
        guard let digest, file.isUnchanged() else {
            throw .scan(.unreadable(path: file.path, reason: "the file changed while it was read"))
        }
        return digest
    }
}
