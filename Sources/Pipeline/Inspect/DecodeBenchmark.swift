import CSystem
import Foundation
public import Imaging

/// How fast files are decoded through a decoder process, exactly as a run does it: opened, decoded in a child of their own, checked.
public struct DecodeBenchmark: Sendable {
    /// The files of one format.
    public struct Row: Sendable {
        /// The format.
        public let format: ScanFormat
        /// Files that could be decoded.
        public let files: Int
        /// Megapixels (10⁶) of all their frames.
        public let megapixels: Double
        /// Megabytes (10⁶) of their decoded samples.
        public let megabytes: Double
        /// Seconds for all of them once: the sum of each one's median.
        public let seconds: Double
        /// Milliseconds for one of them: the median of their medians.
        public let medianMilliseconds: Double
        /// What part of `seconds` went into isolation: a child for each, measured with a file that is refused at once.
        public let isolationShare: Double

        /// Decoded megabytes a second.
        public var megabytesPerSecond: Double { megabytes / seconds }
    }

    /// One per format that was found, in the order of ``ScanFormat``.
    public let rows: [Row]
    /// Paths of files that could not be decoded; they are in no row.
    public let failed: [String]
    /// How often every file was decoded.
    public let rounds: Int
    /// Milliseconds that isolation alone takes: a child, its sandbox and its answer for a file of 16 bytes. Median.
    public let isolationMilliseconds: Double

    /// Decodes all files at `paths` and in folders there, again and again for about `seconds` seconds, at least once besides the
    /// round that finds out which can be decoded. `decoderScans` of them by one process, as a pipeline file's `limits.decoder_scans`.
    ///
    /// - Throws: `PipelineError.missing` for a path that is not there, `.processes` where decoding does not work here.
    public static func measure(
        _ paths: [String], seconds: Double, decoderScans: Int = 1
    ) throws(PipelineError) -> DecodeBenchmark {
        var files: [String] = []
        for path in paths { files += try Self.files(path) }
        let lane = try Lane(decoderScans: decoderScans)
        var known: [(path: String, format: ScanFormat, pixels: Int, bytes: Int)] = []
        var failed: [String] = []
        for file in files {
            guard let scan = try lane.decode(file) else {
                failed.append(file)
                continue
            }
            known.append((file, scan.format, scan.pixels, scan.bytes))
        }
        var times = [[Double]](repeating: [], count: known.count)
        let end = Instant.now.advanced(seconds: seconds)
        var rounds = 0
        repeat {
            for index in known.indices {
                let start = Instant.now
                _ = try lane.decode(known[index].path)
                times[index].append(Instant.now.seconds(since: start))
            }
            rounds += 1
        } while Instant.now < end && !known.isEmpty
        let isolation = try lane.isolation()
        let rows = ScanFormat.allCases.compactMap { format -> Row? in
            let own = known.indices.filter { known[$0].format == format }
            guard !own.isEmpty else { return nil }
            let medians = own.map { median(times[$0]) }
            let total = medians.reduce(0, +)
            return Row(
                format: format, files: own.count,
                megapixels: own.reduce(0) { $0 + Double(known[$1].pixels) } / 1e6,
                megabytes: own.reduce(0) { $0 + Double(known[$1].bytes) } / 1e6, seconds: total,
                medianMilliseconds: median(medians) * 1e3,
                isolationShare: min(1, isolation / Double(decoderScans) * Double(own.count) / total))
        }
        return DecodeBenchmark(
            rows: rows, failed: failed, rounds: rounds, isolationMilliseconds: isolation * 1e3)
    }

    /// Regular files at or below `path`, in order.
    private static func files(_ path: String) throws(PipelineError) -> [String] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .missing(what: "the files to decode", path: path, cause: "no such file or folder")
        }
        guard isFolder.boolValue else { return [path] }
        let below = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return below.sorted().map { path + "/" + $0 }.filter { file in
            var stamp = nr_stamp()
            return nr_stamp_at(file, 1, &stamp) == 0 && stamp.kind == UInt32(S_IFREG)
        }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        guard let middle = sorted.dropFirst(sorted.count / 2).first else { return 0 }
        return sorted.count % 2 == 1 ? middle : (middle + sorted[sorted.count / 2 - 1]) / 2
    }

    /// What a run's lane has of decoding.
    private final class Lane {
        private let limits: PipelineFile.Limits
        private let planes: Planes
        private let cancel: Flag
        private let program = ChildProgram()
        private var decoder: DecoderProcess?

        init(decoderScans: Int) throws(PipelineError) {
            var limits = PipelineFile.Limits()
            limits.decoderScans = decoderScans
            self.limits = limits
            planes = try Planes(capacity: limits.scan.maxPlaneBytes)
            cancel = try Flag()
        }

        /// Nil for a file that cannot be opened or decoded.
        func decode(_ path: String) throws(PipelineError) -> (format: ScanFormat, pixels: Int, bytes: Int)? {
            guard let file = try? ScanFile(opening: path) else { return nil }
            guard case .decoded(let format, _, let frames)? = try answer(file.descriptor) else { return nil }
            planes.release(after: frames.reduce(0) { max($0, $1.offset + $1.bytes) })
            return (
                format, frames.reduce(0) { $0 + $1.width * $1.height }, frames.reduce(0) { $0 + $1.bytes }
            )
        }

        /// Seconds for a file that is refused at once.
        func isolation() throws(PipelineError) -> Double {
            var number: Int32 = -1
            let error = nr_memory_file("nightread-probe", 16, &number)
            guard error == 0 else { throw .system(action: "making 16 bytes of shared memory", code: error) }
            let nothing = Descriptor(number)
            var times: [Double] = []
            for _ in 0..<200 {
                let start = Instant.now
                _ = try answer(nothing)
                times.append(Instant.now.seconds(since: start))
            }
            return DecodeBenchmark.median(times)
        }

        /// Nil where the scan took the decoder down, which is replaced.
        private func answer(_ scan: Descriptor) throws(PipelineError) -> DecoderAnswer? {
            do throws(ChildFailure) {
                let decoder: DecoderProcess
                if let running = self.decoder {
                    decoder = running
                } else {
                    decoder = try DecoderProcess(program: program, cancel: cancel)
                }
                self.decoder = decoder
                return try decoder.decode(
                    scan, into: planes, limits: limits, until: Instant.now.advanced(seconds: limits.seconds))
            } catch {
                decoder = nil
                if case .notStarted(let reason) = error { throw PipelineError.processes(reason: reason) }
                return nil
            }
        }
    }
}
