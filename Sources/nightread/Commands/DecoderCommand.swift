import ArgumentParser
import Pipeline

/// `nightread decoder`: a process that a run starts for itself.
struct DecoderCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decoder", abstract: "Decodes scans for a run, which starts this command itself.",
        shouldDisplay: false)

    func run() throws {
        let status = DecoderLoop.run()
        guard status == 0 else { throw ExitCode(status) }
    }
}
