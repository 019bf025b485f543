import ArgumentParser
import Pipeline

/// `nightread converter`: a process that reading somebody else's weights starts for itself.
struct ConverterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "converter", abstract: "Reads a file of weights for an import, which starts this command itself.",
        shouldDisplay: false)

    func run() throws {
        let status = ConverterLoop.run()
        if status == ExitStatus.usage.rawValue {
            throw ValidationError("this command is started by nightread import alone")
        }
        guard status == 0 else { throw ExitCode(status) }
    }
}
