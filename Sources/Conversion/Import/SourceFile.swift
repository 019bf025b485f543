public import Foundation
public import Tensors

/// A file of weights that another program made: its tensors by their own names, and what it says besides.
public struct SourceFile: Sendable {
    /// The file's path, for messages.
    public let path: String
    /// The tensors. Containers are turned into this form in a process of their own.
    public let tensors: SafetensorsFile
    /// What the container says besides.
    public let notes: SourceNotes

    /// What a container was turned into.
    public init(path: String, tensors: SafetensorsFile, notes: SourceNotes) {
        self.path = path
        self.tensors = tensors
        self.notes = notes
    }

    /// How many of a file's first bytes `isContainer` needs.
    public static let headSize = ContainerReader.headSize

    /// Whether a file that begins so is a container, to be read in a process of its own; anything else can only be safetensors.
    public static func isContainer(_ head: [UInt8]) -> Bool { ContainerReader.isContainer(head) }

    /// A safetensors file.
    ///
    /// - Throws: `ConversionError.model` for a file that cannot be read or breaks the format.
    public static func safetensors(_ url: URL) throws(ConversionError) -> SourceFile {
        do throws(TensorError) {
            let file = try SafetensorsFile(contentsOf: url)
            return SourceFile(path: file.path, tensors: file, notes: SourceNotes(format: .safetensors))
        } catch {
            throw .model(.tensors(error))
        }
    }
}

/// What the confined process does: turns a container into a safetensors file with the container's own names.
public enum ContainerConversion {
    /// Bytes that the result takes at most.
    public static let sizeLimit = ContainerReader.sizeLimit

    /// Writes the safetensors file to the beginning of `memory`.
    ///
    /// - Returns: its length and what the container says besides, or why the container cannot be read.
    public static func convert(
        _ bytes: UnsafeRawBufferPointer, into memory: UnsafeMutableRawBufferPointer
    ) -> Result<(length: Int, notes: SourceNotes), Refusal> {
        do throws(ContainerError) {
            let contents = try ContainerReader.read(bytes)
            return .success((try NeutralFile.write(contents, into: memory), contents.notes))
        } catch {
            return .failure(Refusal(reason: error.reason))
        }
    }

    /// Why a container cannot be read.
    public struct Refusal: Error, Equatable, Sendable {
        /// For people.
        public let reason: String
    }
}
