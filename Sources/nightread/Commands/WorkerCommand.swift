import ArgumentParser
import Pipeline

/// `nightread worker`: a process that a run starts for itself.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Runs the network for a run, which starts this command itself.",
        shouldDisplay: false)

    func run() throws {
        let status = WorkerLoop.run()
        if status == ExitStatus.usage.rawValue {
            throw ValidationError("this command is started by nightread run alone")
        }
        guard status == 0 else { throw ExitCode(status) }
    }
}
