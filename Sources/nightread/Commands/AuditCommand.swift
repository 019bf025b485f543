import ArgumentParser
import Foundation
import Store

/// `nightread audit`
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Checks and exports the chain of everything that was done to a store.",
        subcommands: [AuditVerifyCommand.self, AuditExportCommand.self])
}

/// `nightread audit verify`
struct AuditVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Finds any altered, removed or reordered event, and any reading or failure that changed since.",
        discussion: """
            Example: nightread audit verify --store study.sqlite

            Every report names the chain's last hash when it was written. Given with --witness, that hash must still be in \
            the chain, which also betrays a chain that was cut short and mended.

            Exit status: 0 intact, 1 broken (the events are named), 64 bad usage, 66 no such store, 74 damaged file.
            """)

    @OptionGroup var source: RunSource

    @Option(help: ArgumentHelp("Hash of an event that must be there: 64 hexadecimal digits.", valueName: "hash"))
    var witness: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let witness, bytes(witness) == nil {
            throw ValidationError("expected --witness with 64 hexadecimal digits, found '\(witness)'")
        }
    }

    func run() throws {
        let verdict: AuditVerdict
        do {
            let store = try StudyStore.openForReading(source.registry.store(source.store))
            verdict = try store.verifyAudit(witness: witness.flatMap(bytes))
            print(json ? verdict.json.canonical : verdict.text(of: store.path))
        } catch {
            throw ExitStatus.leave(error)
        }
        if !verdict.isIntact { throw ExitCode(1) }
    }

    private func bytes(_ hexadecimal: String) -> [UInt8]? {
        let digits = hexadecimal.compactMap(\.hexDigitValue)
        guard digits.count == 64, hexadecimal.count == 64 else { return nil }
        return stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}

/// `nightread audit export`
struct AuditExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Writes the audit chain as JSON lines, one event each.",
        discussion: """
            Example: nightread audit export --store study.sqlite --output audit.jsonl

            Documentation/STORE.md says how to check the hashes with any other program.

            Exit status: 0 written, 64 bad usage, 66 no such store, 73 cannot be created, 74 input/output error.
            """)

    @OptionGroup var source: RunSource

    @Option(help: ArgumentHelp("File to write (default: standard output).", valueName: "file"))
    var output: String?

    func run() throws {
        do {
            let store = try StudyStore.openForReading(source.registry.store(source.store))
            if let output {
                var lines: [UInt8] = []
                try store.exportAudit { lines.append(contentsOf: ($0 + "\n").utf8) }
                try OutputFile.write(lines, to: URL(fileURLWithPath: output))
            } else {
                try store.exportAudit { print($0) }
            }
        } catch {
            throw ExitStatus.leave(error)
        }
    }
}
