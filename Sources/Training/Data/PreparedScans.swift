import CKernels
import Crypto
public import EfficientNet
import Foundation
import Imaging
import Pipeline
import Store

/// Scans as the network gets them, decoded once: through the decoders and the preparation that reading uses.
///
/// What is kept of each frame are its intensities after resize and crop, before normalisation; a gray one once.
public final class PreparedScans {
    /// One frame of one file.
    public struct Frame: Sendable, Hashable {
        /// Index into `scans`.
        public var scan: Int
        /// Of the frame in its file, from 0.
        public var number: Int
        /// 1 where the frame is gray.
        var planes: Int
        /// Where its floats begin.
        var start: Int
    }

    /// Scans that could be read.
    public private(set) var scans: [LabelledScan] = []
    /// Their content's SHA-256, hexadecimal.
    public private(set) var digests: [String] = []
    /// Their frames, in the scans' order.
    public private(set) var frames: [Frame] = []
    /// Scans that could not be read.
    public private(set) var unreadable: [DataError.UnreadableScan] = []
    /// Files that are no scans and do not look as if they should be.
    public private(set) var others: [String] = []
    /// How frames become the network's input.
    public let preprocessing: Preprocessing
    var fingerprints: [PictureFingerprint] = []
    private let file: FloatFile
    private let mean: [Float]
    private let std: [Float]

    /// Floats of one input: 3 · resolution².
    public var inputCount: Int { 3 * side * side }
    var side: Int { preprocessing.resolution }
    /// Bytes on disk.
    public var bytes: Int { file.count * 4 }

    /// Decodes and prepares `scans`.
    ///
    /// - Parameters:
    ///   - cache: A folder on the disk that gets the prepared pictures.
    ///   - progress: Called after each scan with how many are done.
    /// - Throws: `ImagingError.badPreprocessing`, `DataError.cache`, `PipelineError` where this machine cannot decode anything.
    public init(
        _ scans: [LabelledScan], preprocessing: Preprocessing, cache: String, progress: (Int) -> Void = { _ in }
    ) throws {
        self.preprocessing = preprocessing
        mean = preprocessing.mean.map { Float($0) }
        std = preprocessing.std.map { Float($0) }
        file = try FloatFile(in: cache)
        var plain = preprocessing
        // Prepared values are (x − mean) / std: with these they stay the intensities in 0…1.
        (plain.mean, plain.std) = ([0, 0, 0], [1, 1, 1])
        let preparation = try FramePreparation(plain)
        var small = plain
        (small.resolution, small.fit, small.interpolation) = (PictureFingerprint.side, .squash, .bilinear)
        let smallPreparation = try FramePreparation(small)
        let source = try ScanSource()
        for (index, scan) in scans.enumerated() {
            do {
                try take(scan, source, preparation, smallPreparation)
            } catch {
                guard let found = DataError.UnreadableScan(scan, error) else { throw error }
                if Self.isNoScan(scan, error) { others.append(scan.name) } else { unreadable.append(found) }
            }
            progress(index + 1)
        }
    }

    /// Whether a file is of no known format, and does not look as if it should be.
    private static func isNoScan(_ scan: LabelledScan, _ error: any Error) -> Bool {
        guard case PipelineError.scan(.undecodable(_, .unrecognised, _)) = error else { return false }
        return !PipelineFile.suffixes.contains(where: scan.name.lowercased().hasSuffix)
    }

    private func take(
        _ scan: LabelledScan, _ source: ScanSource, _ preparation: FramePreparation, _ small: FramePreparation
    ) throws {
        let (decoded, open) = try source.decode(scan.path, slicing: preprocessing.slicing)
        let digest = try open.digest()
        var taken: [Frame] = []
        var fingerprint: PictureFingerprint?
        for (number, geometry) in decoded.frames.enumerated() {
            let values = try preparation.input(of: decoded, frame: number, named: scan.path).scalars
            let planes = geometry.preparedChannels == 1 || Self.isGray(values) ? 1 : 3
            let start = try values.withUnsafeBufferPointer { buffer in
                try file.append(UnsafeBufferPointer(rebasing: buffer.prefix(planes * side * side)))
            }
            taken.append(Frame(scan: scans.count, number: number, planes: planes, start: start))
            // A scan is known again by its middle frame.
            if number == decoded.frames.count / 2 {
                let input = try small.input(of: decoded, frame: number, named: scan.path).scalars
                let count = PictureFingerprint.side * PictureFingerprint.side
                fingerprint = PictureFingerprint(
                    (0..<count).map { (input[$0] + input[$0 + count] + input[$0 + 2 * count]) / 3 })
            }
        }
        guard let fingerprint else { throw ImagingError.unreadable(path: scan.path, reason: "it has no frames") }
        var scan = scan
        // What the file says of itself, where the manifest does not.
        scan.patient = scan.patient ?? decoded.description.patientKey
        scans.append(scan)
        digests.append(digest)
        fingerprints.append(fingerprint)
        frames += taken
    }

    private static func isGray(_ values: [Float]) -> Bool {
        let plane = values.count / 3
        return values.withUnsafeBufferPointer { values in
            (0..<plane).allSatisfy { values[$0] == values[plane + $0] && values[$0] == values[2 * plane + $0] }
        }
    }

    /// Fills `into` with a frame's normalised input, [3, side, side], after what `change` makes of its intensities.
    func input(_ frame: Frame, into result: UnsafeMutableBufferPointer<Float>, change: (inout [Float], Int) -> Void) {
        guard let target = result.baseAddress else { return }
        let plane = side * side
        let pixels = intensities(frame, change: change)
        pixels.withUnsafeBufferPointer { pixels in
            guard let pixels = pixels.baseAddress else { return }
            for channel in 0..<3 {
                nr_normalise(
                    pixels + (frame.planes == 1 ? 0 : channel * plane), plane, mean[channel], std[channel],
                    target + channel * plane)
            }
        }
    }

    /// A frame's intensities in 0…1, [planes, side, side].
    func intensities(_ frame: Frame, change: (inout [Float], Int) -> Void) -> [Float] {
        var pixels = [Float](repeating: 0, count: frame.planes * side * side)
        // A disk that cannot read back what it was given a minute ago leaves the picture black; the loss shows it.
        _ = pixels.withUnsafeMutableBufferPointer { file.read(frame.start, into: $0) }
        change(&pixels, frame.planes)
        return pixels
    }

    /// SHA-256, hexadecimal, over content, labels and side of all scans.
    func digest(_ sides: [DataSide], labels: [String]) -> String {
        var hash = SHA256()
        let lines = scans.indices.map { index in
            "\(digests[index]) \(scans[index].labels.map { labels[$0] }.joined(separator: "|")) \(sides[index].rawValue)\n"
        }
        for line in lines.sorted() { hash.update(data: Foundation.Data(line.utf8)) }
        return hexadecimal(hash.finalize())
    }
}
