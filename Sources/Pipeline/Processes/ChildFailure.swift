import Foundation

/// Why a decoder or worker process gave no answer, or none that may be believed. The process is ended when one is thrown.
enum ChildFailure: Error, Equatable {
    /// It took longer than the scan's time limit.
    case timedOut
    /// The run is being stopped at once.
    case cancelled
    /// It ended, or closed its socket.
    case died(String)
    /// It answered something that its protocol does not allow.
    case untrustworthy(String)
    /// It could not be started.
    case notStarted(String)
}

/// What is known of an ended process, for people.
func describeEnd(status: Int32) -> String {
    let signal = status & 0x7f
    if signal == 0 { return "left with status \((status >> 8) & 0xff)" }
    return "was ended by signal \(signal) (\(signalName(signal)))"
}

/// A signal's usual name.
func signalName(_ number: Int32) -> String {
    switch number {
    case SIGSEGV: "SIGSEGV, a crash"
    case SIGBUS: "SIGBUS, a crash"
    case SIGILL: "SIGILL, a crash"
    case SIGFPE: "SIGFPE, a crash"
    case SIGABRT: "SIGABRT, a crash"
    case SIGTRAP: "SIGTRAP, a crash"
    case SIGSYS: "SIGSYS, a system call that is not allowed"
    case SIGXCPU: "SIGXCPU, over its processor time"
    case SIGKILL: "SIGKILL, perhaps by the system for want of memory"
    default: String(cString: strsignal(number))
    }
}
