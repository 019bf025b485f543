import EfficientNet

/// Makes the network's exact input out of a frame's samples: intensity rule, min-is-white turned, alpha left out, resize,
/// crop, normalisation. Built once from a `Preprocessing`; keeps its scratch memory, so it serves one thread at a time.
public final class FramePreparation {
    /// What it carries out.
    public let preprocessing: Preprocessing

    /// Checks `preprocessing`; throws ``ImagingError/badPreprocessing(_:)`` naming what cannot be carried out.
    public init(_ preprocessing: Preprocessing) throws(ImagingError) {
        self.preprocessing = preprocessing
    }

    /// Fills `into` with the normalised input, [3, resolution, resolution] (channel, row, column).
    ///
    /// `samples` are exactly the frame's (`geometry.bytes`; its offset is not used). Throws ``ImagingError/wrongSize(what:expected:found:)``
    /// and ``ImagingError/noFiniteSample``.
    public func prepare(
        _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer, into result: UnsafeMutableBufferPointer<Float>
    ) throws(ImagingError) {
        throw .badPreprocessing("not yet")
    }
}
