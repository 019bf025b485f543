import Foundation
import Testing

@testable import Pipeline

@Suite("Files on their way to a decoder")
struct ScanFileTests {
    private func failure(_ path: String) -> ScanFile.OpenFailure? {
        do throws(ScanFile.OpenFailure) {
            _ = try ScanFile(opening: path)
            return nil
        } catch {
            return error
        }
    }

    private func kind(_ failure: ScanFile.OpenFailure?) -> FailureKind? {
        if case .failed(let failure) = failure { failure.kind } else { nil }
    }

    @Test("The digest is the content's SHA-256")
    func digest() throws {
        let folder = try TemporaryFolder()
        // FIPS 180-4's example: SHA-256("abc").
        let file = try ScanFile(opening: try folder.file("a.png", "abc").path)
        #expect(try file.digest { true } == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(file.isUnchanged())
    }

    @Test("A file that grows, shrinks or is written to while it is read is noticed")
    func changing() throws {
        let folder = try TemporaryFolder()
        for change in ["longer", "ab", "abd"] {
            let url = try folder.file("a.png", "abc")
            let file = try ScanFile(opening: url.path)
            let handle = try FileHandle(forWritingTo: url)
            usleep(20_000)
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: Data(change.utf8))
            try handle.close()
            let digest = try file.digest { true }
            #expect(change.utf8.count == 3 || digest == nil)
            #expect(!file.isUnchanged())
        }
    }

    @Test("Hashing ends when it is told to")
    func endless() throws {
        let folder = try TemporaryFolder()
        let file = try ScanFile(opening: try folder.file("a.png", "abc").path)
        #expect(try file.digest { false } == nil)
    }

    @Test("What is gone, no regular file, or a loop of links is told apart, and a FIFO is not waited for")
    func notThere() throws {
        let folder = try TemporaryFolder()
        #expect(kind(failure(folder.path + "/gone.png")) == .vanished)
        try folder.folder("folder.png")
        #expect(failure(folder.path + "/folder.png") == .skipped(.folderNamedLikeAScan))
        #expect(mkfifo(folder.path + "/pipe.png", 0o600) == 0)
        #expect(failure(folder.path + "/pipe.png") == .skipped(.specialFile))
        #expect(failure("/dev/null") == .skipped(.specialFile))
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/loop.png", withDestinationPath: "loop.png")
        #expect(kind(failure(folder.path + "/loop.png")) == .io)
    }

    @Test("A file without permission is unreadable", .enabled(if: getuid() != 0, "root may read everything"))
    func unreadable() throws {
        let folder = try TemporaryFolder()
        let url = try folder.file("a.png", "abc")
        #expect(chmod(url.path, 0) == 0)
        #expect(kind(failure(url.path)) == .unreadable)
    }
}

@Suite("Progress")
struct ProgressTests {
    @Test(
        "The bar never is wider than the terminal, and says less where there is less room",
        arguments: [10, 20, 40, 79, 200])
    func width(columns: Int) {
        var progress = Progress()
        let start = Instant(nanoseconds: 0)
        progress.note(.found(200), at: start)
        for number in 0..<50 {
            let outcome =
                number % 10 == 0
                ? ScanEvent(path: "a", outcome: .failed, detail: "x", kind: .corrupt)
                : ScanEvent(path: "a", outcome: .read, detail: nil, findings: 1)
            progress.note(.scan(outcome), at: start)
        }
        let bar = progress.bar(columns: columns, isWatching: false, at: start.advanced(seconds: 10))
        #expect(bar.count <= columns)
        #expect(bar.contains("50/200"))
        if columns >= 79 { #expect(bar.hasSuffix("50/200  25 %  5.0/s  30 s left  45 findings  5 failed")) }
    }

    @Test("Scans that the run abstains on are counted, where there are any")
    func abstained() {
        var progress = Progress()
        let start = Instant(nanoseconds: 0)
        progress.note(.found(4), at: start)
        progress.note(.scan(ScanEvent(path: "a", outcome: .read, detail: nil, findings: 1)), at: start)
        let later = start.advanced(seconds: 1)
        #expect(
            progress.sentence(isWatching: false, at: later) == "1 of 4 (25 %), 1.0/s, 3 s left, 1 findings, 0 failed")
        progress.note(
            .scan(ScanEvent(path: "b", outcome: .read, detail: nil, isAbstained: true, distance: 9)), at: start)
        #expect(
            progress.sentence(isWatching: false, at: later)
                == "2 of 4 (50 %), 2.0/s, 1 s left, 1 findings, 1 abstained, 0 failed")
        #expect(progress.bar(columns: 100, isWatching: false, at: later).hasSuffix("1 findings  1 abstained"))
    }

    @Test(
        "Durations are rounded up",
        arguments: [(0.2, "1 s"), (59, "59 s"), (61, "2 min"), (3600, "1 h 00 min"), (7501, "2 h 06 min")])
    func durations(seconds: Double, text: String) {
        #expect(Progress.duration(seconds) == text)
    }
}
