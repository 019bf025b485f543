public import EfficientNet
import Foundation
public import Tensors

/// How long a run waits for its model: a package of full size is read, checked and packed, exactly as a run does it.
public enum StartBenchmark {
    /// Milliseconds from the package on disk, which the system still holds in memory, to weights that workers can map: the least of
    /// three times.
    ///
    /// - Throws: `PipelineError.model` where no package can be written to the folder for temporary files.
    public static func measure(_ variant: Variant, precision: Precision) throws(PipelineError) -> Double {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nightread-start-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var least = Double.infinity
        try Self.model(folder) { () throws(EfficientNetError) in try ModelPackage.writeSample(variant, to: folder) }
        for _ in 0..<3 {
            let start = Instant.now
            let package = try Self.model(folder) { () throws(EfficientNetError) in try ModelPackage.open(folder) }
            _ = try SharedModel(package, precision: precision)
            least = min(least, Instant.now.seconds(since: start) * 1000)
        }
        return least
    }

    private static func model<R>(
        _ folder: URL, _ body: () throws(EfficientNetError) -> R
    ) throws(PipelineError) -> R {
        do { return try body() } catch {
            throw .model(path: folder.path(percentEncoded: false), reason: "\(error)")
        }
    }
}
