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
        try ScanSource(limits: limits, program: program).decode(path, slicing: slicing).scan
    }
}
