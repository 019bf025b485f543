import CSystem
import EfficientNet
import Foundation
import Tensors

/// A packed model in memory that the supervisor fills once and every worker maps: weights are in memory once, whatever the
/// number of workers, and a worker that has to be replaced is back in milliseconds.
final class SharedModel: Sendable {
    /// Bytes of it, most of them possibly untouched.
    let bytes: Int
    /// For workers, which must not write.
    let readable: Descriptor
    /// What it computes in on this machine.
    let precision: Precision
    /// Where the scans lie that it was trained on; nil for a package that does not say.
    let statistics: FeatureStatistics?

    /// Packs a model.
    ///
    /// - Throws: `PipelineError.model` for a package that cannot be used, `.system` where there is no memory.
    init(_ package: ModelPackage, precision: Precision) throws(PipelineError) {
        let path = package.folder.path(percentEncoded: false)
        do throws(EfficientNetError) {
            bytes = try PackedModel.bytes(for: package, precision: precision)
        } catch {
            throw .model(path: path, reason: "\(error)")
        }
        var number: Int32 = -1
        var error = nr_memory_file("nightread-model", UInt64(bytes), &number)
        guard error == 0 else { throw .system(action: "making shared memory for the model", code: error) }
        let writable = Descriptor(number)
        do throws(EfficientNetError) {
            let model = try PackedModel(
                packing: package, precision: precision, into: writable.number, bytes: bytes)
            self.precision = Network(model).precision
            statistics = model.statistics
        } catch {
            throw .model(path: path, reason: "\(error)")
        }
        error = nr_reopen_read_only(writable.number, &number)
        guard error == 0 else { throw .system(action: "opening shared memory for reading", code: error) }
        readable = Descriptor(number)
    }
}
