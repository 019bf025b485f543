import ArgumentParser
import Foundation
import Reporting
import Training

/// `nightread train`
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Trains a model on labelled scans, and writes a model package that pipelines use at once.",
        discussion: """
            Example: nightread train Examples/train/chest-phantom-b0.yaml

            The state is kept after every epoch: a training that was stopped, by whatever, goes on with --resume and comes to the same \
            weights. Every key of a training file is described in Documentation/TRAINING.md.

            Exit status: 0 the model is written, 64 bad usage, training file or data, 66 input missing, 73 output cannot be created, \
            74 input/output error or full disk (make room, then --resume).
            """)

    @Argument(help: "The training file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Flag(help: "Go on with a training that was interrupted; begin where there is none.")
    var resume = false

    @Flag(help: "Read and divide the data, say what would be trained and how much memory that takes; train nothing.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "Write a page that shows what the network will see of some scans; train nothing.", valueName: "out.html"))
    var preview: String?

    @Flag(help: "Leave out scans that cannot be read.")
    var skipUnreadable = false

    @Flag(name: .shortAndLong, help: "Print nothing but errors and the last line.")
    var quiet = false

    func run() throws {
        do {
            let display = TrainingDisplay(isQuiet: quiet)
            let writes = !dryRun && preview == nil
            let run = try TrainingRun(
                TrainingFile.read(file), version: "nightread \(Nightread.version)", display: display,
                skipsUnreadable: skipUnreadable, isResuming: resume, writes: writes)
            for line in try run.summary() { display.line(line) }
            if let preview {
                let rows = try run.preview().map { (name: $0.name, pictures: try $0.pictures.map { try $0.png() }) }
                try ContactSheet(title: run.file.name, program: "nightread \(Nightread.version)", rows)
                    .write(to: URL(fileURLWithPath: preview))
                display.finish(preview)
            }
            guard writes else { return }
            let outcome = try run.train(resume: resume)
            let folder = URL(fileURLWithPath: run.file.report)
            try report(run, outcome).write(to: folder, program: "nightread \(Nightread.version)")
            display.line("model    \(outcome.package.folder.path)")
            let result = outcome.judgement.evaluation
            func number(_ value: Double?) -> String { value.map { String(format: "%.4f", $0) } ?? "–" }
            display.finish(
                "trained: validation accuracy \(number(result.accuracy.value)), AUC \(number(result.meanAUC.value)), "
                    + "\(outcome.judgement.mistakes.count) of \(result.scans) wrong; report: "
                    + folder.appending(path: "index.html").path)
        } catch {
            throw ExitStatus.leave(error)
        }
    }

    private func report(_ run: TrainingRun, _ outcome: TrainingOutcome) throws -> TrainingReport {
        let judgement = outcome.judgement
        let shown = judgement.mistakes.prefix(TrainingReport.shownMistakes).map { judgement.frames[$0.scan] }
        let pictures = try Evaluator(outcome.package, threads: 1).pictures(shown.map { ($0.scan, $0.number) })
        return TrainingReport(outcome, of: run, pictures: pictures)
    }
}
