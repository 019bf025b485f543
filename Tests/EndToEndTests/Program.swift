import Foundation

/// The built `nightread`, as a user runs it.
struct Program {
    /// Beside the test bundle, wherever the build folder is.
    static let executable: String = {
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<4 {
            let candidate = folder.appendingPathComponent("nightread").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder = folder.deletingLastPathComponent()
        }
        return "nightread (not found beside \(CommandLine.arguments[0]))"
    }()

    struct Output {
        var status: Int32
        var out: String
        var error: String

        var lines: [String] { out.split(separator: "\n").map(String.init) }

        /// Every line as a JSON object.
        var events: [[String: Any]] {
            lines.compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
        }

        /// The last event's ledger.
        var ledger: [String: Int] {
            var ledger = events.last?["ledger"] as? [String: Any] ?? [:]
            ledger["balances"] = nil
            return ledger.compactMapValues { $0 as? Int }
        }
    }

    /// A started program.
    final class Started {
        let process: Process
        private let out: URL
        private let error: URL

        fileprivate init(_ arguments: [String], environment: [String: String], folder: URL) throws {
            process = Process()
            process.executableURL = URL(fileURLWithPath: Program.executable)
            process.arguments = arguments
            process.currentDirectoryURL = folder
            process.environment = ProcessInfo.processInfo.environment
                .merging(["XDG_STATE_HOME": folder.path + "/state", "TMPDIR": "/tmp"]) { $1 }
                .merging(environment) { $1 }
            let name = UUID().uuidString
            out = folder.appendingPathComponent(".\(name).out")
            error = folder.appendingPathComponent(".\(name).err")
            for file in [out, error] { try Data().write(to: file) }
            process.standardOutput = try FileHandle(forWritingTo: out)
            process.standardError = try FileHandle(forWritingTo: error)
            process.standardInput = FileHandle.nullDevice
            try process.run()
        }

        var pid: pid_t { process.processIdentifier }

        var soFar: String { (try? String(contentsOf: out, encoding: .utf8)) ?? "" }

        func wait() -> Output {
            process.waitUntilExit()
            return Output(
                status: process.terminationReason == .exit
                    ? process.terminationStatus : 128 + process.terminationStatus,
                out: soFar, error: (try? String(contentsOf: error, encoding: .utf8)) ?? "")
        }

        /// Waits until the output has `text`, for at most `seconds`.
        func waitFor(_ text: String, count: Int = 1, seconds: Double = 60) -> Bool {
            let end = Date().addingTimeInterval(seconds)
            while Date() < end {
                if soFar.components(separatedBy: text).count > count { return true }
                if !process.isRunning { return soFar.components(separatedBy: text).count > count }
                usleep(5000)
            }
            return false
        }
    }

    static func start(_ arguments: [String], environment: [String: String] = [:], in folder: URL) throws -> Started {
        try Started(arguments, environment: environment, folder: folder)
    }

    static func run(_ arguments: [String], environment: [String: String] = [:], in folder: URL) throws -> Output {
        try start(arguments, environment: environment, in: folder).wait()
    }
}
