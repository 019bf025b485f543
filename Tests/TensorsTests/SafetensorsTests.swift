import Foundation
import Testing

@testable import Tensors

@Suite struct SafetensorsTests {
    static func file(_ header: String, data: Int = 0, length: UInt64? = nil) -> Data {
        var bytes = Data()
        withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { bytes.append(contentsOf: $0) }
        return bytes + Data(header.utf8) + Data(repeating: 1, count: data)
    }

    static func open(_ data: Data) throws(TensorError) -> SafetensorsFile {
        try SafetensorsFile(path: "w.safetensors", contents: data)
    }

    @Test("What is written is read back: floats, bytes, words, names that need escapes")
    func roundTrip() throws {
        var writer = SafetensorsWriter()
        writer.add("a", try Tensor(shape: [2, 2], scalars: [1, -2.5, .infinity, Float(bitPattern: 21408)]))
        writer.add("half \"quoted\"\n", Tensor([1, 0.333251953125]), as: .float16)
        try writer.add("b", shape: [3], bytes: [0, 127, 255])
        try writer.add("w", shape: [1, 2], words: [1, 65535])
        let file = try Self.open(writer.serialized())
        #expect(file.names == ["a", "b", "half \"quoted\"\n", "w"])
        #expect(try file.tensor("a").scalars == [1, -2.5, .infinity, Float(bitPattern: 21408)])
        #expect(try file.tensor("half \"quoted\"\n").scalars == [1, 0.333251953125])
        #expect(try file.bytes("b") == [0, 127, 255])
        #expect(try file.words("w") == [1, 65535])
        #expect(throws: TensorError.missingTensor(path: "w.safetensors", tensor: "c")) { try file.tensor("c") }
        #expect(
            throws: TensorError.wrongElementType(
                path: "w.safetensors", tensor: "b", expected: "F32, F16, BF16 or F64", found: "U8")
        ) { try file.tensor("b") }
    }

    /// Bit patterns and values from IEEE 754-2019, table 3.5, and from bfloat16's definition.
    @Test("Half and bfloat16 numbers are read exactly, subnormals and infinities included")
    func halves() throws {
        let cases: [(UInt16, Float)] = [
            (0x3C00, 1), (0xC000, -2), (0x7BFF, 65504), (0x0400, 6.103515625e-05), (0x0001, 5.9604644775390625e-08),
            (0x03FF, 6.0975551605224609375e-05), (0x3555, 0.333251953125), (0x7C00, .infinity), (0xFC00, -.infinity),
            (0x8000, -0.0),
        ]
        let bytes = cases.flatMap { [UInt8($0.0 & 255), UInt8($0.0 >> 8)] }
        let header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[10],\"data_offsets\":[0,20]}}"
        let found = try Self.open(Self.file(header) + Data(bytes)).tensor("h").scalars
        #expect(found.map(\.bitPattern) == cases.map(\.1.bitPattern))
        let nan = try Self.open(
            Self.file("{\"h\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}")
                + Data([0xC0, 0x7F, 0x80, 0x3F]))
        #expect(try nan.tensor("h").scalars[0].isNaN)
        #expect(try nan.tensor("h").scalars[1] == 1)
    }

    @Test("Every half survives being read and written; floats round to the nearest even half")
    func rounding() throws {
        let patterns = (0...UInt16.max).filter { $0 & 0x7C00 != 0x7C00 || $0 & 0x3FF == 0 }
        var writer = SafetensorsWriter()
        try writer.add("u", shape: [patterns.count], words: patterns)
        let text = String(decoding: writer.serialized(), as: Unicode.ASCII.self)
        #expect(text.contains("U16"))
        let data = patterns.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        let header = "{\"h\":{\"dtype\":\"F16\",\"shape\":[\(patterns.count)],\"data_offsets\":[0,\(data.count)]}}"
        let floats = try Self.open(Self.file(header) + Data(data)).tensor("h")
        var back = SafetensorsWriter()
        back.add("h", floats, as: .float16)
        #expect(back.serialized().suffix(data.count) == Data(data))
        // 1 + 2^-11 lies between two halves and goes to the even one; 65520 is the first to round to infinity.
        for (value, expected) in [
            (Float(1.00048828125), Float(1)), (1.00146484375, 1.001953125), (65520, .infinity), (65519, 65504),
        ] {
            var writer = SafetensorsWriter()
            writer.add("x", Tensor([value]), as: .float16)
            #expect(try Self.open(writer.serialized()).tensor("x").scalars == [expected])
        }
    }

    @Test(
        "A damaged or hostile file is refused with a typed error",
        arguments: [
            ("", "2 to", UInt64(0)),
            ("{}", "a header", 1 << 63),
            ("{}", "the end of the header", 3),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}", "\"}\"", 0),
            ("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}", "gap", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", "8 bytes", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}", "cut short", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", "ascending", 0),
            ("{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", "F31", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "whole number", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}}", "whole number", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,4]}}", "fewer", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"x\":{}}}", "dtype, shape", 0),
            ("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "incomplete", 0),
            ("{\"a\":[[[[[[[[[[[[[[[[", "\"{\"", 0),
            (
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                    + "\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[1,4]}}", "overlapping", 0
            ),
            (
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                    + "\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}", "same name", 0
            ),
        ])
    func hostile(_ header: String, _ expected: String, _ length: UInt64) throws {
        let data = Self.file(header, data: 4, length: length == 0 ? nil : length)
        let error = try #require(throws: TensorError.self) { try Self.open(data) }
        #expect(error.description.contains("w.safetensors"))
        #expect(error.description.contains(expected), "\(error)")
    }

    @Test("A file cut short at any byte is refused and never read beyond its end")
    func truncated() throws {
        var writer = SafetensorsWriter()
        writer.add("a", Tensor([1, 2, 3]))
        writer.add("b", Tensor([4, 5]))
        let whole = writer.serialized()
        for count in 0..<whole.count {
            #expect(throws: TensorError.self) { try Self.open(whole.prefix(count)) }
        }
        #expect(throws: TensorError.self) { try Self.open(whole + Data([0])) }
    }

    @Test("A missing file, a folder and an unwritable place are told apart")
    func paths() throws {
        let folder = FileManager.default.temporaryDirectory
        let missing = folder.appending(path: "no-such-\(UUID()).safetensors")
        #expect(throws: TensorError.missingFile(path: missing.path(percentEncoded: false))) {
            try SafetensorsFile(contentsOf: missing)
        }
        let error = try #require(throws: TensorError.self) { try SafetensorsFile(contentsOf: folder) }
        #expect(error.description.contains("not a regular file"))
        #expect(throws: TensorError.self) {
            try SafetensorsWriter().write(to: missing.appending(path: "below/x.safetensors"))
        }
    }

    @Test("A shape and a count that disagree are refused, also when the product overflows")
    func shapes() {
        #expect(throws: TensorError.shapeMismatch(shape: [2, 3], found: 5)) {
            try Tensor(shape: [2, 3], scalars: [1, 2, 3, 4, 5])
        }
        #expect(Tensor.count(of: [Int.max, 2]) == nil)
        #expect(Tensor.count(of: [-1]) == nil)
        #expect(Tensor.count(of: []) == 1)
    }
}
