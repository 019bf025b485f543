import Dispatch
import EfficientNet

/// Logits and features of prepared frames, by the engine that reads scans at night, on all threads.
struct FrameReadings {
    /// [frames, labels].
    private(set) var logits: [Float] = []
    /// Pooled features, a row per frame; empty where nobody asked for them.
    private(set) var features: [[Float]] = []

    /// - Parameters:
    ///   - frames: Indices into the prepared frames; read as they are, without changes.
    ///   - progress: Called now and then with how many are done.
    init(
        _ first: Network, batches: BatchMaker, frames: [Int], keepsFeatures: Bool = false,
        progress: (Int) -> Void = { _ in }
    ) {
        let networks = (0..<batches.threads).map { $0 == 0 ? first : Network(sharingWeightsOf: first) }
        let part = 16 * networks.count
        for start in stride(from: 0, to: frames.count, by: part) {
            read(frames[start..<min(start + part, frames.count)], networks, batches.prepared, keepsFeatures)
            progress(min(start + part, frames.count))
        }
    }

    private mutating func read(
        _ frames: ArraySlice<Int>, _ networks: [Network], _ prepared: PreparedScans, _ keepsFeatures: Bool
    ) {
        let labels = networks[0].labelsCount, threads = min(networks.count, frames.count)
        var found = [(logits: [Float], features: [Float])?](repeating: nil, count: frames.count)
        found.withUnsafeMutableBufferPointer { found in
            nonisolated(unsafe) let (found, networks, prepared) = (found, networks, prepared)
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                var input = [Float](repeating: 0, count: prepared.inputCount)
                for place in stride(from: thread, to: frames.count, by: threads) {
                    input.withUnsafeMutableBufferPointer {
                        prepared.input(prepared.frames[frames[frames.startIndex + place]], into: $0) { _, _ in }
                    }
                    // As many values as the network takes: it cannot refuse them.
                    found[place] = input.withUnsafeBufferPointer { try? networks[thread].reading(prepared: $0) }
                }
            }
        }
        for reading in found {
            logits += reading?.logits ?? [Float](repeating: .nan, count: labels)
            if keepsFeatures { features.append(reading?.features ?? []) }
        }
    }
}
