public import EfficientNet

/// What can go wrong when weights of other programs become a model package, or a package a file of theirs.
public enum ConversionError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A file that is none of the formats, breaks its format, or asks for more than weights need.
    case unreadable(path: String, reason: String)
    /// A file whose network, head or layer is none that Nightread has.
    case notOurs(path: String, reason: String)
    /// Tensors that are missing, of another shape, unknown or not finite, one text each; `hint` says what to do.
    case mismatch(path: String, problems: [String], hint: String)
    /// An option of the command that does not fit the file.
    case option(String)
    /// A package that cannot be written in a format of others.
    case notExportable(path: String, reason: String)
    /// What is wrong with the package that is read or written.
    case model(EfficientNetError)

    /// The message for people: where, what is expected, what was found.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
        case .notOurs(let path, let reason): "\(path): \(reason)"
        case .mismatch(let path, let problems, let hint):
            "\(path): \(problems.prefix(8).joined(separator: "; "))"
                + (problems.count > 8 ? "; and \(problems.count - 8) more" : "") + (hint.isEmpty ? "" : "; \(hint)")
        case .option(let message): message
        case .notExportable(let path, let reason): "\(path): \(reason)"
        case .model(let error): error.description
        }
    }
}

/// Why a container cannot be read: found in the process that reads it, which knows no path.
struct ContainerError: Error, Equatable {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
