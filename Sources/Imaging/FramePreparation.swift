import CKernels
import EfficientNet
import Tensors

/// Makes the network's exact input out of a frame's samples: modality values, intensity rule, min-is-white turned, alpha left out,
/// resize, crop, normalisation. Built once from a `Preprocessing`; keeps its scratch memory, so it serves one thread at a time.
///
/// ```swift
/// let preparation = try FramePreparation(.standard(for: .b0))
/// try preparation.prepare(geometry, samples: samples, into: input)  // input: 3 · 224 · 224 floats
/// ```
///
/// Stored samples become modality values by the slope and intercept or the modality LUT of the frame's ``Tone``; rules are about those. A
/// palette's indices become its colours, which no rule changes. Full range is 0 … 2^bits − 1 for unsigned and −2^(bits−1) … 2^(bits−1) − 1 for signed integers, 0…1 for floating point, and that of its entries for a modality LUT.
/// 8-bit pictures at full range are resized in Pillow's fixed point and rounded after each pass as it does: the published models
/// were trained on exactly that. Everything else stays in floating point from the stored samples on. NaN counts as the smallest value, infinities as the largest and smallest. Percentiles are those of all colour samples of the frame
/// together, without NaN and infinities. Where both bounds of a rule are equal, what is above them is white and the rest black.
public final class FramePreparation {
    /// What it carries out.
    public let preprocessing: Preprocessing

    private let rule = IntensityRule()
    private let resizer = PictureResizer()
    private let mean: [Float]
    private let std: [Float]

    /// The largest resolution that is prepared for; far over B7's 600.
    public static let resolutionCeiling = 4096

    /// Checks `preprocessing`; throws ``ImagingError/badPreprocessing(_:)`` naming what cannot be carried out.
    public init(_ preprocessing: Preprocessing) throws(ImagingError) {
        guard (1...Self.resolutionCeiling).contains(preprocessing.resolution) else {
            throw .badPreprocessing(
                "expected a resolution of 1 to \(Self.resolutionCeiling), found \(preprocessing.resolution)")
        }
        // Under a hundredth, the resized picture would be a hundred times the network's input.
        guard preprocessing.cropFraction >= 0.01, preprocessing.cropFraction <= 1 else {
            throw .badPreprocessing("expected a crop_pct of 0.01 to 1, found \(preprocessing.cropFraction)")
        }
        guard preprocessing.mean.count == 3, preprocessing.mean.allSatisfy(\.isFinite) else {
            throw .badPreprocessing("expected three finite means, found \(preprocessing.mean)")
        }
        guard preprocessing.std.count == 3, preprocessing.std.allSatisfy({ $0.isFinite && Float($0) > 0 }) else {
            throw .badPreprocessing("expected three standard deviations over 0, found \(preprocessing.std)")
        }
        try preprocessing.intensity.check()
        self.preprocessing = preprocessing
        mean = preprocessing.mean.map { Float($0) }
        std = preprocessing.std.map { Float($0) }
    }

    /// Floats of the result: 3 · resolution².
    public var inputCount: Int { 3 * preprocessing.resolution * preprocessing.resolution }

    /// Fills `into` with the normalised input, [3, resolution, resolution] (channel, row, column).
    ///
    /// `samples` are exactly the frame's (`geometry.bytes`; its offset is not used). `planes` are all of its scan's, where the tables of
    /// its tone lie; frames without tables need none. Takes no memory once pictures of this size have been prepared. Throws ``ImagingError/badGeometry(_:)``, ``ImagingError/wrongSize(what:expected:found:)`` and
    /// ``ImagingError/noFiniteSample``.
    public func prepare(
        _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer,
        planes scanPlanes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
        into result: UnsafeMutableBufferPointer<Float>
    ) throws(ImagingError) {
        try geometry.check(samples)
        guard result.count == inputCount, let planes = result.baseAddress else {
            throw .wrongSize(what: "floats of a prepared input", expected: inputCount, found: result.count)
        }
        let side = preprocessing.resolution
        let plane = side * side
        let plan = ResizePlan(preprocessing, width: geometry.fullWidth, height: geometry.fullHeight)
        let intensity = try rule.resolve(
            preprocessing.intensity, geometry, samples: samples, planes: scanPlanes)
        if plan.columns.count < side || plan.rows.count < side { result.update(repeating: 0) }
        resizer.resize(
            intensity, geometry, samples: samples, plan: plan, interpolation: preprocessing.interpolation,
            planes: planes,
            row: side, plane: plane)
        // Gray is in the first plane: that one last, because the others are made of it.
        let gray = geometry.preparedChannels == 1
        for channel in [1, 2, 0] {
            nr_normalise(
                gray ? planes : planes + channel * plane, plane, mean[channel], std[channel],
                planes + channel * plane)
        }
    }

    /// The input made of frame `index` (from 0) of a scan that was decoded in this process, [1, 3, resolution, resolution].
    ///
    /// `name` is for messages alone. Throws ``ImagingError/noSuchFrame(path:asked:frames:)`` besides what
    /// ``prepare(_:samples:planes:into:)`` throws.
    public func input(of scan: DecodedScan, frame index: Int, named name: String) throws(ImagingError) -> Tensor {
        guard scan.frames.indices.contains(index) else {
            throw .noSuchFrame(path: name, asked: index, frames: scan.frames.count)
        }
        var scalars = [Float](repeating: 0, count: inputCount)
        try scan.withSamples(ofFrame: index) { samples throws(ImagingError) in
            try scalars.withUnsafeMutableBufferPointer { result throws(ImagingError) in
                try prepare(
                    scan.frames[index], samples: samples, planes: scan.planes.bytes, into: result)
            }
        }
        let side = preprocessing.resolution
        do {
            return try Tensor(shape: [1, 3, side, side], scalars: scalars)
        } catch {
            throw .wrongSize(what: "floats of a prepared input", expected: inputCount, found: scalars.count)
        }
    }
}

extension FrameGeometry {
    /// Throws unless the geometry is consistent and `samples` are exactly its samples: what the kernels rely on.
    func check(_ samples: UnsafeRawBufferPointer) throws(ImagingError) {
        guard width > 0, height > 0, (1...4).contains(channels), colourChannels == 1 || colourChannels == 3,
            (1...sample.size * 8).contains(bits)
        else {
            throw .badGeometry(
                "expected a gray or RGB frame with pixels, found \(width) × \(height) × \(channels), \(bits) bits")
        }
        guard [1, 2, 4, 8].contains(reduction), (0..<reduction).contains(missingColumns),
            (0..<reduction).contains(missingRows)
        else {
            throw .badGeometry("expected a reduction by 1, 2, 4 or 8, found \(reduction)")
        }
        guard tone.palette.isEmpty || (tone.palette.count == 3 && channels == 1 && sample.size <= 2) else {
            throw .badGeometry("expected a palette of 8 or 16 bits, found \(channels) channels of \(sample)")
        }
        guard tone.slope.isFinite, tone.slope != 0, tone.intercept.isFinite else {
            throw .badGeometry("expected a finite slope and intercept, found \(tone.slope) and \(tone.intercept)")
        }
        let (pixels, tooMany) = width.multipliedReportingOverflow(by: height)
        let (size, tooLarge) = pixels.multipliedReportingOverflow(by: channels * sample.size)
        guard !tooMany, !tooLarge, size == bytes, samples.count == size else {
            throw .wrongSize(
                what: "bytes of a frame's samples", expected: tooMany || tooLarge ? .max : size, found: samples.count)
        }
    }
}

extension Preprocessing.Intensity {
    /// Throws ``ImagingError/badPreprocessing(_:)`` where the bounds make no rule.
    func check() throws(ImagingError) {
        switch self {
        case .fullRange, .file: return
        case .percentile(let low, let high):
            guard low >= 0, low < high, high <= 100 else {
                throw .badPreprocessing("expected percentiles with 0 ≤ low < high ≤ 100, found \(low) and \(high)")
            }
        case .window(let center, let width, _):
            guard center.isFinite, width.isFinite, width > 0 else {
                throw .badPreprocessing(
                    "expected a finite window with a width over 0, found center \(center), width \(width)")
            }
        }
    }
}
