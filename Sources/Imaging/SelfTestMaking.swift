import EfficientNet
import Tensors

extension SelfTest {
    /// What a model makes of two pictures that a formula draws, a gray one of 16 bits and one in colour, computed here.
    package static func made(for manifest: ModelManifest, network: Network) throws(EfficientNetError) -> SelfTest {
        let side = manifest.preprocessing.resolution
        var cases: [Case] = []
        for (height, width, channels) in [(side + 32, side + 8, 1), (side / 2 + 16, side / 2 + 48, 3)] {
            let levels = (0..<height * width * channels).map { index in
                let (pixel, channel) = (index / channels, index % channels)
                let (y, x) = (pixel / width, pixel % width)
                // Two waves of different lengths, which a crop, a turn or another filter all change.
                return (y * (3 + channel) + (x * x) / (7 + channel) + (y * x) / 64) % 256
            }
            let samples: Samples =
                channels == 1 ? .uint16(levels.map { UInt16($0 * 257) }) : .uint8(levels.map { UInt8($0) })
            var test = Case(
                height: height, width: width, channels: channels, samples: samples, prepared: [], logits: [])
            test.prepared = try prepared(test, manifest.preprocessing)
            let logits = test.prepared.withUnsafeBufferPointer { input in
                Result { () throws(EfficientNetError) in try network.logits(prepared: input) }
            }
            test.logits = try logits.get()
            cases.append(test)
        }
        return SelfTest(cases: cases)
    }

    private static func prepared(_ test: Case, _ preprocessing: Preprocessing) throws(EfficientNetError) -> [Float] {
        let sample: SampleType = if case .uint16 = test.samples { .u16 } else { .u8 }
        let frame = FrameGeometry(
            width: test.width, height: test.height, channels: test.channels, sample: sample)
        func prepare(_ bytes: UnsafeRawBufferPointer) -> Result<[Float], ImagingError> {
            Result { () throws(ImagingError) in
                let preparation = try FramePreparation(preprocessing)
                var result = [Float](repeating: 0, count: preparation.inputCount)
                try result.withUnsafeMutableBufferPointer { buffer throws(ImagingError) in
                    try preparation.prepare(frame, samples: bytes, into: buffer)
                }
                return result
            }
        }
        do throws(ImagingError) {
            switch test.samples {
            case .uint8(let samples): return try samples.withUnsafeBytes(prepare).get()
            case .uint16(let samples): return try samples.withUnsafeBytes(prepare).get()
            }
        } catch {
            throw .cannotRead(path: "preprocessing", reason: "\(error)")
        }
    }
}
