import Foundation
import Tensors
import Testing

@testable import Conversion

@Suite("HDF5")
struct HDF5Tests {
    @Test("Variables of Keras 3 come with the names of their layers")
    func keras3() throws {
        let source = try Reading.source(try Reading.fixture("keras3.h5"))
        #expect(source.notes.layers["layers/conv2d/vars"] == "stem_conv")
        let kernel = try source.tensors.tensor("layers/conv2d/vars/0")
        #expect(kernel.shape == [2, 2, 3, 2])
        #expect(kernel.scalars == (0..<24).map(Float.init))
        #expect(try source.tensors.tensor("layers/batch_normalization/vars/3").scalars == [3.5, 3.5])
        let name = { KerasTensors.name($0, layers: source.notes.layers) }
        #expect(name("layers/conv2d/vars/0") == .variable("stem_conv/kernel"))
        #expect(name("layers/batch_normalization/vars/3") == .variable("stem_bn/moving_variance"))
        #expect(name("optimizer/vars/0") == .ignored("state of the optimiser"))
    }

    @Test("Packed values, halves and big-endian ones of Keras 2 are read, and the model's text")
    func keras2() throws {
        let source = try Reading.source(try Reading.fixture("keras2.h5"))
        #expect(source.notes.config == "{\"class_name\": \"Functional\"}")
        let kernel = try source.tensors.tensor("model_weights/stem_conv/stem_conv/kernel:0").scalars
        // numpy.linspace(-1, 1, 54)
        #expect(kernel.count == 54)
        for (index, value) in kernel.enumerated() { #expect(abs(value - (-1 + 2 * Float(index) / 53)) < 1e-6) }
        #expect(try source.tensors.tensor("model_weights/half/half/kernel:0").scalars == [1.5, -2.25, 65504])
        #expect(try source.tensors.tensor("model_weights/big/big/kernel:0").scalars == [1.5, -2.25, 3e38])
        #expect(source.notes.passedOver.map(\.name) == ["model_weights/words/words/names"])
        #expect(
            KerasTensors.name("model_weights/stem_conv/stem_conv/kernel:0", layers: [:])
                == .variable("stem_conv/kernel"))
    }

    @Test(
        "Links, data in other files, absurd shapes, values that are not there and groups in themselves are refused by name",
        arguments: [
            ("external-link.h5", "kernel is a link"), ("soft-link.h5", "kernel is a link"),
            ("external-data.h5", "kernel keeps its values in other files"), ("absurd.h5", "dataset kernel: shape"),
            ("absent.h5", "dataset kernel: shape"), ("loop.h5", "nested at most 32"),
        ])
    func refused(name: String, reason: String) throws {
        #expect(Reading.refusal(try Reading.fixture(name)).contains(reason))
    }

    @Test(
        "Heaps of texts are read here: libhdf5 stays for ever at free space of no size, and reads anywhere by another's number"
    )
    func heap() throws {
        let whole = try Reading.fixture("keras3.h5")
        let heap = try #require(whole.indices.first { Array(whole[$0...].prefix(5)) == Array("GCOL".utf8) + [1] })
        func refusal(_ change: (inout [UInt8]) -> Void) -> String {
            var bytes = whole
            change(&bytes)
            return Reading.refusal(bytes)
        }
        // The first object's number and size.
        #expect(refusal { for index in [16, 17] + Array(24..<32) { $0[heap + index] = 0 } }.contains("heap of texts"))
        #expect(refusal { $0[heap + 24 + 6] = 1 }.contains("heap of texts"))
        // What refers to it: length, the heap's address, the object's number.
        let address = (0..<8).map { UInt8(truncatingIfNeeded: heap >> (8 * $0)) }
        let reference = try #require(whole.indices.first { Array(whole[$0...].prefix(8)) == address })
        #expect(refusal { $0[reference + 8 + 3] = 0x7F }.contains("heap of texts"))
        #expect(refusal { $0[reference + 1] = 0x7F }.contains("heap of texts"))
        #expect(refusal { $0[reference - 4 + 3] = 0x7F }.contains("heap of texts"))
        #expect(
            refusal {
                $0[reference + 9] = 0; $0[reference + 8] = 0
            }.contains("heap of texts"))
    }

    @Test("Files cut short are refused or lack what was cut, and damaged ones never end the process")
    func damaged() throws {
        for name in ["keras2.h5", "keras3.h5"] {
            let whole = try Reading.fixture(name)
            for length in stride(from: 8, to: whole.count, by: 97) { _ = try? Reading.source(Array(whole[..<length])) }
            var state: UInt64 = 1
            for _ in 0..<400 {
                state = state &* 6_364_136_223_846_793_005 &+ 1
                var damaged = whole
                damaged[8 + Int(state >> 33) % (whole.count - 8)] ^= UInt8(truncatingIfNeeded: state >> 20) | 1
                _ = try? Reading.source(damaged)
            }
        }
    }
}
