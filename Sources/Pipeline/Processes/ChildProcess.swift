import CSystem
import Foundation

/// How the program starts processes of itself.
struct ChildProgram: Sendable {
    /// `/proc/self/exe` outside tests: the same program even when its file is replaced during the night.
    var executable: String
    /// Of this process, what children need: where libraries and time zones are found, and our own settings.
    var environment: [String: String]

    init(executable: String = "/proc/self/exe", of parent: [String: String] = ProcessInfo.processInfo.environment) {
        self.executable = executable
        environment = parent.filter { name, _ in
            ["LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME"].contains(name) || name.hasPrefix("NIGHTREAD_")
        }
        // A crash report would take longer than the scan, and could not be written anyway.
        environment["SWIFT_BACKTRACE"] = "enable=no"
    }
}

/// A process of this program that serves one lane over a socket. Belongs to one thread, which must outlive it: the kernel
/// ends it together with the thread that started it.
final class ChildProcess {
    let name: String
    private let pid: pid_t
    private let socket: Descriptor
    private let cancel: Flag
    private var isRunning = true

    /// Starts `nightread NAME`.
    /// - Parameter cancel: raised when waiting for an answer should end at once.
    init(_ name: String, program: ChildProgram, cancel: Flag) throws(ChildFailure) {
        var ours: Int32 = -1
        var theirs: Int32 = -1
        let noSockets = nr_socket_pair(&ours, &theirs)
        guard noSockets == 0 else { throw .notStarted("no sockets for the \(name): \(systemMessage(noSockets))") }
        let socket = Descriptor(ours)
        let childSocket = Descriptor(theirs)
        var pid: pid_t = 0
        let environment = program.environment.map { "\($0.key)=\($0.value)" }
        let error = withCStrings(["nightread", name]) { arguments in
            withCStrings(environment) { nr_spawn(program.executable, arguments, $0, childSocket.number, &pid) }
        }
        guard error == 0 else {
            throw .notStarted("\(program.executable): the \(name) cannot be started: \(systemMessage(error))")
        }
        self.name = name
        self.pid = pid
        self.socket = socket
        self.cancel = cancel
    }

    deinit { end() }

    /// Ends the process, its children, and whatever they were doing.
    func end() {
        _ = finish()
    }

    /// Sends one message, with descriptors.
    func send(_ bytes: [UInt8], passing descriptors: [Descriptor] = [], until deadline: Instant) throws(ChildFailure) {
        let error = withExtendedLifetime(descriptors) {
            nr_send(
                socket.number, bytes, bytes.count, descriptors.map(\.number), Int32(descriptors.count),
                patience(deadline))
        }
        if error != 0 { throw failure(error) }
    }

    /// Receives exactly `count` bytes. The caller has checked `count` against its own bounds.
    func receive(_ count: Int, until deadline: Instant) throws(ChildFailure) -> [UInt8] {
        var error: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            error = nr_receive(socket.number, buffer.baseAddress, count, nil, 0, patience(deadline))
            initialized = error == 0 ? count : 0
        }
        if error != 0 { throw failure(error) }
        return bytes
    }

    /// Ends the process because it broke its protocol.
    func refuse(_ reason: String) -> ChildFailure {
        end()
        return .untrustworthy("the \(name)'s answer is refused: \(reason)")
    }

    private func patience(_ deadline: Instant) -> nr_patience {
        nr_patience(deadline: deadline.nanoseconds, cancel: cancel.descriptor.number)
    }

    /// Ends the process and says why.
    private func failure(_ error: Int32) -> ChildFailure {
        switch error {
        case ETIMEDOUT:
            end()
            return .timedOut
        case ECANCELED:
            end()
            return .cancelled
        case EBADMSG: return refuse("it sent descriptors")
        default:
            let end = finish()
            return .died("the \(name) " + (end.map(describeEnd) ?? "is gone"))
        }
    }

    /// Ends and reaps; the status, when it had ended by itself before.
    private func finish() -> Int32? {
        guard isRunning else { return nil }
        isRunning = false
        var status: Int32 = 0
        // A socket that closed means that the process is ending by itself: its own status says more than a kill would.
        let patience = Instant.now.advanced(seconds: 0.2)
        var hungUp = pollfd(fd: socket.number, events: 0, revents: 0)
        let isEnding = poll(&hungUp, 1, 0) > 0 && hungUp.revents & Int16(POLLHUP) != 0
        while isEnding, Instant.now < patience {
            if waitpid(pid, &status, WNOHANG) == pid {
                kill(-pid, SIGKILL)
                return status
            }
            usleep(1000)
        }
        kill(-pid, SIGKILL)
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return nil
    }
}

/// Calls `body` with a NULL-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer { copies.forEach { free($0) } }
    let pointers: [UnsafePointer<CChar>?] = copies.map { UnsafePointer($0) } + [nil]
    return body(pointers)
}
