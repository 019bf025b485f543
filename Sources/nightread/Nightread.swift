import ArgumentParser

/// The command line: one file per command in Commands/, no logic of its own.
@main
struct Nightread: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nightread",
        abstract: "Reads medical scans in bulk with EfficientNet, overnight, on ordinary machines.",
        discussion: "For research use only. Not a medical device.",
        version: version,
        subcommands: [
            AuditCommand.self,
            BenchCommand.self,
            CompareCommand.self,
            ConverterCommand.self,
            DecoderCommand.self,
            DoctorCommand.self,
            EvaluateCommand.self,
            ImportCommand.self,
            InspectCommand.self,
            LogitsCommand.self,
            ModelCommand.self,
            PhantomCommand.self,
            PreprocessCommand.self,
            ReportCommand.self,
            RerunCommand.self,
            RunCommand.self,
            TrainCommand.self,
            WatchCommand.self,
            WorkerCommand.self,
        ])

    static let version = "0.1.0"
}
