import EfficientNet
import Foundation

/// Tries a model in a worker process of its own, exactly as a run uses it.
enum ModelCheck {
    /// Loads the model and reproduces its self-test; one that computes in bfloat16 first in float, where a wrong padding, another
    /// preprocessing or a damaged weight cannot hide behind rounding.
    ///
    /// - Returns: what the self-test showed; nil when the package has none.
    /// - Throws: `PipelineError.model` when this machine does not reproduce the model, or cannot use it.
    static func selfTest(
        _ model: LoadedModel, limits: PipelineFile.Limits, program: ChildProgram
    ) throws(PipelineError) -> SelfTestResult? {
        if model.packed.precision != .f32 {
            let package: ModelPackage
            do throws(EfficientNetError) {
                package = try ModelPackage.open(URL(fileURLWithPath: model.path))
            } catch {
                throw .model(path: model.path, reason: "\(error)")
            }
            let float = try SharedModel(package, precision: .f32)
            guard try selfTest(model, packed: float, limits: limits, program: program) != nil else { return nil }
        }
        return try selfTest(model, packed: model.packed, limits: limits, program: program)
    }

    private static func selfTest(
        _ model: LoadedModel, packed: SharedModel, limits: PipelineFile.Limits, program: ChildProgram
    ) throws(PipelineError) -> SelfTestResult? {
        let planes = try Planes(capacity: 4096)
        let start = WorkerStart(
            package: model.path, preprocessing: model.preprocessing, sharedBytes: packed.bytes,
            limits: limits.scan, planesCapacity: planes.capacity, selfTest: true)
        let result: SelfTestResult?
        do throws(WorkerStartFailure) {
            result = try WorkerProcess.starting(
                start, planes: planes, model: packed, digest: model.record.digest,
                labels: model.record.labels.count,
                activation: model.activation, program: program, cancel: try flag(),
                until: Instant.now.advanced(seconds: 300)
            ).selfTest
        } catch {
            switch error {
            case .model(let reason): throw .model(path: model.path, reason: reason)
            case .process(let failure): throw .processes(reason: "the worker process does not start: \(failure)")
            }
        }
        if let result, !result.passed {
            throw .model(
                path: model.path,
                reason:
                    "the self-test failed in \(result.precision.rawValue): expected prepared samples within \(SelfTestResult.preparedTolerance) and logits "
                    + "within \(result.logitsLimit) standard deviations of the package's own, found "
                    + "\(result.preparedError) and \(result.logitsError) over \(result.cases) pictures; the package was made "
                    + "with other preprocessing or padding, or is damaged: export it again")
        }
        return result
    }

    private static func flag() throws(WorkerStartFailure) -> Flag {
        do throws(PipelineError) { return try Flag() } catch { throw .process(.notStarted("\(error)")) }
    }
}
