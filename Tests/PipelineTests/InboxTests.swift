import CSystem
import Foundation
import Testing

@testable import Pipeline

@Suite("The inbox")
struct InboxTests {
    private func input(_ folder: TemporaryFolder, _ patterns: [String] = ["*.png"], recursive: Bool = true)
        -> PipelineFile.Input
    {
        PipelineFile.Input(path: folder.path, patterns: patterns, recursive: recursive)
    }

    /// Paths below the folder → what is to be done with them.
    private func walk(_ folder: TemporaryFolder, _ inputs: [PipelineFile.Input]) -> [String: String] {
        var result: [String: String] = [:]
        for item in InboxWalker(inputs: inputs).walk() {
            let name = String(item.path.dropFirst(folder.path.count + 1))
            result[name] =
                switch item.kind {
                case .candidate: "candidate"
                case .skipped(let rule): rule.rawValue
                case .failed(let failure): failure.kind.rawValue
                }
        }
        return result
    }

    @Test("Files, folders, links, loops and special files each have their rule")
    func rules() throws {
        let folder = try TemporaryFolder()
        for name in ["a.png", "B.PNG", "c.tif", ".hidden.png", "d.png.part"] { try folder.file(name, "x") }
        try folder.folder("e.png")
        try folder.file("e.png/inside.png", "x")
        try folder.folder("below/deeper")
        try folder.file("below/deeper/f.png", "x")
        try folder.folder(".secret")
        try folder.file(".secret/g.png", "x")
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: folder.path + "/below/up", withDestinationPath: "..")
        try manager.createSymbolicLink(atPath: folder.path + "/h.png", withDestinationPath: "a.png")
        try manager.createSymbolicLink(atPath: folder.path + "/i.png", withDestinationPath: "nowhere")
        try manager.createSymbolicLink(atPath: folder.path + "/j.png", withDestinationPath: "j.png")
        #expect(mkfifo(folder.path + "/k.png", 0o600) == 0)
        #expect(
            walk(folder, [input(folder)]) == [
                "a.png": "candidate", "B.PNG": "candidate", "c.tif": "pattern", "e.png": "folder named like a scan",
                "e.png/inside.png": "candidate", "below/deeper/f.png": "candidate",
                "below/up": "link to a folder already seen", "h.png": "candidate", "i.png": "broken link",
                "j.png": "broken link", "k.png": "special file",
            ])
    }

    @Test("Patterns with a slash are matched with the path below the input; others with the name")
    func patterns() throws {
        let folder = try TemporaryFolder()
        try folder.folder("left")
        for name in ["left/a.png", "a.png", "left/b.tif"] { try folder.file(name, "x") }
        #expect(
            walk(folder, [input(folder, ["left/*.png"])]) == [
                "left/a.png": "candidate", "a.png": "pattern", "left/b.tif": "pattern",
            ])
        #expect(walk(folder, [input(folder, recursive: false)]) == ["a.png": "candidate"])
    }

    @Test("A path that two inputs reach is there once, and taken if either takes it")
    func overlapping() throws {
        let folder = try TemporaryFolder()
        try folder.folder("left")
        try folder.file("left/a.tif", "x")
        var inner = input(folder, ["*.tif"])
        inner.path += "/left"
        #expect(walk(folder, [input(folder), inner]) == ["left/a.tif": "candidate"])
    }

    @Test("A folder that cannot be listed is one failure")
    func unlisted() throws {
        let folder = try TemporaryFolder()
        var gone = input(folder)
        gone.path += "/gone"
        #expect(walk(folder, [gone]) == ["gone": "vanished"])
    }

    @Test("A name that is not UTF-8 is told of and not taken")
    func notUTF8() throws {
        let folder = try TemporaryFolder()
        let path =
            Array((folder.path + "/").utf8CString.dropLast()) + [CChar(bitPattern: 0xff), 0x2e, 0x70, 0x6e, 0x67, 0]
        let descriptor = open(path, O_CREAT | O_WRONLY, 0o600)
        #expect(descriptor >= 0)
        close(descriptor)
        #expect(walk(folder, [input(folder)]).values.sorted() == ["name is not UTF-8"])
    }
}

@Suite("Settling")
struct SettlingTests {
    private let start = Instant(nanoseconds: 1_000_000_000_000)
    private func look(_ size: Int64, modified: Int64 = 1) -> Settling.Look {
        Settling.Look(device: 1, inode: 2, size: size, modified: modified, changed: modified)
    }

    @Test("A file is due once it has not changed for the whole time, and every change starts it again")
    func due() {
        var settling = Settling(settle: 5)
        settling.observe("a", look(1), at: start)
        #expect(settling.due(at: start.advanced(seconds: 4.9)).isEmpty)
        settling.observe("a", look(2), at: start.advanced(seconds: 4))
        #expect(settling.due(at: start.advanced(seconds: 8.9)).isEmpty)
        // Seeing it again as it was is no change.
        settling.observe("a", look(2), at: start.advanced(seconds: 8))
        #expect(settling.due(at: start.advanced(seconds: 9)) == ["a"])
        #expect(settling.nextDue == start.advanced(seconds: 9))
        // It changed between the last event and the look at it.
        do {
            let isTaken = settling.take("a", look(3), at: start.advanced(seconds: 9))
            #expect(!isTaken)
        }
        #expect(settling.due(at: start.advanced(seconds: 13.9)).isEmpty)
        do {
            let isTaken = settling.take("a", look(3), at: start.advanced(seconds: 14))
            #expect(isTaken)
        }
        #expect(settling.waiting.isEmpty)
    }

    @Test("A file that was taken comes again only when it looks different")
    func taken() {
        var settling = Settling(settle: 1)
        settling.observe("a", look(1), at: start)
        do {
            let isTaken = settling.take("a", look(1), at: start.advanced(seconds: 1))
            #expect(isTaken)
        }
        settling.observe("a", look(1), at: start.advanced(seconds: 2))
        #expect(settling.waiting.isEmpty)
        settling.observe("a", look(1, modified: 2), at: start.advanced(seconds: 3))
        #expect(settling.waiting == ["a"])
    }

    @Test("A file that is known to be old needs no wait, and one that was dealt with before none at all")
    func old() {
        var settling = Settling(settle: 5)
        settling.observe("old", look(1), at: start, age: 60)
        settling.settled("known", look(1))
        settling.observe("known", look(1), at: start)
        #expect(settling.due(at: start) == ["old"])
        #expect(settling.waiting == ["old"])
    }

    @Test("An incomplete scan comes back after a wait that doubles up to a bound")
    func backOff() {
        var settling = Settling(settle: 1)
        var now = start
        for (attempt, wait) in [(1, 30.0), (2, 60), (3, 120), (6, 600), (9, 600)] {
            settling.observe("a", look(Int64(attempt)), at: now)
            now = now.advanced(seconds: 1)
            do {
                let isTaken = settling.take("a", look(Int64(attempt)), at: now)
                #expect(isTaken)
            }
            settling.comeBack("a", after: attempt, first: 30, longest: 600, at: now)
            #expect(settling.nextDue == now.advanced(seconds: wait))
        }
    }
}

@Suite("File events")
struct FolderWatchTests {
    private func events(_ watch: FolderWatch) -> Set<FolderWatch.Event> {
        var wanted = pollfd(fd: watch.descriptor.number, events: Int16(POLLIN), revents: 0)
        _ = poll(&wanted, 1, 2000)
        usleep(20_000)
        return Set(watch.events())
    }

    @Test("Files that are written or renamed in, and new folders, are told of")
    func told() throws {
        let folder = try TemporaryFolder()
        let watch = try FolderWatch()
        #expect(watch.add(folder.path) == nil)
        try folder.file("a.png", "x")
        #expect(events(watch).contains(.touched(path: folder.path + "/a.png", isFolder: false)))
        try FileManager.default.moveItem(atPath: folder.path + "/a.png", toPath: folder.path + "/b.png")
        #expect(events(watch) == [.touched(path: folder.path + "/b.png", isFolder: false)])
        try folder.folder("new")
        #expect(events(watch) == [.touched(path: folder.path + "/new", isFolder: true)])
    }

    @Test("A watched folder that goes away means looking at everything again")
    func gone() throws {
        let folder = try TemporaryFolder()
        let below = try folder.folder("below")
        let watch = try FolderWatch()
        #expect(watch.add(below.path) == nil)
        try FileManager.default.removeItem(at: below)
        #expect(events(watch) == [.lost])
        #expect(watch.add(folder.path + "/nowhere") != nil)
    }

    @Test("A file that is open for writing is told from one that is not")
    func beingWritten() throws {
        var signals: Int32 = -1
        #expect(nr_signal_descriptor(&signals) == 0)
        defer { close(signals) }
        let folder = try TemporaryFolder()
        let url = try folder.file("a.png", "x")
        let reader = try Descriptor.opening(url.path)
        #expect(nr_is_being_written(reader.number) == 0)
        let writer = try FileHandle(forWritingTo: url)
        #expect(nr_is_being_written(reader.number) == 1)
        try writer.close()
        #expect(nr_is_being_written(reader.number) == 0)
    }
}

@Suite("When watching ends")
struct WatchEndTests {
    @Test(
        "Spans are hours, minutes and seconds",
        arguments: [
            ("8h", 28_800), ("90m", 5400), ("1h30m", 5400), ("45s", 45), ("0.5h", 1800), ("2H", 7200),
        ] as [(String, Double)])
    func spans(text: String, seconds: Double) {
        #expect(WatchEnd.seconds(for: text) == seconds)
    }

    @Test(
        "What is no span or no time of day is refused",
        arguments: ["", "8", "h", "-1h", "1m1h", "0s", "25:00", "6:3", "06:60", "a:00"])
    func none(text: String) {
        #expect(WatchEnd.seconds(for: text) == nil)
        #expect(WatchEnd.seconds(until: text) == nil)
    }

    @Test("A time of day is the next one")
    func timeOfDay() throws {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        // 2026-11-24 00:00:00 UTC.
        let midnight = Date(timeIntervalSince1970: 1_795_478_400)
        #expect(WatchEnd.seconds(until: "06:30", from: midnight, calendar: calendar) == 23_400)
        #expect(
            WatchEnd.seconds(until: "6:30", from: midnight.addingTimeInterval(23_400), calendar: calendar) == 86_400)
    }
}
