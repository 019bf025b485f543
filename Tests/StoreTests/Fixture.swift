import Foundation
import Testing

@testable import Store

/// A folder of its own for one test, removed afterwards.
final class Scratch: Sendable {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightread-store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var file: URL { folder.appendingPathComponent("study.sqlite") }

    func open() throws -> StudyStore {
        try StudyStore.openForWriting(file, host: "ward-7", actor: "reader", clock: Clock().next)
    }
}

/// One second later at every look, from 2026-11-24T01:30:05.123Z.
final class Clock: Sendable {
    private let ticks = Counter()
    @Sendable func next() -> Timestamp { Timestamp(milliseconds: 1_795_483_805_123 + Int64(ticks.next()) * 1000) }
}

final class Counter: @unchecked Sendable {  // `value` is only touched under `lock`
    private var value = 0
    private let lock = NSLock()
    func next() -> Int {
        lock.withLock {
            defer { value += 1 }; return value
        }
    }
}

let chest = ModelRecord(
    digest: String(repeating: "b0", count: 32), name: "chest", variant: "b0", labels: ["normal", "nodule", "effusion"],
    thresholds: ["nodule": 0.5, "effusion": 0.4], negativeLabel: "normal", manifestJSON: "{}", path: "/models/chest")

func start(model: ModelRecord = chest, study: String = "night", rerunOf: String? = nil) -> RunStart {
    RunStart(
        study: study, model: model, preprocessingDigest: String(repeating: "ab", count: 32), preprocessingJSON: "{}",
        pipelinePath: "/p/night.yaml", pipelineYAML: "study: night\n", rerunOf: rerunOf, program: "nightread test",
        workers: 2)
}

func digest(_ number: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 64 - text.count) + text
}

func scan(_ number: Int, frames: Int = 1) -> ScanRecord {
    ScanRecord(
        sha256: digest(number), size: 1000, format: "png", width: 64, height: 48, channels: 1, frames: frames, bits: 16)
}

func stamp(_ number: Int = 1) -> FileStamp {
    FileStamp(device: 1, inode: UInt64(number), size: 1000, mtimeNanoseconds: 5, ctimeNanoseconds: 6)
}

func reading(_ probabilities: [Double] = [0.1, 0.8, 0.1], frame: Int = 0, png: [UInt8]? = nil) -> NewReading {
    NewReading(
        frame: frame, probabilities: probabilities, decodeMilliseconds: 3, prepareMilliseconds: 2,
        networkMilliseconds: 20, thumbnailPNG: png)
}
