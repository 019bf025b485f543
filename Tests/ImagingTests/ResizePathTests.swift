import CKernels
import EfficientNet
import Foundation
import Imaging
import Testing

/// The loops for every machine and those for this one's instruction set. While this runs, tests beside it take the plain ones: they hold
/// for both.
@Suite("Resize, with and without vectors", .serialized)
struct ResizePathTests {
    struct Kind: Sendable {
        var width, height, channels: Int
        var sample: SampleType
        var preprocessing: Preprocessing
    }

    static let kinds: [Kind] = {
        var kinds: [Kind] = []
        for (width, height) in [(64, 64), (301, 97), (33, 700), (7, 5), (1, 1)] {
            for channels in 1...4 {
                for sample in [SampleType.u8, .u16] {
                    for (side, fit) in [(32, Preprocessing.Fit.squash), (23, .crop), (41, .pad)] {
                        kinds.append(
                            Kind(
                                width: width, height: height, channels: channels, sample: sample,
                                preprocessing: .plain(side, fit: fit)))
                    }
                }
            }
        }
        return kinds
    }()

    static func prepared(_ kind: Kind) throws -> [Float] {
        let bytes = PNGFilterTests.bytes(
            kind.width * kind.height * kind.channels * kind.sample.size, seed: UInt64(kind.width))
        let geometry = FrameGeometry(
            width: kind.width, height: kind.height, channels: kind.channels, sample: kind.sample)
        return try prepare(bytes, geometry, kind.preprocessing)
    }

    @Test("Both give the same: exactly in whole steps, to the last bits in floating point")
    func same() throws {
        for kind in Self.kinds {
            let here = try Self.prepared(kind)
            nr_resize_plainly(1)
            defer { nr_resize_plainly(0) }
            let plain = try Self.prepared(kind)
            if kind.sample == .u8 {
                #expect(here == plain, "\(kind)")
            } else {
                let largest = zip(here, plain).reduce(0) { max($0, abs($1.0 - $1.1)) }
                #expect(largest < 2e-6, "\(kind)")
            }
        }
    }

    @Test("The plain loops are Pillow's as well", arguments: try PillowParityTests.Case.all())
    func parity(_ example: PillowParityTests.Case) throws {
        nr_resize_plainly(1)
        defer { nr_resize_plainly(0) }
        try PillowParityTests().parity(example)
    }
}
