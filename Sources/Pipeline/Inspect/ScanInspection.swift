import Crypto
public import EfficientNet
import Foundation
public import Imaging
import Store

/// Everything that Nightread sees in one scan, for people and programs that check: `nightread inspect`.
public struct ScanInspection {
    /// What is looked at, and how.
    public struct Settings: Sendable, Hashable {
        /// How the frame is made the network's input; the intensity rule says which window is used.
        public var preprocessing: Preprocessing
        /// Which of the decoded frames, from 0.
        public var frame: Int
        /// Whether the patient's identifiers and the UIDs are told, and not only whether there are any.
        public var showsIdentifiers: Bool

        /// See the properties.
        public init(preprocessing: Preprocessing, frame: Int = 0, showsIdentifiers: Bool = false) {
            self.preprocessing = preprocessing
            self.frame = frame
            self.showsIdentifiers = showsIdentifiers
        }
    }

    let path: String
    let scan: DecodedScan
    let settings: Settings
    let frame: FrameGeometry
    /// SHA-256 of the decoded samples of all frames in order, little-endian, without anything between them.
    let samplesSHA256: String
    /// What the intensity rule came to; nil where the frame has no finite sample.
    let window: ResolvedIntensity?
    let stored: SampleStatistics?
    /// Nil for palettes, whose samples stand for colours.
    let modality: SampleStatistics?
    let histogram: Histogram?

    /// Looks at a decoded scan. `path` is for messages and output alone.
    ///
    /// - Throws: `PipelineError.scan` for a frame that there is not, settings that make no rule, and tables out of place.
    public init(_ scan: DecodedScan, path: String, _ settings: Settings) throws(PipelineError) {
        guard scan.frames.indices.contains(settings.frame) else {
            throw .scan(.noSuchFrame(path: path, asked: settings.frame, frames: scan.frames.count))
        }
        self.path = path
        self.scan = scan
        self.settings = settings
        frame = scan.frames[settings.frame]
        samplesSHA256 = Self.digest(scan)
        do throws(ImagingError) {
            let frame = frame
            let found = try scan.withSamples(ofFrame: settings.frame) { samples throws(ImagingError) in
                try Self.look(frame, samples, scan.planes.bytes, settings.preprocessing.intensity)
            }
            (window, stored, modality, histogram) = found
        } catch {
            throw .scan(error)
        }
    }

    private static func look(
        _ frame: FrameGeometry, _ samples: UnsafeRawBufferPointer, _ planes: UnsafeRawBufferPointer,
        _ rule: Preprocessing.Intensity
    ) throws(ImagingError) -> (ResolvedIntensity?, SampleStatistics?, SampleStatistics?, Histogram?) {
        guard let stored = try SampleStatistics.stored(frame, samples: samples) else { return (nil, nil, nil, nil) }
        let modality =
            frame.tone.palette.isEmpty
            ? try SampleStatistics.modality(frame, stored: stored, samples: samples, planes: planes) : nil
        return (
            try ResolvedIntensity(rule, of: frame, samples: samples, planes: planes), stored, modality,
            try Histogram(frame, stored: stored, samples: samples, planes: planes)
        )
    }

    /// Samples in memory are in native byte order, which is little-endian on every machine that Nightread is built for.
    private static func digest(_ scan: DecodedScan) -> String {
        var hash = SHA256()
        for index in scan.frames.indices { scan.withSamples(ofFrame: index) { hash.update(bufferPointer: $0) } }
        return hexadecimal(hash.finalize())
    }

    /// Writes what the network sees of the frame as a PNG file, for its owner alone, completely or not at all.
    ///
    /// - Throws: `PipelineError.scan` for a frame that cannot be prepared, `.store` for a file that cannot be written.
    public func writePicture(to path: String) throws(PipelineError) {
        let png: [UInt8]
        do throws(ImagingError) {
            png = try PreparedPicture.make(
                of: scan, frame: settings.frame, settings.preprocessing, named: self.path
            ).png()
        } catch {
            throw .scan(error)
        }
        do throws(StoreError) {
            try OutputFile.write(png, to: URL(fileURLWithPath: path))
        } catch {
            throw .store(error)
        }
    }
}
