import CCodecs

/// What the kernel keeps a decoder's child from while it decodes, besides its limits.
struct Confinement: Equatable, Sendable {
    /// Version of landlock's interface; 0: files and network are not closed by it.
    var landlockVersion: Int
    /// Whether system calls that decoding does not need end the child.
    var filtersCalls: Bool

    /// Of a decoder's reply (`nr_confinement`).
    init(_ bits: UInt32) {
        landlockVersion = Int(bits & UInt32(NR_LANDLOCK_VERSION.rawValue))
        filtersCalls = bits & UInt32(NR_CALLS_FILTERED.rawValue) != 0
    }

    /// Either of the two keeps a child from files; only the filter keeps it from sockets and programs on every kernel.
    var isComplete: Bool { landlockVersion > 0 && filtersCalls }
}

extension Confinement: CustomStringConvertible {
    var description: String {
        let landlock = landlockVersion > 0 ? "landlock ABI \(landlockVersion)" : "no landlock"
        return "\(landlock), system calls \(filtersCalls ? "filtered" : "not filtered")"
    }
}
