import Foundation

/// What can go wrong with tensors, safetensors files and the choice of kernels.
public enum TensorError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A shape and a number of values that do not belong together.
    case shapeMismatch(shape: [Int], found: Int)
    /// A file that does not exist.
    case missingFile(path: String)
    /// A file that cannot be opened or read.
    case cannotRead(path: String, reason: String)
    /// A file that cannot be written.
    case cannotWrite(path: String, reason: String)
    /// A safetensors file whose header breaks the format.
    case malformedHeader(path: String, expected: String, found: String)
    /// A tensor whose entry in the header breaks the format.
    case malformedTensor(path: String, tensor: String, expected: String, found: String)
    /// A tensor that the file does not hold.
    case missingTensor(path: String, tensor: String)
    /// A tensor of another element type than the caller can use.
    case wrongElementType(path: String, tensor: String, expected: String, found: String)
    /// An instruction set that is unknown, or that this machine does not have.
    case unavailableInstructionSet(name: String, available: [String])

    /// The message for people: where, what is expected, what was found.
    public var description: String {
        switch self {
        case .shapeMismatch(let shape, let found):
            "a tensor of shape \(shape) needs \(shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }) values, found \(found)"
        case .missingFile(let path):
            "\(path): there is no such file"
        case .cannotRead(let path, let reason):
            "\(path): cannot be read: \(reason)"
        case .cannotWrite(let path, let reason):
            "\(path): cannot be written: \(reason)"
        case .malformedHeader(let path, let expected, let found):
            "\(path): not a valid safetensors file: expected \(expected), found \(found)"
        case .malformedTensor(let path, let tensor, let expected, let found):
            "\(path): tensor \(tensor): expected \(expected), found \(found)"
        case .missingTensor(let path, let tensor):
            "\(path): there is no tensor \(tensor) in this file"
        case .wrongElementType(let path, let tensor, let expected, let found):
            "\(path): tensor \(tensor): expected elements of type \(expected), found \(found)"
        case .unavailableInstructionSet(let name, let available):
            "instruction set \(name) is not available on this machine; NIGHTREAD_ISA can be \(available.joined(separator: ", "))"
        }
    }
}

extension TensorError {
    /// Why a file cannot be read.
    package static func unreadable(path: String, _ error: any Error) -> TensorError {
        let isMissing = !FileManager.default.fileExists(atPath: path)
        return isMissing ? .missingFile(path: path) : .cannotRead(path: path, reason: reason(error))
    }

    /// What the operating system says of a failed file operation.
    package static func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        return underlying.flatMap { $0.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32($0.code))) : nil }
            ?? error.localizedDescription
    }
}
