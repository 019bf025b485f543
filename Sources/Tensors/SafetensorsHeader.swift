/// The header of a safetensors file: one flat JSON object of tensor entries.
///
/// Parsed by hand, for exactly the grammar the format allows: a general JSON parser would nest without bound and keep
/// one of two tensors of the same name without a word. Format: https://huggingface.co/docs/safetensors
struct SafetensorsHeader {
    /// One tensor's entry: type, shape, and where its bytes lie in the data that follows the header.
    struct Entry: Sendable, Hashable {
        var type: ElementType
        var shape: [Int]
        var bytes: Range<Int>
    }

    /// The format's own limit on the header's length.
    static let lengthLimit = 100_000_000
    /// No network here has more than six dimensions; a shape of a million extents is an attack.
    static let dimensionLimit = 16

    private(set) var entries: [String: Entry] = [:]
    private(set) var metadata: [String: String] = [:]

    private let path: String

    /// Reads the header's JSON and checks every entry against `dataCount`, the number of bytes after the header.
    init(path: String, json: ArraySlice<UInt8>, dataCount: Int) throws(TensorError) {
        self.path = path
        var scanner = HeaderScanner(path: path, bytes: json)
        try scanner.object { name, scanner throws(TensorError) in
            if name == "__metadata__" {
                try scanner.object { key, scanner throws(TensorError) in
                    metadata[key] = try scanner.string()
                }
                return
            }
            guard entries[name] == nil else {
                throw .malformedTensor(path: path, tensor: name, expected: "one entry", found: "two of the same name")
            }
            entries[name] = try Self.entry(name, &scanner, path: path)
        }
        try scanner.end()
        try checkLayout(dataCount: dataCount)
    }

    private static func entry(
        _ name: String, _ scanner: inout HeaderScanner, path: String
    ) throws(TensorError) -> Entry {
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        func once(_ field: String, _ isNew: Bool) throws(TensorError) {
            guard isNew else {
                throw .malformedTensor(path: path, tensor: name, expected: "\(field) once", found: "it twice")
            }
        }
        try scanner.object { key, scanner throws(TensorError) in
            switch key {
            case "dtype":
                try once(key, type == nil)
                let text = try scanner.string()
                guard let known = ElementType(rawValue: text) else {
                    throw .malformedTensor(
                        path: path, tensor: name,
                        expected: "a dtype of \(ElementType.allCases.map(\.rawValue).joined(separator: ", "))",
                        found: text)
                }
                type = known
            case "shape":
                try once(key, shape == nil)
                shape = try scanner.integers(limit: dimensionLimit)
            case "data_offsets":
                try once(key, offsets == nil)
                offsets = try scanner.integers(limit: 2)
            default:
                throw .malformedTensor(
                    path: path, tensor: name, expected: "the keys dtype, shape and data_offsets", found: key)
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2 else {
            throw .malformedTensor(
                path: path, tensor: name, expected: "dtype, shape and two data_offsets", found: "an incomplete entry")
        }
        guard offsets[0] <= offsets[1] else {
            throw .malformedTensor(
                path: path, tensor: name, expected: "data_offsets in ascending order", found: "\(offsets)")
        }
        let needed = Tensor.count(of: shape)?.multipliedReportingOverflow(by: type.size)
        guard let needed, !needed.overflow, needed.partialValue == offsets[1] - offsets[0] else {
            throw .malformedTensor(
                path: path, tensor: name,
                expected:
                    "\(needed.map { $0.overflow ? "fewer" : "\($0.partialValue)" } ?? "fewer") bytes for \(type.rawValue) of shape \(shape)",
                found: "\(offsets[1] - offsets[0])")
        }
        return Entry(type: type, shape: shape, bytes: offsets[0]..<offsets[1])
    }

    /// The format wants the data covered without gaps and without overlaps.
    private func checkLayout(dataCount: Int) throws(TensorError) {
        var end = 0
        let ordered = entries.sorted {
            ($0.value.bytes.lowerBound, $0.value.bytes.upperBound, $0.key) < (
                $1.value.bytes.lowerBound, $1.value.bytes.upperBound, $1.key
            )
        }
        for (name, entry) in ordered {
            guard entry.bytes.upperBound <= dataCount else {
                throw .malformedTensor(
                    path: path, tensor: name, expected: "offsets within the file's \(dataCount) bytes of data",
                    found: "an end at \(entry.bytes.upperBound): the file is cut short or damaged")
            }
            guard entry.bytes.lowerBound == end else {
                throw .malformedTensor(
                    path: path, tensor: name, expected: "a start at \(end), where the tensor before it ends",
                    found: "\(entry.bytes.lowerBound) (\(entry.bytes.lowerBound < end ? "overlapping" : "a gap"))")
            }
            end = entry.bytes.upperBound
        }
        guard end == dataCount else {
            throw .malformedHeader(path: path, expected: "\(end) bytes of data", found: "\(dataCount)")
        }
    }
}
