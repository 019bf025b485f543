import Foundation

/// Assembles pickles byte by byte, as Python's pickler writes them in protocol 2, and what may not be in them.
public struct PickleWriter {
    /// The bytes so far.
    public private(set) var bytes: [UInt8] = []

    /// A pickle of protocol `version`, begun.
    public init(version: UInt8 = 2) { bytes = [0x80, version] }

    /// Bytes as they are.
    public mutating func raw(_ more: [UInt8]) { bytes += more }

    /// One opcode of a letter.
    public mutating func op(_ letter: Unicode.Scalar) { bytes.append(UInt8(ascii: letter)) }

    /// `GLOBAL`.
    public mutating func global(_ module: String, _ name: String) { bytes += Array("c\(module)\n\(name)\n".utf8) }

    /// `BINUNICODE`.
    public mutating func text(_ text: String) {
        op("X")
        number(UInt32(text.utf8.count))
        bytes += Array(text.utf8)
    }

    /// `BININT`.
    public mutating func integer(_ value: Int32) {
        op("J")
        number(UInt32(bitPattern: value))
    }

    /// A tuple of integers.
    public mutating func integers(_ values: [Int32]) {
        op("(")
        for value in values { integer(value) }
        op("t")
    }

    /// What `torch.save` writes for a tensor: `_rebuild_tensor_v2` of a storage in the file.
    public mutating func tensor(
        storage: String, type: String = "FloatStorage", count: Int32, offset: Int32 = 0, shape: [Int32],
        strides: [Int32],
        isLegacy: Bool = false
    ) {
        global("torch._utils", "_rebuild_tensor_v2")
        op("(")
        op("(")
        text("storage")
        global("torch", type)
        text(storage)
        text("cpu")
        integer(count)
        if isLegacy { op("N") }
        op("t")
        op("Q")
        integer(offset)
        integers(shape)
        integers(strides)
        raw([0x89])
        emptyDictionary()
        op("t")
        op("R")
    }

    /// `OrderedDict()`.
    public mutating func emptyDictionary() {
        global("collections", "OrderedDict")
        op(")")
        op("R")
    }

    /// The end.
    public mutating func stop() -> [UInt8] {
        op(".")
        return bytes
    }

    private mutating func number(_ value: UInt32) {
        withUnsafeBytes(of: value.littleEndian) { bytes += Array($0) }
    }
}

/// Files as `torch.save` writes them, of tensors of floats.
public enum TorchFixture {
    /// One tensor.
    public typealias Tensor = (name: String, shape: [Int], values: [Float])

    /// Row-major strides.
    private static func strides(_ shape: [Int]) -> [Int32] {
        var strides: [Int32] = []
        var next: Int32 = 1
        for extent in shape.reversed() {
            strides.insert(next, at: 0)
            next *= Int32(extent)
        }
        return strides
    }

    private static func dictionary(_ tensors: [Tensor], in writer: inout PickleWriter, isLegacy: Bool) {
        writer.emptyDictionary()
        writer.op("(")
        for (index, tensor) in tensors.enumerated() {
            writer.text(tensor.name)
            writer.tensor(
                storage: "\(index)", count: Int32(tensor.values.count), shape: tensor.shape.map(Int32.init),
                strides: strides(tensor.shape), isLegacy: isLegacy)
        }
        writer.op("u")
    }

    /// Today's format; under `place` where that is given, beside an epoch.
    public static func zip(_ tensors: [Tensor], place: String? = nil, byteOrder: String = "little") -> [UInt8] {
        var writer = PickleWriter()
        if let place {
            writer.op("}")
            writer.op("(")
            writer.text("epoch")
            writer.integer(3)
            writer.text(place)
        }
        dictionary(tensors, in: &writer, isLegacy: false)
        if place != nil { writer.op("u") }
        var entries: [(String, [UInt8])] = [
            ("w/data.pkl", writer.stop()), ("w/byteorder", Array(byteOrder.utf8)), ("w/version", Array("3\n".utf8)),
        ]
        for (index, tensor) in tensors.enumerated() {
            entries.append(("w/data/\(index)", tensor.values.withUnsafeBytes { Array($0) }))
        }
        return ZipWriter.archive(entries)
    }

    /// The older format.
    public static func legacy(_ tensors: [Tensor], isLittleEndian: Bool = true) -> [UInt8] {
        // The magic number, the version and what is said of the machine, each a pickle of its own.
        var file: [UInt8] = [
            0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, UInt8(ascii: "."), 0x80, 2,
            UInt8(ascii: "M"), 0xE9, 0x03, UInt8(ascii: "."),
        ]
        var system = PickleWriter()
        system.op("}")
        system.text("little_endian")
        system.raw([isLittleEndian ? 0x88 : 0x89])
        system.op("s")
        file += system.stop()
        var writer = PickleWriter()
        dictionary(tensors, in: &writer, isLegacy: true)
        file += writer.stop()
        var keys = PickleWriter()
        keys.op("]")
        keys.op("(")
        for index in tensors.indices { keys.text("\(index)") }
        keys.op("e")
        file += keys.stop()
        for tensor in tensors {
            withUnsafeBytes(of: Int64(tensor.values.count).littleEndian) { file += Array($0) }
            file += tensor.values.withUnsafeBytes { Array($0) }
        }
        return file
    }
}
