import CSystem
import Foundation

/// Memory shared by supervisor, decoder and worker: what a decoder fills and a worker reads. Sparse, of a size that nobody can
/// change. One per lane, used again for every scan.
final class Planes: Sendable {
    /// Above this, a scan's pages are given back afterwards; below, keeping them saves zeroing them for the next scan.
    static let keptBytes = 64 << 20

    let capacity: Int
    /// For decoders.
    let writable: Descriptor
    /// For workers, which must not write.
    let readable: Descriptor

    init(capacity: Int) throws(PipelineError) {
        self.capacity = capacity
        var number: Int32 = -1
        var error = nr_memory_file("nightread-planes", UInt64(capacity), &number)
        guard error == 0 else { throw .system(action: "making \(capacity) bytes of shared memory", code: error) }
        writable = Descriptor(number)
        error = nr_reopen_read_only(number, &number)
        guard error == 0 else { throw .system(action: "opening shared memory for reading", code: error) }
        readable = Descriptor(number)
    }

    /// Gives back what a large scan of `bytes` took.
    func release(after bytes: Int) {
        guard bytes > Self.keptBytes else { return }
        // Refused only by a kernel without hole punching; the pages then stay until the lane ends.
        _ = nr_release_memory(writable.number, UInt64(Self.keptBytes), UInt64(capacity - Self.keptBytes))
    }
}
