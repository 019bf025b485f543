import Foundation
import Store

@testable import Reporting

/// A store in a folder of its own, removed afterwards.
final class Scratch: Sendable {
    let folder: URL
    let store: StudyStore
    /// Where tests write pages: kept in $NIGHTREAD_KEEP_REPORTS, to be looked at, when that is set.
    var reports: URL {
        ProcessInfo.processInfo.environment["NIGHTREAD_KEEP_REPORTS"].map { URL(fileURLWithPath: $0) } ?? folder
    }

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightread-report-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        store = try StudyStore.openForWriting(
            folder.appendingPathComponent("study.sqlite"), host: "ward-7", actor: "reader", clock: Clock().next)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }
}

/// A tenth of a second later at every look, from 2026-11-24T01:30:05.123Z.
final class Clock: @unchecked Sendable {  // `ticks` is only touched under `lock`
    private var ticks: Int64 = 0
    private let lock = NSLock()
    @Sendable func next() -> Timestamp {
        lock.withLock {
            ticks += 1
            return Timestamp(milliseconds: 1_795_483_805_023 + ticks * 100)
        }
    }
}

/// Numbers that are the same in every test run (SplitMix64, Steele et al. 2014).
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

func model(
    _ variant: String = "b0", labels: [String] = ["normal", "nodule", "effusion"],
    thresholds: [String: Double] = ["nodule": 0.5, "effusion": 0.45], negative: String? = "normal"
) -> ModelRecord {
    ModelRecord(
        digest: String(repeating: variant, count: 32), name: "chest-phantom-\(variant)", variant: variant,
        labels: labels,
        thresholds: thresholds, negativeLabel: negative, manifestJSON: "{}", path: "/models/chest-phantom-\(variant)")
}

func start(_ model: ModelRecord, study: String = "Chest phantoms", rerunOf: String? = nil) -> RunStart {
    RunStart(
        study: study, model: model, preprocessingDigest: String(repeating: "ab", count: 32),
        preprocessingJSON: """
            {"crop_pct":0.875,"fit":"crop","intensity":{"percentile":[0.5,99.5]},"interpolation":"bicubic",
            "mean":[0.485,0.456,0.406],"resolution":224,"std":[0.229,0.224,0.225]}
            """, pipelinePath: "/pipelines/chest-phantom.yaml", pipelineYAML: "study: Chest phantoms\n",
        rerunOf: rerunOf,
        program: "nightread 0.1.0", workers: 2)
}

func digest(_ number: Int) -> String {
    let text = String(number, radix: 16)
    return String(repeating: "0", count: 64 - text.count) + text
}

func scan(_ number: Int, frames: Int = 1) -> ScanRecord {
    ScanRecord(
        sha256: digest(number), size: 301_442, format: frames > 1 ? "tiff" : "png", width: 512, height: 512,
        channels: 1,
        frames: frames, bits: 16)
}

func stamp(_ number: Int) -> FileStamp {
    FileStamp(device: 1, inode: UInt64(number), size: 301_442, mtimeNanoseconds: 5, ctimeNanoseconds: 6)
}

func reading(_ probabilities: [Double], frame: Int = 0, png: [UInt8]? = nil, network: Double = 21.4) -> NewReading {
    NewReading(
        frame: frame, probabilities: probabilities, decodeMilliseconds: frame == 0 ? 6.1 : 0, prepareMilliseconds: 3.3,
        networkMilliseconds: network, thumbnailPNG: png)
}

/// Names that a page, a table or a terminal could trip over.
let hostileNames = [
    "<img src=x onerror=alert(1)>.png", "\"\u{301} onmouseover=\u{301}alert(1) x=\".png",
    "'; DROP TABLE readings; --.png",
    "=HYPERLINK(A1;\"click\").png", "{{stylesheet}}{{{title}}}.png", "صورة الصدر ١٢.png",
    "invoice\u{202E}gnp.exe", "line\nbreak\tand\u{1B}[31mred.png",
    String(repeating: "a-very-long-name-without-any-space_", count: 6) + ".png", "@SUM(A1:A9).png",
    "Åsa Öström & søn.png",
]

/// A study as a night leaves it: 40 scans with hostile names, several frames, failures, duplicates, skips and a quarantine.
func recordNight(_ store: StudyStore, model: ModelRecord, seed: UInt64 = 7, rerunOf: String? = nil) throws -> String {
    var random = Seeded(state: seed)
    let run = try store.beginRun(start(model, rerunOf: rerunOf)).id
    for number in 1...40 {
        let name = number <= hostileNames.count ? hostileNames[number - 1] : "phantom-\(number).png"
        let frames = number == 14 ? 3 : 1
        let readings = (0..<frames).map { frame -> NewReading in
            let kind = Int.random(in: 0..<10, using: &random)
            var scores = model.labels.indices.map { _ in Double.random(in: 0.001...0.12, using: &random) }
            scores[kind < 6 ? 0 : kind < 8 ? 1 : 2] = Double.random(in: 0.12...3, using: &random)
            let sum = scores.reduce(0, +)
            return reading(
                scores.map { $0 / sum }, frame: frame, png: picture(seed: UInt64(number), lesion: kind >= 6),
                network: Double.random(in: 19...26, using: &random))
        }
        try store.recordRead(
            run: run, path: "/data/night/ward \(number % 3 + 1)/\(name)", stamp: stamp(number),
            scan: scan(number, frames: frames), readings: readings)
    }
    for (number, kind, reason) in [
        (101, "truncated", "PNG: expected 301,442 bytes of image data, found 18,230"),
        (102, "unrecognised", "expected PNG or TIFF, found text that begins with \"<html><script>\""),
        (103, "timeout", "the decoder had no answer after 30 s and was ended"),
    ] {
        try store.recordFailure(
            run: run, path: "/data/night/ward 1/broken-\(number).png", stamp: stamp(number), sha256: digest(number),
            stage: "decode", kind: kind, reason: reason)
    }
    for number in 1...2 {
        try store.recordOutcome(
            run: run, path: "/data/night/copies/copy-\(number).png", stamp: stamp(200 + number),
            outcome: .duplicate(of: "/data/night/ward 2/\(hostileNames[0])"), sha256: digest(1))
    }
    try store.recordOutcome(run: run, path: "/data/night/.DS_Store", stamp: nil, outcome: .skipped(rule: "hidden file"))
    try store.recordOutcome(
        run: run, path: "/data/night/notes.txt", stamp: nil, outcome: .skipped(rule: "no pattern matches"))
    try store.recordOutcome(
        run: run, path: "/data/night/ward 3/bomb.tiff", stamp: stamp(300),
        outcome: .quarantined(reason: "ended decoders in 2 runs (crash)"), sha256: digest(300))
    try store.finishRun(run, status: .finished)
    return run
}

/// A gray PNG (stored, not compressed) of something like a chest.
func picture(seed: UInt64, lesion: Bool, side: Int = 96) -> [UInt8] {
    var random = Seeded(state: seed)
    let x0 = Double.random(in: 0.3...0.7, using: &random)
    let y0 = Double.random(in: 0.35...0.65, using: &random)
    var rows: [UInt8] = []
    for y in 0..<side {
        rows.append(0)
        for x in 0..<side {
            let (u, v) = (Double(x) / Double(side), Double(y) / Double(side))
            func blob(_ cx: Double, _ cy: Double, _ rx: Double, _ ry: Double) -> Double {
                let d = (u - cx) * (u - cx) / (rx * rx) + (v - cy) * (v - cy) / (ry * ry)
                return 1 / (1 + d * d * d)
            }
            var value =
                150 * blob(0.5, 0.55, 0.46, 0.5) - 95 * blob(0.31, 0.48, 0.14, 0.3) - 95 * blob(0.69, 0.48, 0.14, 0.3)
            value += 30 * blob(0.56, 0.6, 0.12, 0.14) + (Int(v * 22) % 3 == 0 ? 8 : 0)
            if lesion { value += 70 * blob(x0, y0, 0.05, 0.05) }
            value += Double.random(in: -6...6, using: &random)
            rows.append(UInt8(max(0, min(255, value + 20))))
        }
    }
    return png(rows, width: side, height: side)
}

private func png(_ rows: [UInt8], width: Int, height: Int) -> [UInt8] {
    func big(_ value: UInt32) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> UInt32($0)) }
    }
    func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + data
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in body {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? 0xEDB8_8320 ^ (crc >> 1) : crc >> 1 }
        }
        return big(UInt32(data.count)) + body + big(~crc)
    }
    var stream: [UInt8] = [0x78, 0x01]
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in rows {
        a = (a + UInt32(byte)) % 65521
        b = (b + a) % 65521
    }
    for begin in stride(from: 0, to: rows.count, by: 65535) {
        let part = rows[begin..<min(begin + 65535, rows.count)]
        let length = UInt16(part.count)
        stream.append(begin + 65535 >= rows.count ? 1 : 0)
        for word in [length, ~length] { stream += [UInt8(truncatingIfNeeded: word), UInt8(word >> 8)] }
        stream += part
    }
    stream += big(b << 16 | a)
    return [0x89, 0x50, 0x4E, 0x47, 13, 10, 26, 10]
        + chunk("IHDR", big(UInt32(width)) + big(UInt32(height)) + [8, 0, 0, 0, 0]) + chunk("IDAT", stream)
        + chunk("IEND", [])
}
