/// What a pickle may make: plain values, dictionaries, and tensors that still lie in the file.
///
/// Lists, tuples and dictionaries are numbers of a `PickleHeap`, so that however deep a file nests them nothing here recurses.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    /// An integer of more than 64 bits, little-endian two's complement.
    case bigInteger([UInt8])
    case float(Double)
    case text(String)
    case bytes([UInt8])
    case tuple(Int)
    case list(Int)
    case dictionary(Int)
    case global(PickleGlobal)
    case storage(Int)
    case tensor(Int)
    /// Something harmless that no weight depends on, in words.
    case opaque(String)

    /// What it is, for messages.
    var kind: String {
        switch self {
        case .none: "nothing"
        case .bool: "a truth value"
        case .integer, .bigInteger, .float: "a number"
        case .text: "a text"
        case .bytes: "bytes"
        case .tuple: "a tuple"
        case .list: "a list"
        case .dictionary: "a dictionary"
        case .global: "a name"
        case .storage: "a storage"
        case .tensor: "a tensor"
        case .opaque(let words): words
        }
    }
}

/// A run of elements in the file that tensors are views of.
struct PickleStorage: Equatable {
    /// As the file calls it.
    var key: String
    var type: PickleElement
    /// Number of elements.
    var count: Int
}

/// A view of a storage.
struct PickleTensor: Equatable {
    /// Number of its storage.
    var storage: Int
    /// Of the first element, in elements.
    var offset: Int
    var shape: [Int]
    /// In elements.
    var strides: [Int]
}

/// Everything that a pickle's values refer to.
struct PickleHeap {
    var tuples: [[PickleValue]] = []
    var lists: [[PickleValue]] = []
    var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
    var storages: [PickleStorage] = []
    var tensors: [PickleTensor] = []
}
