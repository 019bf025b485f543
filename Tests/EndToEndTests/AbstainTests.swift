import EfficientNet
import Foundation
import Imaging
import Store
import Tensors
import Testing
import Training

/// The demo model with statistics of drawn phantoms, over phantoms that it never saw and pictures that are none.
@Suite("Runs that abstain")
struct AbstainTests {
    /// A picture with what the model's network makes of it, in this process.
    private struct Picture {
        let samples: [UInt16]
        let width: Int
        let height: Int

        init(_ phantom: Phantom) { (samples, width, height) = (phantom.samples, phantom.width, phantom.height) }

        init(side: Int, _ sample: (Int) -> UInt16) {
            samples = (0..<side * side).map(sample)
            (width, height) = (side, side)
        }

        var inverted: Picture { Picture(self) { .max - $0 } }

        private init(_ other: Picture, _ change: (UInt16) -> UInt16) {
            samples = other.samples.map(change)
            (width, height) = (other.width, other.height)
        }
    }

    private struct Reader {
        let network: Network
        let preparation: FramePreparation

        init(_ package: ModelPackage) throws {
            network = try package.makeNetwork()
            preparation = try FramePreparation(package.manifest.preprocessing)
        }

        func features(_ picture: Picture) throws -> [Float] {
            var input = [Float](repeating: 0, count: preparation.inputCount)
            let frame = FrameGeometry(width: picture.width, height: picture.height, channels: 1, sample: .u16)
            try picture.samples.withUnsafeBytes { bytes in
                try input.withUnsafeMutableBufferPointer { try preparation.prepare(frame, samples: bytes, into: $0) }
            }
            return try input.withUnsafeBufferPointer { try network.reading(prepared: $0).features }
        }
    }

    /// Distances by their definition, of the numbers that a package's file holds: √|W(x − μ)|², of the nearest mean.
    private struct Definition {
        let features: Int
        let whitening: [Double]
        let means: [Double]
        let limit: Double

        init(_ package: URL) throws {
            let file = try SafetensorsFile(contentsOf: package.appending(path: "features.safetensors"))
            let means = try file.tensor("means")
            features = means.shape[1]
            whitening = try file.tensor("whitening").scalars.map(Double.init)
            self.means = means.scalars.map(Double.init)
            limit = Double(try file.tensor("abstain").scalars[0])
        }

        func distance(_ values: [Float]) -> Double {
            let whitened = (0..<features).map { row in
                (0...row).reduce(0.0) { $0 + whitening[row * (row + 1) / 2 + $1] * Double(values[$1]) }
            }
            let squares = (0..<means.count / features).map { group in
                whitened.indices.reduce(0.0) { sum, row in
                    let difference = whitened[row] - means[group * features + row]
                    return sum + difference * difference
                }
            }
            return (squares.min() ?? .infinity).squareRoot()
        }
    }

    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "nightread-abstain-\(UUID().uuidString)")
    private let reader: Reader

    /// The demo model with statistics, made once.
    private static let model = Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "nightread-abstain-\(getpid())")
        let package = try ModelPackage.open(URL(fileURLWithPath: EvaluateTests.model))
        let reader = try Reader(package)
        var training: [[Float]] = [], groups: [Int] = []
        for index in 0..<60 {
            let phantom = Phantom(seed: 301, index: index)
            training.append(try reader.features(Picture(phantom)))
            groups.append(package.manifest.labels.firstIndex(of: phantom.label.rawValue) ?? 0)
        }
        let validation = try (0..<20).map { try reader.features(Picture(Phantom(seed: 302, index: $0))) }
        try ModelPackage.write(
            manifest: package.manifest, weights: package.tensors(), selfTest: package.selfTest(),
            statistics: FeatureStatistics(
                training: training, groups: groups, validation: validation, falseAbstainRate: 0.05),
            to: folder)
        atexit {
            try? FileManager.default.removeItem(
                at: FileManager.default.temporaryDirectory.appending(path: "nightread-abstain-\(getpid())"))
        }
        return folder
    }

    init() throws {
        reader = try Reader(ModelPackage.open(URL(fileURLWithPath: EvaluateTests.model)))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: Self.model.get(), to: folder.appending(path: "model"))
    }

    private func write(_ extra: String = "", model: String = "model", store: String = "night.sqlite") throws {
        let text = """
            study: night
            inputs: [{path: scans}]
            model: \(model)
            store: \(store)
            report: {html: report, csv: findings.csv}
            \(extra)
            """
        try Data(text.utf8).write(to: folder.appending(path: "night.yaml"))
    }

    /// The rows of the run's table that were read, by file name.
    private func rows() throws -> [String: [String: String]] {
        let text = try String(contentsOf: folder.appending(path: "findings.csv"), encoding: .utf8)
        let lines = text.components(separatedBy: "\r\n").filter { !$0.isEmpty }
        let names = lines.first?.components(separatedBy: ",") ?? []
        let rows = lines.dropFirst().map { line in
            Dictionary(zip(names, line.components(separatedBy: ",")), uniquingKeysWith: { first, _ in first })
        }
        return Dictionary(
            rows.filter { $0["outcome"] == "read" }.map {
                (URL(fileURLWithPath: $0["path"] ?? "").lastPathComponent, $0)
            },
            uniquingKeysWith: { first, _ in first })
    }

    private func page(_ folder: String = "report") throws -> String {
        try String(contentsOf: self.folder.appending(path: folder + "/index.html"), encoding: .utf8)
    }

    @Test(
        "Blank, inverted and noisy pictures get no call and the distance of its definition; abstain: false calls them all"
    )
    func night() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        var random = SeededGenerator(seed: 8)
        var pictures: [String: Picture] = [
            "blank.png": Picture(side: 256) { _ in 30_000 },
            "inverted.png": Picture(Phantom(seed: 304, index: 0)).inverted,
            "noise.png": Picture(side: 256) { _ in UInt16.random(in: 0...UInt16.max, using: &random) },
        ]
        for index in 0..<12 { pictures["phantom-\(index).png"] = Picture(Phantom(seed: 303, index: index)) }
        let scans = folder.appending(path: "scans")
        try FileManager.default.createDirectory(at: scans, withIntermediateDirectories: true)
        for (name, picture) in pictures {
            try #require(PictureFormat.png.encode(picture.samples, width: picture.width, height: picture.height))
                .write(to: scans.appending(path: name))
        }
        let definition = try Definition(folder.appending(path: "model"))
        let expected = try pictures.mapValues { definition.distance(try reader.features($0)) }
        let unlike = Set(expected.filter { $0.value > definition.limit }.keys)
        #expect(unlike.isSuperset(of: ["blank.png", "inverted.png", "noise.png"]))
        #expect(unlike.count <= 6, "phantoms turned away: \(unlike)")

        try write()
        let first = try Program.run(["run", "night.yaml", "--json"], in: folder)
        #expect(first.status == 0, "\(first.error)")
        #expect(first.ledger["read"] == 15)
        #expect(first.events.last?["abstained"] as? Int == unlike.count)
        var events: [String: [String: Any]] = [:]
        for event in first.events where event["event"] as? String == "scan" {
            events[URL(fileURLWithPath: event["path"] as? String ?? "").lastPathComponent] = event
        }
        let abstaining = try rows()
        #expect(abstaining.count == 15)
        for (name, distance) in expected {
            let row = try #require(abstaining[name])
            let found = try #require(row["distance"].flatMap(Double.init))
            // The run sums in single precision.
            #expect(abs(found - distance) < 1e-3 * distance, "\(name): \(found) for \(distance)")
            let told = try #require(events[name]?["distance"] as? Double)
            // JSON is parsed by way of decimals here.
            #expect(abs(told - found) < 1e-12 * found)
            #expect(row["abstained"] == (unlike.contains(name) ? "1" : "0"), "\(name)")
            #expect((row["call"] == "abstained") == unlike.contains(name))
            #expect(events[name]?["abstained"] as? Bool == unlike.contains(name))
            if unlike.contains(name) { #expect(events[name]?["findings"] as? Int == 0) }
        }
        let text = try page()
        #expect(text.contains("15 read (\(unlike.count) abstained)"))
        let section = try #require(
            text.components(separatedBy: "<section aria-labelledby=\"abstained\">").last?
                .components(separatedBy: "</section>").first)
        #expect(section.components(separatedBy: "src=\"data:image/png;base64,").count == unlike.count + 1)

        // Recognised the second time: the same count, and no second reading.
        let second = try Program.run(["run", "night.yaml"], in: folder)
        #expect(second.status == 0)
        #expect(
            second.lines.contains { $0.hasPrefix("abstained: \(unlike.count) unlike what the model was trained on") })
        #expect(second.out.contains("15 read (\(unlike.count) abstained)"))

        try write("abstain: false")
        let third = try Program.run(["run", "night.yaml", "--json"], in: folder)
        #expect(third.status == 0 && third.events.last?["abstained"] as? Int == 0)
        let called = try rows()
        for (name, row) in abstaining {
            let other = try #require(called[name])
            #expect(other["distance"] == row["distance"] && other["abstained"] == "0" && other["call"] != "abstained")
            #expect(other["top_probability"] == row["top_probability"])
        }
        #expect(try !page().contains("id=\"abstained\""))

        let file = folder.appending(path: "night.sqlite")
        let store = try StudyStore.openForReading(file)
        let runs = try store.runs()
        #expect(runs.count == 3 && runs[2].preprocessingDigest == runs[1].preprocessingDigest)
        #expect(runs[0].preprocessingDigest != runs[1].preprocessingDigest)
        #expect(try store.readings(run: runs[1].id).allSatisfy { $0.madeBy == runs[2].id })
        #expect(try runs.map { try store.ledger(run: $0.id).abstained } == [0, unlike.count, unlike.count])
        #expect(try store.verifyAudit().isIntact)
        let compared = try Program.run(
            ["compare", runs[1].id, runs[0].id, "--store", file.path, "--html", "comparison", "--json"], in: folder)
        #expect(compared.status == 0, "\(compared.error)")
        #expect(compared.events.first?["abstained"] as? Int == unlike.count)
        #expect(compared.events.first?["changed"] as? Int == 0)
        #expect(try page("comparison").contains("A alone on \(unlike.count), B alone on 0."))
    }

    @Test(
        "A model without statistics reads as ever, and abstain: true says that it has no effect; doctor says which can")
    func without() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let scans = folder.appending(path: "scans")
        try FileManager.default.createDirectory(at: scans, withIntermediateDirectories: true)
        try Study.png(seed: 1).write(to: scans.appending(path: "noise.png"))
        try FileManager.default.copyItem(
            at: folder.appending(path: "model"), to: folder.appending(path: "plain"))
        try FileManager.default.removeItem(at: folder.appending(path: "plain/features.safetensors"))
        try write("abstain: true", model: "plain")
        let output = try Program.run(["run", "night.yaml", "--json"], in: folder)
        #expect(output.status == 0, "\(output.error)")
        let notices = output.events.compactMap { $0["text"] as? String }
        #expect(notices.count == 1 && notices[0].contains("plain: it has no features.safetensors"))
        let row = try #require(try rows()["noise.png"])
        #expect(row["abstained"] == "" && row["distance"] == "" && row["call"] != "abstained")
        let scan = output.events.first { $0["event"] as? String == "scan" }
        #expect(scan?["abstained"] as? Bool == false && scan?["distance"] is NSNull)
        let doctor = try Program.run(["doctor", "night.yaml"], in: folder)
        #expect(doctor.out.contains("abstain: true has no effect"))
        try write()
        #expect(
            try Program.run(["doctor", "night.yaml"], in: folder).out.contains(
                "makes no call of scans unlike its training's"))
        // What abstain says does not matter to a model that cannot: the same readings.
        try write("abstain: false", model: "plain")
        #expect(try Program.run(["run", "night.yaml", "--quiet"], in: folder).status == 0)
        let store = try StudyStore.openForReading(folder.appending(path: "night.sqlite"))
        let runs = try store.runs()
        #expect(Set(runs.map(\.preprocessingDigest)).count == 1 && runs.count == 2)
        #expect(try store.readings(run: runs[0].id).map(\.madeBy) == [runs[1].id])
    }
}
