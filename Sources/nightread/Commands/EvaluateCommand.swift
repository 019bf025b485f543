import ArgumentParser
import EfficientNet
import Foundation
import Reporting
import Tensors
import Training

/// `nightread evaluate`
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Holds a model against labelled scans: accuracy, AUC, calibration, mistakes, each with its interval.",
        discussion: """
            DATA is a folder with a folder of scans per label, or a CSV file with the columns path and label and, if it has them, \
            patient and split; several labels are separated by |. Its labels are the model's, not necessarily all of them. Where \
            the file marks scans as test, only those are read, unless --split says otherwise.

            Examples:
              nightread evaluate models/chest-b0 held-out --html reports/chest-b0
              nightread evaluate models/chest-b0 scans.csv --split validation --json
              nightread evaluate models/chest-b0 held-out --unlike photographs

            Exit status: 0 everything was read, 3 some scans could not be, 64 bad usage or data, 66 no such model or data, 73 cannot \
            be created, 74 input/output error.
            """)

    @Argument(help: "The model package.", completion: .directory)
    var model: String

    @Argument(help: "The labelled scans: a folder, or a CSV file.", completion: .file())
    var data: String

    @Option(help: "Which scans of a CSV file are read: train, validation or test.")
    var split: DataSide?

    @Option(
        help: ArgumentHelp("Folder for index.html, made when missing.", valueName: "folder"), completion: .directory)
    var html: String?

    @Option(
        help: ArgumentHelp("Scans that the model is not meant for: says how many it turns away.", valueName: "folder"),
        completion: .directory)
    var unlike: String?

    @Option(help: "Threads, each with a network and a decoder; one per core where absent.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Precision of the arithmetic: f32 or bf16 (float where the machine has no instructions for it).")
    var precision = Precision.f32

    @Option(help: "Bootstrap resamples behind the 95 % intervals, 0 to 100000; 0 leaves the intervals out.")
    var resamples = Bootstrap.reportResamples

    @Option(help: "Seed of the resamples.")
    var seed: UInt64 = 0

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        guard (1...1024).contains(threads) else {
            throw ValidationError("--threads: expected 1 to 1024, found \(threads)")
        }
        guard (0...100_000).contains(resamples) else {
            throw ValidationError("--resamples: expected 0 to 100000, found \(resamples)")
        }
    }

    func run() throws {
        let hasFailures: Bool
        do {
            hasFailures = try evaluate()
        } catch {
            throw ExitStatus.leave(error)
        }
        if hasFailures { throw ExitStatus.someFailed.code }
    }

    private func evaluate() throws -> Bool {
        let package = try ModelPackage.open(URL(fileURLWithPath: model))
        let labelled = try LabelledScans.read(data)
        _ = try ModelEvaluation.places(of: labelled, in: package.manifest, path: data)
        let (scans, side) = try labelled.chosen(split, path: data)
        if unlike != nil, try package.statistics() == nil {
            throw DataError.unusable(
                path: model,
                problems: [
                    "expected features.safetensors for --unlike, found none; leave it out, or train the model anew"
                ])
        }
        let evaluator = try Evaluator(package, threads: threads, precision: precision)
        let others = try unlike.map { try LabelledScans.unlabelled($0) } ?? []
        let all = scans.count + others.count
        let readings = try evaluator.read(scans) { Self.show($0, of: all) }
        let unlikeReadings = try unlike.map { _ in try evaluator.read(others) { Self.show(scans.count + $0, of: all) } }
        let result = try ModelEvaluation(
            package, data: labelled, scans: scans, path: data, readings: readings, unlike: unlikeReadings,
            resamples: resamples, seed: seed)
        let words = side.map { "the scans of \(data) marked \($0.rawValue)" } ?? "the scans of \(data)"
        let shown = result.mistakes.prefix(TrainingReport.shownMistakes).map { result.frames[$0.scan] }
        let pictures = html == nil ? [] : try evaluator.pictures(shown)
        let report = TrainingReport(result, data: words, pictures: pictures)
        if let html { try report.write(to: URL(fileURLWithPath: html), program: "nightread \(Nightread.version)") }
        print(json ? try result.json() : report.text)
        return !result.unreadable.isEmpty
    }

    private static func show(_ done: Int, of all: Int) {
        guard isatty(2) == 1, done == all || done.isMultiple(of: 16) else { return }
        FileHandle.standardError.write(Data("\r\(done) of \(all) scans\(done == all ? "\n" : "")".utf8))
    }
}

extension DataSide: ExpressibleByArgument {}
