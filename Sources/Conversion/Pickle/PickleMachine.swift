/// Runs a pickle's program, as far as tensors and dictionaries need it: no imports, no calls, no objects but those of `PickleGlobal`.
///
/// The machine of Python's `pickle` (pickletools.py describes it) with the opcodes that `torch.save` writes, protocols 2 to 5. Anything
/// else ends it with an error that names opcode and byte.
struct PickleMachine {
    /// Opcodes of one pickle; a B7's state dict takes 40,000.
    static let stepLimit = 20_000_000
    /// Values on the stack at once.
    static let stackLimit = 1_000_000

    private var cursor: PickleCursor
    private(set) var heap: PickleHeap
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var storageNumbers: [String: Int] = [:]

    /// Runs one pickle from `cursor` on, to its end.
    static func run(_ cursor: inout PickleCursor) throws(ContainerError) -> (value: PickleValue, heap: PickleHeap) {
        var machine = PickleMachine(cursor: cursor)
        let value = try machine.run()
        cursor = machine.cursor
        return (value, machine.heap)
    }

    private init(cursor: PickleCursor) {
        self.cursor = cursor
        heap = PickleHeap()
    }

    private mutating func run() throws(ContainerError) -> PickleValue {
        for _ in 0..<Self.stepLimit {
            let position = cursor.position
            let opcode = try cursor.byte()
            if opcode == UInt8(ascii: ".") { return try pop() }
            try step(opcode, at: position)
            guard stack.count <= Self.stackLimit else {
                throw ContainerError("the pickle holds more than \(Self.stackLimit) values at once at byte \(position)")
            }
        }
        throw ContainerError("the pickle takes more than \(Self.stepLimit) steps")
    }

    private mutating func step(_ opcode: UInt8, at position: Int) throws(ContainerError) {
        switch opcode {
        case 0x80:
            let version = try cursor.byte()
            guard (2...5).contains(version) else {
                throw ContainerError("the pickle has protocol \(version): expected 2 to 5")
            }
        case 0x95: _ = try cursor.number(UInt64.self)  // FRAME: how much to read at once
        case UInt8(ascii: "("): marks.append(stack.count)
        case UInt8(ascii: "0"): _ = try pop()
        case UInt8(ascii: "1"): _ = try popMark()
        case UInt8(ascii: "2"): stack.append(try top())
        case UInt8(ascii: "N"): stack.append(.none)
        case 0x88: stack.append(.bool(true))
        case 0x89: stack.append(.bool(false))
        case UInt8(ascii: "J"), UInt8(ascii: "K"), UInt8(ascii: "M"), UInt8(ascii: "G"), 0x8A, 0x8B:
            stack.append(try number(opcode))
        case UInt8(ascii: "X"), 0x8C, 0x8D, UInt8(ascii: "U"), UInt8(ascii: "T"):
            stack.append(.text(try cursor.text(try length(opcode))))
        case UInt8(ascii: "B"), UInt8(ascii: "C"), 0x8E:
            stack.append(.bytes(Array(try cursor.take(try length(opcode)))))
        case UInt8(ascii: "q"): memo[Int(try cursor.byte())] = try top()
        case UInt8(ascii: "r"): memo[try cursor.length(UInt32.self)] = try top()
        case 0x94: memo[memo.count] = try top()
        case UInt8(ascii: "h"): stack.append(try remembered(Int(try cursor.byte()), at: position))
        case UInt8(ascii: "j"): stack.append(try remembered(try cursor.length(UInt32.self), at: position))
        case UInt8(ascii: ")"), UInt8(ascii: "t"), 0x85, 0x86, 0x87: try makeTuple(opcode)
        case UInt8(ascii: "]"), UInt8(ascii: "l"), UInt8(ascii: "a"), UInt8(ascii: "e"):
            try buildList(opcode, at: position)
        case UInt8(ascii: "}"), UInt8(ascii: "d"), UInt8(ascii: "s"), UInt8(ascii: "u"):
            try buildDictionary(opcode, at: position)
        case UInt8(ascii: "c"):
            let module = try cursor.line(limit: 1024)
            stack.append(.global(try PickleGlobal(module: module, name: try cursor.line(limit: 1024), at: position)))
        case 0x93:
            let (name, module) = (try pop(), try pop())
            guard case .text(let name) = name, case .text(let module) = module else {
                throw damaged("a module and a name", "\(module.kind) and \(name.kind)", at: position)
            }
            stack.append(.global(try PickleGlobal(module: module, name: name, at: position)))
        case UInt8(ascii: "Q"): stack.append(try storage(try pop(), at: position))
        case UInt8(ascii: "R"), 0x81:
            let (arguments, callee) = (try pop(), try pop())
            guard case .tuple(let number) = arguments, case .global(let global) = callee else {
                throw damaged("a known name and its arguments", "\(callee.kind) and \(arguments.kind)", at: position)
            }
            stack.append(try call(global, heap.tuples[number], at: position))
        case UInt8(ascii: "b"):
            _ = try pop()
            // What state dicts carry beside their tensors (`_metadata`), and the state of harmless values: nothing is set.
            switch try top() {
            case .dictionary, .opaque, .tensor: break
            case let other: throw damaged("a dictionary to set something of", other.kind, at: position)
            }
        default:
            throw ContainerError(
                "the pickle has opcode \(Self.name(opcode)) at byte \(position): expected what torch.save writes")
        }
    }

    private static func name(_ opcode: UInt8) -> String {
        let hexadecimal = "0x" + String(opcode, radix: 16)
        return (0x21...0x7E).contains(opcode) ? "'\(Character(Unicode.Scalar(opcode)))' (\(hexadecimal))" : hexadecimal
    }

    // MARK: Stack

    private mutating func pop() throws(ContainerError) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw ContainerError(
                "the pickle is damaged: it takes a value that is not there before byte \(cursor.position)")
        }
        return value
    }

    private func top() throws(ContainerError) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else {
            throw ContainerError(
                "the pickle is damaged: it takes a value that is not there before byte \(cursor.position)")
        }
        return value
    }

    private mutating func popMark() throws(ContainerError) -> [PickleValue] {
        guard let mark = marks.popLast() else {
            throw ContainerError(
                "the pickle is damaged: it ends a group that was not begun before byte \(cursor.position)")
        }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    private func remembered(_ number: Int, at position: Int) throws(ContainerError) -> PickleValue {
        guard let value = memo[number] else {
            throw damaged("a value remembered as \(number)", "none", at: position)
        }
        return value
    }

    private func damaged(_ expected: String, _ found: String, at position: Int) -> ContainerError {
        ContainerError("the pickle is damaged: expected \(expected) at byte \(position), found \(found)")
    }

    // MARK: Values

    private mutating func length(_ opcode: UInt8) throws(ContainerError) -> Int {
        switch opcode {
        case 0x8C, UInt8(ascii: "U"), UInt8(ascii: "C"): Int(try cursor.byte())
        case 0x8D, 0x8E: try cursor.length(UInt64.self)
        default: try cursor.length(UInt32.self)
        }
    }

    private mutating func number(_ opcode: UInt8) throws(ContainerError) -> PickleValue {
        switch opcode {
        case UInt8(ascii: "J"): return .integer(Int(try cursor.number(Int32.self)))
        case UInt8(ascii: "K"): return .integer(Int(try cursor.byte()))
        case UInt8(ascii: "M"): return .integer(Int(try cursor.number(UInt16.self)))
        case UInt8(ascii: "G"):
            return .float(Double(bitPattern: UInt64(bigEndian: try cursor.take(8).loadUnaligned(as: UInt64.self))))
        default:
            let count = opcode == 0x8A ? Int(try cursor.byte()) : try cursor.length(UInt32.self)
            let bytes = Array(try cursor.take(count))
            guard bytes.count <= 8 else { return .bigInteger(bytes) }
            let isNegative = (bytes.last ?? 0) & 0x80 != 0
            let padded = bytes + [UInt8](repeating: isNegative ? 0xFF : 0, count: 8 - bytes.count)
            return .integer(Int(littleEndian: padded.withUnsafeBytes { $0.loadUnaligned(as: Int.self) }))
        }
    }

    private mutating func makeTuple(_ opcode: UInt8) throws(ContainerError) {
        var items: [PickleValue] = []
        switch opcode {
        case UInt8(ascii: ")"): break
        case UInt8(ascii: "t"): items = try popMark()
        default:
            for _ in 0..<Int(opcode - 0x84) { items.append(try pop()) }
            items.reverse()
        }
        heap.tuples.append(items)
        stack.append(.tuple(heap.tuples.count - 1))
    }

    private mutating func buildList(_ opcode: UInt8, at position: Int) throws(ContainerError) {
        var items: [PickleValue] = []
        switch opcode {
        case UInt8(ascii: "a"): items = [try pop()]
        case UInt8(ascii: "e"), UInt8(ascii: "l"): items = try popMark()
        default: break
        }
        guard opcode == UInt8(ascii: "a") || opcode == UInt8(ascii: "e") else {
            heap.lists.append(items)
            stack.append(.list(heap.lists.count - 1))
            return
        }
        guard case .list(let number) = try top() else { throw damaged("a list", try top().kind, at: position) }
        heap.lists[number] += items
    }

    private mutating func buildDictionary(_ opcode: UInt8, at position: Int) throws(ContainerError) {
        var items: [PickleValue] = []
        switch opcode {
        case UInt8(ascii: "s"):
            let value = try pop()
            items = [try pop(), value]
        case UInt8(ascii: "u"), UInt8(ascii: "d"): items = try popMark()
        default: break
        }
        if opcode == UInt8(ascii: "}") || opcode == UInt8(ascii: "d") {
            heap.dictionaries.append([])
            stack.append(.dictionary(heap.dictionaries.count - 1))
        }
        guard case .dictionary(let number) = try top() else {
            throw damaged("a dictionary", try top().kind, at: position)
        }
        guard items.count % 2 == 0 else { throw damaged("pairs", "\(items.count) values", at: position) }
        for index in stride(from: 0, to: items.count, by: 2) {
            heap.dictionaries[number].append((items[index], items[index + 1]))
        }
    }

    // MARK: Tensors

    /// `("storage", type, key, location, count)`, the only thing that torch.save refers to outside the pickle.
    private mutating func storage(_ reference: PickleValue, at position: Int) throws(ContainerError) -> PickleValue {
        guard case .tuple(let number) = reference, heap.tuples[number].count >= 5,
            case .text("storage") = heap.tuples[number][0], case .global(.storage(let type)) = heap.tuples[number][1],
            case .text(let key) = heap.tuples[number][2], case .integer(let count) = heap.tuples[number][4], count >= 0
        else { throw damaged("a storage's type, key and size", "something else", at: position) }
        if heap.tuples[number].count > 5 {
            guard case .none = heap.tuples[number][5] else {
                throw ContainerError(
                    "storage \(key) is a view of another one, as PyTorch before 0.4 wrote: load it in PyTorch and save it again"
                )
            }
        }
        let storage = PickleStorage(key: key, type: type, count: count)
        if let known = storageNumbers[key] {
            guard heap.storages[known] == storage else {
                throw damaged("storage \(key) to be the same everywhere", "two types or sizes", at: position)
            }
            return .storage(known)
        }
        heap.storages.append(storage)
        storageNumbers[key] = heap.storages.count - 1
        return .storage(heap.storages.count - 1)
    }

    private mutating func call(
        _ global: PickleGlobal, _ arguments: [PickleValue], at position: Int
    ) throws(ContainerError) -> PickleValue {
        switch global {
        case .dictionary:
            // OrderedDict([[key, value], …]), as protocol 2 may write it; a default factory is left out.
            var pairs: [(key: PickleValue, value: PickleValue)] = []
            if case .list(let list)? = arguments.first {
                for item in heap.lists[list] {
                    let pair: [PickleValue]
                    switch item {
                    case .list(let number): pair = heap.lists[number]
                    case .tuple(let number): pair = heap.tuples[number]
                    default: pair = []
                    }
                    guard pair.count == 2 else { throw damaged("pairs", item.kind, at: position) }
                    pairs.append((pair[0], pair[1]))
                }
            }
            heap.dictionaries.append(pairs)
            return .dictionary(heap.dictionaries.count - 1)
        case .rebuildTensor: return try rebuild(arguments, at: position)
        case .rebuildParameter:
            guard case .tensor? = arguments.first else {
                throw damaged("a tensor", arguments.first?.kind ?? "nothing", at: position)
            }
            return arguments[0]
        case .size:
            guard case .tuple? = arguments.first else {
                throw damaged("a tuple", arguments.first?.kind ?? "nothing", at: position)
            }
            return arguments[0]
        case .harmless(let words): return .opaque(words)
        case .storage: throw damaged("a tensor's storage in the file", "one that is made in the pickle", at: position)
        }
    }

    private mutating func rebuild(_ arguments: [PickleValue], at position: Int) throws(ContainerError) -> PickleValue {
        guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1],
            let shape = integers(arguments[2]), let strides = integers(arguments[3]), shape.count == strides.count,
            shape.count <= 16
        else { throw damaged("a tensor's storage, offset, shape and strides", "something else", at: position) }
        let tensor = PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides)
        guard tensor.fits(heap.storages[storage].count) else {
            throw ContainerError(
                "the pickle is damaged: a tensor of shape \(shape), strides \(strides) and offset \(offset) at byte \(position) "
                    + "does not lie in its storage of \(heap.storages[storage].count) elements")
        }
        heap.tensors.append(tensor)
        return .tensor(heap.tensors.count - 1)
    }

    private func integers(_ value: PickleValue) -> [Int]? {
        let items: [PickleValue]
        switch value {
        case .tuple(let number): items = heap.tuples[number]
        case .list(let number): items = heap.lists[number]
        default: return nil
        }
        var integers: [Int] = []
        for item in items {
            guard case .integer(let integer) = item, integer >= 0 else { return nil }
            integers.append(integer)
        }
        return integers
    }
}

extension PickleTensor {
    /// Whether every element lies in a storage of `count`, and there are no more of them than it has.
    func fits(_ count: Int) -> Bool {
        guard offset >= 0, offset <= count else { return false }
        var elements = 1
        var last = offset
        for (extent, stride) in zip(shape, strides) {
            guard extent >= 0, stride >= 0 else { return false }
            if extent == 0 { return true }
            let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
            let (reach, far) = (extent - 1).multipliedReportingOverflow(by: stride)
            let (sum, farther) = last.addingReportingOverflow(reach)
            guard !overflow, !far, !farther, product <= count else { return false }
            elements = product
            last = sum
        }
        return last < count
    }
}
