import Foundation
import Tensors

/// Writes what a container holds as one safetensors file, in memory that another process reads: names, types and shapes as they are.
enum NeutralFile {
    /// Fills the beginning of `memory`; returns the file's length.
    ///
    /// - Throws: tensors that are larger together than the memory, names that safetensors cannot have, and what reading them throws.
    static func write(_ contents: Contents, into memory: UnsafeMutableRawBufferPointer) throws(ContainerError) -> Int {
        var seen: Set<String> = []
        var total = 0
        for entry in contents.entries {
            guard seen.insert(entry.name).inserted else {
                throw ContainerError("tensor \(entry.name) is in the file twice")
            }
            guard entry.name.utf8.count < 2048 else {
                throw ContainerError("expected names of under 2048 bytes, found one of \(entry.name.utf8.count)")
            }
            guard let size = entry.size, size <= memory.count - total else {
                throw ContainerError(
                    "tensor \(entry.name): shape \(entry.shape) is too large: expected at most \(memory.count) bytes in all "
                        + "tensors together")
            }
            total += size
        }
        let header = SafetensorsWriter.header(of: contents.entries.map { ($0.name, $0.type, $0.shape) })
        guard header.count <= memory.count - total else {
            throw ContainerError("expected at most \(memory.count) bytes in all tensors together, found more")
        }
        memory.copyBytes(from: header)
        var position = header.count
        for entry in contents.entries {
            let size = entry.size ?? 0
            try entry.read(UnsafeMutableRawBufferPointer(rebasing: memory[position..<position + size]))
            position += size
        }
        return position
    }
}
