import ArgumentParser
import Pipeline

/// `nightread decoder`: a process that a run starts for itself.
struct DecoderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoder", abstract: "Decodes scans for a run, which starts this command itself.",
        shouldDisplay: false)

    func run() throws {
        let status = DecoderLoop.run()
        if status == ExitStatus.usage.rawValue {
            throw ValidationError("this command is started by nightread run alone")
        }
        guard status == 0 else { throw ExitCode(status) }
    }
}
