public import Foundation

/// A safetensors file, read and checked as a whole.
///
///     let file = try SafetensorsFile(contentsOf: url)
///     let stem = try file.tensor("conv_stem.weight")
///
/// The bytes are read, not mapped: a weight file that shrinks while a night's run uses it must not end the process.
/// Format: https://huggingface.co/docs/safetensors
public struct SafetensorsFile: Sendable {
    /// What the header says of one tensor.
    public struct Description: Sendable, Hashable {
        /// How its elements are stored.
        public let type: ElementType
        /// Extent of every dimension, outermost first.
        public let shape: [Int]
    }

    /// Files larger than this are refused; B7 in float32 has 0.27 GB.
    public static let sizeLimit = 4 << 30

    /// The file's path, for messages.
    public let path: String
    /// The whole file's bytes (for digests).
    public let contents: Data

    private let header: SafetensorsHeader
    private let dataStart: Int

    /// Reads and checks a file.
    ///
    /// - Throws: `TensorError` for a file that cannot be read or breaks the format.
    public init(contentsOf url: URL) throws(TensorError) {
        let path = url.path(percentEncoded: false)
        let data: Data
        do {
            let values = try url.resourceValues(forKeys: [.isRegularFileKey, .fileSizeKey])
            guard values.isRegularFile == true else {
                throw TensorError.cannotRead(path: path, reason: "it is not a regular file")
            }
            guard values.fileSize ?? 0 <= Self.sizeLimit else {
                throw TensorError.cannotRead(path: path, reason: "it is larger than \(Self.sizeLimit >> 30) GiB")
            }
            data = try Data(contentsOf: url)
        } catch let error as TensorError {
            throw error
        } catch {
            throw .unreadable(path: path, error)
        }
        try self.init(path: path, contents: data)
    }

    /// Checks a file's bytes; `path` is used in messages only.
    ///
    /// - Throws: `TensorError` for bytes that break the format.
    public init(path: String, contents: Data) throws(TensorError) {
        guard contents.count >= 8 else {
            throw .malformedHeader(path: path, expected: "at least 8 bytes", found: "\(contents.count)")
        }
        let length = contents.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let room = min(contents.count - 8, SafetensorsHeader.lengthLimit)
        guard length >= 2, length <= UInt64(room) else {
            throw .malformedHeader(
                path: path, expected: "a header of 2 to \(room) bytes", found: "a length of \(length)")
        }
        let json = Array(contents.dropFirst(8).prefix(Int(length)))
        self.path = path
        self.contents = contents
        self.dataStart = contents.startIndex + 8 + Int(length)
        self.header = try SafetensorsHeader(path: path, json: json[...], dataCount: contents.count - 8 - Int(length))
    }

    /// Names of all tensors, sorted.
    public var names: [String] { header.entries.keys.sorted() }

    /// The free text pairs that the file's writer added.
    public var metadata: [String: String] { header.metadata }

    /// What the header says of a tensor, or nil when the file has none of that name.
    public subscript(name: String) -> Description? {
        header.entries[name].map { Description(type: $0.type, shape: $0.shape) }
    }

    /// A tensor of type F32, F16, BF16 or F64, as 32-bit floats.
    ///
    /// - Throws: `TensorError.missingTensor`, `TensorError.wrongElementType`.
    public func tensor(_ name: String) throws(TensorError) -> Tensor {
        let entry = try entry(name)
        let count = entry.bytes.count / entry.type.size
        let type = entry.type
        guard type.isFloatingPoint else {
            throw .wrongElementType(path: path, tensor: name, expected: "F32, F16, BF16 or F64", found: type.rawValue)
        }
        let scalars = withBytes(of: entry) { source in
            [Float](unsafeUninitializedCapacity: count) { target, initialised in
                FloatConversion.decode(source, type: type, into: target)
                initialised = count
            }
        }
        return try Tensor(shape: entry.shape, scalars: scalars)
    }

    /// The first value of a tensor that is not finite or, where asked for, negative: found without a copy of the tensor.
    ///
    /// - Throws: as `tensor` does.
    public func firstBad(
        _ name: String, isNegativeBad: Bool
    ) throws(TensorError) -> (index: Int, value: Float)? {
        let entry = try entry(name)
        let type = entry.type
        guard type.isFloatingPoint else {
            throw .wrongElementType(path: path, tensor: name, expected: "F32, F16, BF16 or F64", found: type.rawValue)
        }
        return withBytes(of: entry) { source in
            var piece = [Float](repeating: 0, count: 1 << 14)
            let count = source.count / type.size
            for start in stride(from: 0, to: count, by: piece.count) {
                let held = min(piece.count, count - start)
                let bytes = UnsafeRawBufferPointer(rebasing: source[start * type.size..<(start + held) * type.size])
                let bad = piece.withUnsafeMutableBufferPointer { piece -> Int? in
                    FloatConversion.decode(
                        bytes, type: type, into: UnsafeMutableBufferPointer(rebasing: piece[..<held]))
                    // Added up first: a sum of magnitudes is finite only if all are (or they overflow, which the search settles).
                    var sum: Float = 0
                    for i in 0..<held { sum += piece[i].magnitude }
                    guard !sum.isFinite || isNegativeBad else { return nil }
                    return piece[..<held].firstIndex { !$0.isFinite || (isNegativeBad && $0 < 0) }
                }
                if let bad { return (start + bad, piece[bad]) }
            }
            return nil
        }
    }

    /// The elements of a U8 tensor.
    ///
    /// - Throws: `TensorError.missingTensor`, `TensorError.wrongElementType`.
    public func bytes(_ name: String) throws(TensorError) -> [UInt8] {
        let entry = try entry(name, as: .uint8)
        return withBytes(of: entry) { Array($0) }
    }

    /// The elements of a U16 tensor.
    ///
    /// - Throws: `TensorError.missingTensor`, `TensorError.wrongElementType`.
    public func words(_ name: String) throws(TensorError) -> [UInt16] {
        let entry = try entry(name, as: .uint16)
        return withBytes(of: entry) { source in
            (0..<source.count / 2).map {
                UInt16(littleEndian: source.loadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self))
            }
        }
    }

    private func entry(_ name: String) throws(TensorError) -> SafetensorsHeader.Entry {
        guard let entry = header.entries[name] else { throw .missingTensor(path: path, tensor: name) }
        return entry
    }

    private func entry(_ name: String, as type: ElementType) throws(TensorError) -> SafetensorsHeader.Entry {
        let entry = try entry(name)
        guard entry.type == type else {
            throw .wrongElementType(path: path, tensor: name, expected: type.rawValue, found: entry.type.rawValue)
        }
        return entry
    }

    private func withBytes<R>(of entry: SafetensorsHeader.Entry, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        let offset = dataStart - contents.startIndex
        return contents.withUnsafeBytes { all in
            body(
                UnsafeRawBufferPointer(rebasing: all[offset + entry.bytes.lowerBound..<offset + entry.bytes.upperBound])
            )
        }
    }
}
