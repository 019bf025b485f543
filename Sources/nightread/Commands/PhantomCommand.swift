import ArgumentParser
import Foundation
import Imaging

struct PhantomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "phantom",
        abstract: "Draw a study of chest phantoms with known answers.",
        discussion: """
            Writes COUNT pictures (16-bit PNG and TIFF in turn) and labels.csv (label and lesion boxes) into a folder. \
            The same seed always draws the same pictures; labels are balanced: normal, nodule, effusion.

            Example: nightread phantom Examples/study --count 60 --seed 7

            Exit status: 0 written, 64 bad usage, 73 the folder or a file in it cannot be written.
            """)

    @Argument(help: "Folder to write into; made where it is missing.")
    var folder: String

    @Option(help: "How many phantoms to draw, 1 or more.")
    var count = 60

    @Option(help: "Seed of the study.")
    var seed: UInt64 = 1

    @Flag(help: "Print nothing but errors.")
    var quiet = false

    func validate() throws {
        guard (1...1_000_000).contains(count) else {
            throw ValidationError("--count: expected 1 to 1000000, found \(count)")
        }
    }

    func run() throws {
        let showsProgress = !quiet && isatty(STDERR_FILENO) == 1
        do {
            try PhantomStudy(count: count, seed: seed).write(to: URL(fileURLWithPath: folder)) { done in
                if showsProgress { FileHandle.standardError.write(Data("\rdrawing phantoms \(done)/\(count)".utf8)) }
            }
        } catch {
            throw ExitStatus.leave(error)
        }
        if showsProgress { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
        if !quiet { print("\(count) phantoms and labels.csv in \(folder)") }
    }
}
