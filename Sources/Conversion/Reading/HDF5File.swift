import CContainers
import Foundation
import Tensors

/// An HDF5 file in memory, over libhdf5.
final class HDF5File {
    private let file: OpaquePointer
    /// What the bytes lie in, where that is not the caller's.
    private let owner: UnsafeRawBufferPointer.Owned?

    /// `bytes` must stay as long as the file is used; `owner` is kept for that.
    init(_ bytes: UnsafeRawBufferPointer, owner: UnsafeRawBufferPointer.Owned? = nil) throws(ContainerError) {
        var failure = nr_container_failure()
        var opened: OpaquePointer?
        guard nr_hdf5_open(bytes.baseAddress, bytes.count, &opened, &failure) == 1, let opened else {
            throw ContainerError(failure.text)
        }
        file = opened
        self.owner = owner
    }

    deinit { nr_hdf5_close(file) }

    /// Names of Keras layers by the groups that hold their variables.
    var labels: [String: String] {
        var labels: [String: String] = [:]
        for index in 0..<nr_hdf5_label_count(file) {
            let label = nr_hdf5_label_at(file, index).pointee
            labels[String(cString: label.path)] = String(cString: label.name)
        }
        return labels
    }

    /// A text attribute of the root; nil where it has none.
    func text(_ attribute: String, limit: Int) throws(ContainerError) -> String? {
        var failure = nr_container_failure()
        var found: UnsafeMutablePointer<CChar>?
        guard nr_hdf5_text(file, attribute, limit, &found, &failure) == 1 else { throw ContainerError(failure.text) }
        guard let text = found else { return nil }
        defer { free(text) }
        return String(validatingCString: text)
    }

    /// Every dataset of numbers; the rest goes to `passedOver`.
    func entries(passedOver: inout [SourceNotes.PassedOver]) throws(ContainerError) -> [Contents.Entry] {
        var entries: [Contents.Entry] = []
        for index in 0..<nr_hdf5_dataset_count(file) {
            let dataset = nr_hdf5_dataset_at(file, index).pointee
            let path = String(cString: dataset.path)
            guard let type = Self.type(dataset.type) else {
                passedOver.append(SourceNotes.PassedOver(name: path, reason: "no numbers of a weight's type"))
                continue
            }
            var shape: [Int] = []
            for extent in withUnsafeBytes(of: dataset.shape, { Array($0.bindMemory(to: UInt64.self)) })
                .prefix(Int(dataset.rank))
            {
                shape.append(Int(clamping: extent))
            }
            let entry = Contents.Entry(name: path, type: type, shape: shape) { [self] memory throws(ContainerError) in
                var failure = nr_container_failure()
                guard nr_hdf5_read(file, index, memory.baseAddress, memory.count, &failure) == 1 else {
                    throw ContainerError(failure.text)
                }
            }
            // Packed values take no less than a thousandth (deflate); values that are not there at all take nothing.
            guard let size = entry.size, size <= ContainerReader.sizeLimit,
                size / 1100 <= Int(clamping: dataset.stored)
            else {
                throw ContainerError(
                    "dataset \(path): shape \(shape) is more than the \(dataset.stored) bytes that the file holds of it"
                )
            }
            entries.append(entry)
        }
        return entries
    }

    private static func type(_ type: UInt32) -> ElementType? {
        switch type {
        case NR_HDF5_F16.rawValue: .float16
        case NR_HDF5_F32.rawValue: .float32
        case NR_HDF5_F64.rawValue: .float64
        case NR_HDF5_I32.rawValue: .int32
        case NR_HDF5_I64.rawValue: .int64
        case NR_HDF5_U8.rawValue: .uint8
        case NR_HDF5_U32.rawValue: .uint32
        default: nil
        }
    }
}
