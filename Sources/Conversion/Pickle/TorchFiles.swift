import Tensors

/// What `torch.save` writes today: a zip archive of one pickle and a file per storage.
enum TorchZip {
    /// Of the pickle; a B7's state dict has 0.1 MB.
    static let pickleLimit = 256 << 20

    static func read(_ archive: ZipArchive) throws(ContainerError) -> Contents {
        if let code = archive.entries.first(where: { $0.name.hasSuffix("/constants.pkl") }) {
            throw ContainerError(
                "the archive is a TorchScript program (\(code.name)): save the weights alone: "
                    + "torch.save(torch.jit.load(FILE).state_dict(), NEW)")
        }
        let pickles = archive.entries.filter { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
        guard pickles.count == 1 else {
            let found = archive.entries.prefix(5).map(\.name).joined(separator: ", ")
            throw ContainerError(
                "expected a zip archive of PyTorch (one data.pkl) or Keras (config.json and model.weights.h5), found "
                    + (found.isEmpty ? "an empty one" : found))
        }
        let folder = String(pickles[0].name.dropLast("data.pkl".count))
        if let order = archive["\(folder)byteorder"] {
            let text = try archive.text(order, limit: 16)
            guard text == "little" else {
                throw ContainerError(
                    "the tensors have byte order \(text): expected little, as all common machines write it")
            }
        }
        guard pickles[0].size <= pickleLimit else {
            throw ContainerError(
                "entry \(pickles[0].name): expected at most \(pickleLimit) bytes, found \(pickles[0].size)")
        }
        let memory = try archive.read(pickles[0])
        var cursor = PickleCursor(UnsafeRawBufferPointer(memory.bytes))
        let (value, heap) = try PickleMachine.run(&cursor)
        let state = try StateDict(value, heap: heap)
        let storages = Storages(archive)
        var entries: [Contents.Entry] = []
        for (name, tensor) in state.tensors {
            let storage = heap.storages[tensor.storage]
            guard let entry = archive["\(folder)data/\(storage.key)"] else {
                throw ContainerError("tensor \(name): its storage data/\(storage.key) is not in the archive")
            }
            let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: storage.type.size)
            guard !overflow, bytes == entry.size else {
                throw ContainerError(
                    "tensor \(name): expected \(storage.count) × \(storage.type.size) bytes in \(entry.name), found \(entry.size)"
                )
            }
            entries.append(
                Contents.Entry(name: name, type: storage.type, shape: tensor.shape) { target throws(ContainerError) in
                    let memory = try storages.read(entry)
                    tensor.copy(
                        from: UnsafeRawBufferPointer(memory.bytes), elementSize: storage.type.size, into: target)
                })
        }
        return Contents(
            notes: SourceNotes(format: .torchZip, place: state.place, passedOver: state.passedOver), entries: entries)
    }

    /// Storages of the archive, the last one kept: neighbours often share it.
    private final class Storages {
        private let archive: ZipArchive
        private var last: (index: UInt64, memory: UnsafeRawBufferPointer.Owned)?

        init(_ archive: ZipArchive) { self.archive = archive }

        func read(_ entry: ZipArchive.Entry) throws(ContainerError) -> UnsafeRawBufferPointer.Owned {
            if let last, last.index == entry.index { return last.memory }
            last = nil
            let memory = try archive.read(entry)
            last = (entry.index, memory)
            return memory
        }
    }
}

/// What `torch.save` wrote before 1.6: five pickles one after the other, then the storages.
enum TorchLegacy {
    /// 0x1950a86a20f9469cfc6c, little-endian: `torch.serialization.MAGIC_NUMBER`.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

    static func read(_ bytes: UnsafeRawBufferPointer) throws(ContainerError) -> Contents {
        var cursor = PickleCursor(bytes)
        guard case .bigInteger(magic) = try PickleMachine.run(&cursor).value else {
            throw ContainerError(
                "the file is a pickle that torch.save did not write: expected a PyTorch file, saved with "
                    + "torch.save(model.state_dict(), FILE)")
        }
        guard case .integer(1001) = try PickleMachine.run(&cursor).value else {
            throw ContainerError("expected version 1001 of PyTorch's older format, found another")
        }
        let (system, systemHeap) = try PickleMachine.run(&cursor)
        if case .dictionary(let number) = system {
            for item in systemHeap.dictionaries[number] {
                guard case .text("little_endian") = item.key, case .bool(false) = item.value else { continue }
                throw ContainerError(
                    "the tensors have byte order big: expected little, as all common machines write it")
            }
        }
        let (value, heap) = try PickleMachine.run(&cursor)
        let state = try StateDict(value, heap: heap)
        let places = try storages(heap, &cursor)
        var entries: [Contents.Entry] = []
        for (name, tensor) in state.tensors {
            let storage = heap.storages[tensor.storage]
            guard let place = places[storage.key] else {
                throw ContainerError("tensor \(name): its storage \(storage.key) is not in the file")
            }
            entries.append(
                Contents.Entry(name: name, type: storage.type, shape: tensor.shape) { target throws(ContainerError) in
                    tensor.copy(
                        from: UnsafeRawBufferPointer(rebasing: bytes[place]), elementSize: storage.type.size,
                        into: target)
                })
        }
        return Contents(
            notes: SourceNotes(format: .torchLegacy, place: state.place, passedOver: state.passedOver), entries: entries
        )
    }

    /// Where each storage's bytes lie: the list of their keys, then for each its number of elements and these.
    private static func storages(
        _ heap: PickleHeap, _ cursor: inout PickleCursor
    ) throws(ContainerError) -> [String: Range<Int>] {
        let (keys, keysHeap) = try PickleMachine.run(&cursor)
        guard case .list(let number) = keys else {
            throw ContainerError("expected the list of the storages' keys, found \(keys.kind)")
        }
        var known: [String: PickleStorage] = [:]
        for storage in heap.storages { known[storage.key] = storage }
        var places: [String: Range<Int>] = [:]
        for key in keysHeap.lists[number] {
            guard case .text(let key) = key, let storage = known[key] else {
                throw ContainerError("expected the key of a storage that a tensor has, found another")
            }
            guard places[key] == nil else { throw ContainerError("storage \(key) is in the file twice") }
            let count = try cursor.number(Int64.self)
            guard count == storage.count else {
                throw ContainerError("storage \(key): expected \(storage.count) elements, found \(count)")
            }
            let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: storage.type.size)
            guard !overflow, bytes <= cursor.remaining else {
                throw ContainerError(
                    "storage \(key): the file is cut short: expected \(storage.count) × \(storage.type.size) bytes, found "
                        + "\(cursor.remaining)")
            }
            let start = cursor.position
            _ = try cursor.take(bytes)
            places[key] = start..<start + bytes
        }
        return places
    }
}
