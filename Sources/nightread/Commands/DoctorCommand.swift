import ArgumentParser
import Pipeline
import Store

/// `nightread doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks this machine, and everything in a pipeline file that would fail tonight.",
        discussion: """
            Example: nightread doctor Pipelines/chest-phantom.yaml

            Exit status: 0 when a run would work; otherwise what the run would fail with (64, 66, 73 or 74).
            """)

    @Argument(
        help: "The pipeline file; without one, the machine alone is checked.",
        completion: .file(extensions: ["yaml", "yml"]))
    var pipeline: String?

    @Flag(help: "Print one JSON object a line for every check.")
    var json = false

    func run() throws {
        let checks =
            Doctor.examineMachine(version: Nightread.version) + (pipeline.map(Doctor.examine) ?? [])
        for check in checks {
            if json {
                let object: JSONValue = [
                    "state": .string(check.state.rawValue), "subject": .string(check.subject),
                    "text": .string(check.text),
                ]
                print(object.canonical)
            } else {
                print("\(check.state.rawValue.padded(to: 4))  \(check.subject.padded(to: 11))  \(check.text)")
            }
        }
        if let error = checks.compactMap(\.error).first { throw ExitStatus(error).code }
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
