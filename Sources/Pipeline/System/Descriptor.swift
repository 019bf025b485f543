import CSystem
import Foundation

/// An open file descriptor, closed when its last owner lets go of it.
final class Descriptor: Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    deinit { close(number) }

    /// Opens a file for reading, without ever waiting for it. Throws the error number.
    static func opening(_ path: String) throws(SystemError) -> Descriptor {
        var number: Int32 = -1
        try check(nr_open_to_read(path, &number))
        return Descriptor(number)
    }

    /// The state of the open file.
    func stamp() throws(SystemError) -> nr_stamp {
        var stamp = nr_stamp()
        try check(nr_stamp_of(number, &stamp))
        return stamp
    }
}

/// An error number of the system.
struct SystemError: Error, Hashable, CustomStringConvertible {
    let code: Int32

    var description: String { systemMessage(code) }
}

/// Turns a shim's result into an error.
func check(_ result: Int32) throws(SystemError) {
    guard result == 0 else { throw SystemError(code: result) }
}

/// The system's words for an error number, such as `Permission denied`.
func systemMessage(_ code: Int32) -> String { String(cString: strerror(code)) }

/// Something that is said and stays said until it is taken back: readable for whoever polls its descriptor.
final class Flag: Sendable {
    let descriptor: Descriptor

    init() throws(PipelineError) {
        var number: Int32 = -1
        let error = nr_flag(&number)
        guard error == 0 else { throw .system(action: "making an event descriptor", code: error) }
        descriptor = Descriptor(number)
    }

    func raise() { nr_raise_flag(descriptor.number) }

    /// Takes back what was said so far.
    func lower() {
        var count: UInt64 = 0
        _ = read(descriptor.number, &count, MemoryLayout<UInt64>.size)
    }
}

/// Monotonic time for deadlines and measurements, in nanoseconds.
struct Instant: Comparable, Hashable, Sendable {
    var nanoseconds: Int64

    static var now: Instant { Instant(nanoseconds: nr_now()) }

    static func < (first: Instant, second: Instant) -> Bool { first.nanoseconds < second.nanoseconds }

    func advanced(seconds: Double) -> Instant {
        Instant(nanoseconds: nanoseconds + Int64(min(seconds, 1e9) * 1e9))
    }

    /// Seconds from `start` to this.
    func seconds(since start: Instant) -> Double { Double(nanoseconds - start.nanoseconds) / 1e9 }
}
