/// Reads a container of any kind from its bytes. Runs in the confined process: nothing here opens a file.
enum ContainerReader {
    /// Bytes of all tensors together, and of what an archive unpacks to.
    static let sizeLimit = 4 << 30

    /// Whether a file begins as a container that needs a process of its own; safetensors files do not.
    static func isContainer(_ head: [UInt8]) -> Bool {
        Kind(head) != nil
    }

    private enum Kind {
        case zip, hdf5, pickle, tar

        init?(_ head: some Collection<UInt8>) {
            if head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06]) {
                self = .zip
            } else if head.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
                self = .hdf5
            } else if let first = head.first, first == 0x80, let version = head.dropFirst().first, version <= 5 {
                self = .pickle
            } else if head.dropFirst(257).starts(with: Array("ustar".utf8)) {
                self = .tar
            } else {
                return nil
            }
        }
    }

    /// Bytes that `isContainer` looks at.
    static let headSize = 262

    /// The contents of a container; `bytes` must stay as long as they are used.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(ContainerError) -> Contents {
        switch Kind(bytes.prefix(headSize)) {
        case .zip:
            let archive = try ZipArchive(bytes)
            if archive["config.json"] != nil, archive["model.weights.h5"] != nil {
                return try KerasContainer.read(archive)
            }
            return try TorchZip.read(archive)
        case .hdf5: return try KerasContainer.read(bytes)
        case .pickle: return try TorchLegacy.read(bytes)
        case .tar:
            throw ContainerError(
                "this is the tar format of PyTorch before 0.1.10: load it in PyTorch and save it again: "
                    + "torch.save(torch.load(FILE), NEW)")
        case nil:
            throw ContainerError("expected safetensors, a PyTorch file, .keras or .h5, found none of them")
        }
    }
}
