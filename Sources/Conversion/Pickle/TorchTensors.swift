import Tensors

extension PickleTensor {
    /// Copies the tensor's elements out of its storage's bytes, row-major. Both sizes have been checked.
    func copy(from storage: UnsafeRawBufferPointer, elementSize: Int, into target: UnsafeMutableRawBufferPointer) {
        guard !target.isEmpty else { return }
        // How much of the end lies as it does in the result.
        var contiguous = 1
        var outer = shape.count
        while outer > 0, strides[outer - 1] == contiguous || shape[outer - 1] == 1 {
            contiguous *= shape[outer - 1]
            outer -= 1
        }
        let run = contiguous * elementSize
        var indices = [Int](repeating: 0, count: outer)
        var position = 0
        while true {
            let element = zip(indices, strides).reduce(offset) { $0 + $1.0 * $1.1 }
            let source = UnsafeRawBufferPointer(rebasing: storage[element * elementSize..<element * elementSize + run])
            UnsafeMutableRawBufferPointer(rebasing: target[position..<position + run]).copyMemory(from: source)
            position += run
            var dimension = outer - 1
            while dimension >= 0 {
                indices[dimension] += 1
                if indices[dimension] < shape[dimension] { break }
                indices[dimension] = 0
                dimension -= 1
            }
            if dimension < 0 { return }
        }
    }
}

/// The tensors of a checkpoint: found in what a pickle made, wherever training programs put them.
struct StateDict {
    var place: String?
    var tensors: [(name: String, tensor: PickleTensor)] = []
    var passedOver: [SourceNotes.PassedOver] = []

    /// Where checkpoints keep the weights, the ones preferred first.
    private static let places = [
        "state_dict", "model_state_dict", "model", "net", "ema", "state_dict_ema", "model_ema", "ema_state_dict",
    ]

    /// - Throws: when there is no dictionary of tensors.
    init(_ value: PickleValue, heap: PickleHeap) throws(ContainerError) {
        var value = value
        // A checkpoint in a checkpoint in a checkpoint is the most that is looked into.
        for _ in 0..<3 {
            guard case .dictionary(let number) = value else { break }
            let items = heap.dictionaries[number]
            let hasTensors = items.contains { if case .tensor = $0.value { true } else { false } }
            guard !hasTensors, let (name, inner) = Self.inner(items) else { break }
            for item in items {
                let other = Self.text(item.key)
                guard other != name else { continue }
                passedOver.append(
                    SourceNotes.PassedOver(
                        name: other, reason: "\(item.value.kind) of the checkpoint beside \(name)"))
            }
            place = place.map { "\($0).\(name)" } ?? name
            value = inner
        }
        guard case .dictionary(let number) = value else {
            throw ContainerError(
                "expected a dictionary of tensors, as torch.save(model.state_dict(), FILE) writes it, found \(value.kind)"
            )
        }
        for item in heap.dictionaries[number] {
            guard case .text(let name) = item.key, case .tensor(let tensor) = item.value else {
                passedOver.append(
                    SourceNotes.PassedOver(name: Self.text(item.key), reason: "\(item.value.kind), not a tensor"))
                continue
            }
            tensors.append((name, heap.tensors[tensor]))
        }
        guard !tensors.isEmpty else {
            throw ContainerError(
                "expected a dictionary of tensors, directly or under \(Self.places.joined(separator: ", ")); found "
                    + (heap.dictionaries[number].isEmpty
                        ? "an empty one"
                        : "the keys "
                            + heap.dictionaries[number].prefix(5).map { Self.text($0.key) }.joined(separator: ", ")))
        }
    }

    private static func inner(_ items: [(key: PickleValue, value: PickleValue)]) -> (String, PickleValue)? {
        for place in places {
            for item in items {
                guard case .text(place) = item.key, case .dictionary = item.value else { continue }
                return (place, item.value)
            }
        }
        return nil
    }

    private static func text(_ key: PickleValue) -> String {
        switch key {
        case .text(let text): String(text.prefix(200))
        case .integer(let number): "\(number)"
        default: key.kind
        }
    }
}
