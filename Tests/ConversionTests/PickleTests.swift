import Foundation
import Tensors
import Testing
import WeightFixtures

@testable import Conversion

/// A zip file of PyTorch around a pickle, with storages of floats.
private func archive(_ pickle: [UInt8], storages: [String: [Float]] = [:]) -> [UInt8] {
    ZipWriter.archive(
        [("w/data.pkl", pickle)]
            + storages.sorted { $0.key < $1.key }.map { ("w/data/\($0.key)", $0.value.withUnsafeBytes { Array($0) }) })
}

@Suite("Pickles")
struct PickleTests {
    @Test("A state dict is read in both formats of PyTorch, from wherever a checkpoint keeps it")
    func stateDict() throws {
        let tensors: [TorchFixture.Tensor] = [("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), ("a.bias", [2], [-1, 0.5])]
        for bytes in [
            TorchFixture.zip(tensors), TorchFixture.legacy(tensors), TorchFixture.zip(tensors, place: "state_dict"),
            TorchFixture.zip(tensors, place: "ema"),
        ] {
            let file = try Reading.source(bytes).tensors
            #expect(file.names == ["a.bias", "a.weight"])
            #expect(try file.tensor("a.weight") == Tensor(shape: [2, 3], scalars: [1, 2, 3, 4, 5, 6]))
            #expect(try file.tensor("a.bias").scalars == [-1, 0.5])
        }
        let notes = try Reading.source(TorchFixture.zip(tensors, place: "model")).notes
        #expect(notes.place == "model")
        #expect(notes.passedOver.map(\.name) == ["epoch"])
    }

    @Test("Views of one storage are read as their strides say: a transposed one, and one that begins later")
    func views() throws {
        var writer = PickleWriter()
        writer.op("}")
        writer.op("(")
        writer.text("turned")
        writer.tensor(storage: "0", count: 6, shape: [3, 2], strides: [1, 3])
        writer.text("tail")
        writer.tensor(storage: "0", count: 6, offset: 4, shape: [2], strides: [1])
        writer.text("every second")
        writer.tensor(storage: "0", count: 6, shape: [3, 1], strides: [2, 7])
        writer.op("u")
        let file = try Reading.source(archive(writer.stop(), storages: ["0": [1, 2, 3, 4, 5, 6]])).tensors
        #expect(try file.tensor("turned") == Tensor(shape: [3, 2], scalars: [1, 4, 2, 5, 3, 6]))
        #expect(try file.tensor("tail").scalars == [5, 6])
        #expect(try file.tensor("every second").scalars == [1, 3, 5])
    }

    @Test(
        "Doubles, halves and bfloat16 keep their values",
        arguments: [
            ("DoubleStorage", [0, 0, 0, 0, 0, 0, 0xF8, 0x3F] as [UInt8]), ("HalfStorage", [0x00, 0x3E]),
            ("BFloat16Storage", [0xC0, 0x3F]), ("FloatStorage", [0, 0, 0xC0, 0x3F]),
        ])
    func types(type: String, bytes: [UInt8]) throws {
        var writer = PickleWriter()
        writer.op("}")
        writer.text("x")
        writer.tensor(storage: "0", type: type, count: 1, shape: [1], strides: [1])
        writer.op("s")
        let file = try Reading.source(ZipWriter.archive([("w/data.pkl", writer.stop()), ("w/data/0", bytes)])).tensors
        #expect(try file.tensor("x").scalars == [1.5])
    }

    @Test(
        "A pickle that asks for os.system is refused by that name, whether it calls it or not, in every way to say it")
    func hostile() {
        var call = PickleWriter()
        call.global("os", "system")
        call.op("(")
        call.text("touch /tmp/nightread-was-here")
        call.op("t")
        call.op("R")
        #expect(Reading.refusal(archive(call.stop())).contains("os.system at byte 2"))
        // The raw pickle, without any archive, and in protocol 4's words.
        #expect(Reading.refusal(call.bytes).contains("os.system at byte 2"))
        var stacked = PickleWriter(version: 4)
        for word in ["builtins", "eval"] { stacked.raw([0x8C, UInt8(word.utf8.count)] + Array(word.utf8)) }
        stacked.raw([0x93])
        #expect(Reading.refusal(archive(stacked.stop())).contains("builtins.eval"))
        // Names that begin as allowed ones do.
        for (module, name) in [("torch", "load"), ("torch._utils", "_rebuild_tensor_v2x"), ("collections", "Counter")] {
            var writer = PickleWriter()
            writer.global(module, name)
            #expect(Reading.refusal(archive(writer.stop())).contains("\(module).\(name)"))
        }
        #expect(!FileManager.default.fileExists(atPath: "/tmp/nightread-was-here"))
    }

    @Test("A whole pickled model is refused with what to do instead")
    func module() {
        var writer = PickleWriter()
        writer.global("timm.models.efficientnet", "EfficientNet")
        writer.op(")")
        writer.raw([0x81])
        for bytes in [archive(writer.stop()), writer.bytes] {
            let reason = Reading.refusal(bytes)
            #expect(reason.contains("timm.models.efficientnet.EfficientNet"))
            #expect(reason.contains("torch.save(model.state_dict(), FILE)"))
        }
    }

    @Test("An opcode that torch.save does not write is named, with its place")
    func opcode() {
        var writer = PickleWriter()
        writer.op("}")
        writer.op("i")
        let reason = Reading.refusal(archive(writer.stop()))
        #expect(reason.contains("'i' (0x69) at byte 3"))
    }

    @Test("A tensor that does not lie in its storage is refused before memory is taken")
    func outside() {
        for (offset, shape, strides) in [
            (0, [7], [1]), (5, [2], [1]), (0, [2, 2], [5, 1]), (0, [1 << 30, 1 << 30], [0, 0]), (-1, [1], [1]),
            (0, [2], [-1]),
        ] as [(Int32, [Int32], [Int32])] {
            var writer = PickleWriter()
            writer.op("}")
            writer.text("x")
            writer.tensor(storage: "0", count: 6, offset: offset, shape: shape, strides: strides)
            writer.op("s")
            let reason = Reading.refusal(archive(writer.stop(), storages: ["0": [1, 2, 3, 4, 5, 6]]))
            #expect(reason.contains("damaged"), "\(shape) \(strides) \(offset): \(reason)")
        }
    }

    @Test("A storage of another size than its file, or of none, is refused with the tensor's name")
    func storages() {
        var writer = PickleWriter()
        writer.op("}")
        writer.text("conv_stem.weight")
        writer.tensor(storage: "0", count: 1 << 30, shape: [1 << 30], strides: [1])
        writer.op("s")
        let pickle = writer.stop()
        #expect(Reading.refusal(archive(pickle, storages: ["0": [1]])).contains("conv_stem.weight"))
        #expect(Reading.refusal(archive(pickle)).contains("data/0 is not in the archive"))
    }

    @Test("Big-endian tensors, TorchScript programs, plain pickles and tar files are refused as what they are")
    func others() {
        let tensors: [TorchFixture.Tensor] = [("x", [1], [1])]
        #expect(Reading.refusal(TorchFixture.zip(tensors, byteOrder: "big")).contains("byte order big"))
        #expect(Reading.refusal(TorchFixture.legacy(tensors, isLittleEndian: false)).contains("byte order big"))
        let script = ZipWriter.archive([("m/data.pkl", [0x80, 2, 0x2E]), ("m/constants.pkl", [0x80, 2, 0x2E])])
        #expect(Reading.refusal(script).contains("TorchScript"))
        var plain = PickleWriter()
        plain.op("}")
        #expect(Reading.refusal(plain.stop()).contains("torch.save did not write"))
        let tar = [UInt8](repeating: 0, count: 257) + Array("ustar".utf8) + [UInt8](repeating: 0, count: 250)
        #expect(Reading.refusal(tar).contains("tar format"))
        var empty = PickleWriter()
        empty.op("}")
        #expect(Reading.refusal(archive(empty.stop())).contains("expected a dictionary of tensors"))
    }

    @Test("A pickle that nests a million lists, or refers to itself, ends in an answer")
    func nesting() {
        var writer = PickleWriter()
        for _ in 0..<1_000_000 { writer.op("]") }
        for _ in 1..<1_000_000 { writer.op("a") }
        #expect(Reading.refusal(archive(writer.stop())).contains("found a list"))
        var circle = PickleWriter()
        circle.op("}")
        circle.raw([UInt8(ascii: "q"), 0])
        circle.text("state_dict")
        circle.raw([UInt8(ascii: "h"), 0])
        circle.op("s")
        #expect(Reading.refusal(archive(circle.stop())).contains("expected a dictionary of tensors"))
    }

    @Test("Both formats cut short anywhere are refused, never read and never the end of the process")
    func truncated() {
        let tensors: [TorchFixture.Tensor] = [("a.weight", [2, 3], [1, 2, 3, 4, 5, 6]), ("a.bias", [2], [-1, 0.5])]
        for whole in [TorchFixture.zip(tensors), TorchFixture.legacy(tensors)] {
            for length in 0..<whole.count { _ = Reading.refusal(Array(whole[..<length])) }
        }
    }

    @Test(
        "A shuffled archive, one that claims more than it has, and one that unpacks to more than any model are refused")
    func archives() throws {
        let tensors: [TorchFixture.Tensor] = [("a.weight", [2, 3], [1, 2, 3, 4, 5, 6])]
        let whole = TorchFixture.zip(tensors)
        // One bit of a value: the CRC tells.
        let value = try #require(whole.indices.first { Array(whole[$0...].prefix(4)) == [0, 0, 0xC0, 0x40] })
        var turned = whole
        turned[value] ^= 1
        #expect(Reading.refusal(turned).contains("damaged"))
        let entries: [(String, [UInt8])] = [("w/data.pkl", [0x80, 2, 0x2E]), ("w/data/0", [0, 0, 0, 0])]
        #expect(!Reading.refusal(ZipWriter.archive(entries, claim: ["w/data.pkl": 100_000])).isEmpty)
        #expect(
            Reading.refusal(ZipWriter.archive(entries, claim: ["w/data/0": .max - 1, "w/data.pkl": .max - 1])).contains(
                "unpacks to"))
        #expect(Reading.refusal(ZipWriter.archive(entries + entries)).contains("twice"))
    }
}
