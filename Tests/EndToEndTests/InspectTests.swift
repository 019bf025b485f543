import Foundation
import Imaging
import Testing

@Suite("nightread inspect")
struct InspectTests {
    private func inspect(_ arguments: [String], in study: Study, faults: String? = nil) throws -> Program.Output {
        try Program.run(
            ["inspect"] + arguments, environment: faults.map { ["NIGHTREAD_FAULTS": $0] } ?? [:], in: study.folder)
    }

    private func object(_ arguments: [String], in study: Study) throws -> [String: Any] {
        let output = try inspect(arguments + ["--json"], in: study)
        #expect(output.status == 0, "\(output.error)")
        return try #require(output.events.first)
    }

    /// As coreutils find it.
    private func sha256sum(_ bytes: [UInt8], in study: Study) throws -> String {
        let file = try study.file("samples.raw", Data(bytes))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
        process.arguments = [file.path]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return String(text.prefix(64))
    }

    @Test("The digest is that of the samples, little-endian", arguments: PictureFormat.allCases)
    func digest(format: PictureFormat) throws {
        let study = try Study()
        var random = SeededGenerator(seed: 5)
        let samples = (0..<37 * 23 * 3).map { _ in UInt16.random(in: 0...65_535, using: &random) }
        try study.file("scan.bin", try #require(format.encode(samples, width: 37, height: 23, channels: 3)))
        let found = try object(["scan.bin"], in: study)
        let expected = try sha256sum(samples.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }, in: study)
        #expect(found["samples_sha256"] as? String == expected)
        #expect(found["format"] as? String == format.rawValue)
        #expect(found["width"] as? Int == 37 && found["height"] as? Int == 23)
        #expect(found["channels"] as? Int == 3 && found["bits"] as? Int == 16 && found["frames"] as? Int == 1)
        #expect(found["sample"] as? String == "u16" && found["signed"] as? Bool == false)
    }

    @Test("Statistics and the window used are those of the samples")
    func numbers() throws {
        let study = try Study()
        let ramp = (0...255).map { UInt8($0) }
        try study.file("ramp", try #require(PictureFormat.png.encode(ramp, width: 16, height: 16)))
        let found = try object(["ramp", "--intensity", "window:100,50"], in: study)
        let statistics = try #require(found["statistics"] as? [String: Any])
        let stored = try #require(statistics["stored"] as? [String: Any])
        #expect(stored["mean"] as? Double == 127.5 && stored["maximum"] as? Double == 255)
        #expect((stored["percentiles"] as? [String: Double])?["25"] == 63.75)
        let used = try #require(found["window_used"] as? [String: Any])
        #expect(used["black"] as? Double == 75 && used["white"] as? Double == 125)
        let histogram = try #require(found["histogram"] as? [String: Any])
        #expect((histogram["counts"] as? [Int])?.reduce(0, +) == 256)
        let text = try inspect(["ramp"], in: study)
        #expect(text.lines.contains { $0.hasPrefix("geometry") && $0.hasSuffix("16 × 16, gray, 8 bits") })
        #expect(text.out.contains("█"))
    }

    @Test("The picture is what the network sees, for its owner alone")
    func picture() throws {
        let study = try Study()
        // 64 becomes (64 − 50) / 100 = 0.14 of white, 35.7 of 255, everywhere, whatever is resized and cropped.
        let gray = [UInt8](repeating: 64, count: 90 * 60)
        try study.file("gray.png", try #require(PictureFormat.png.encode(gray, width: 90, height: 60)))
        let output = try inspect(
            ["gray.png", "--intensity", "window:100,100", "--png", "seen.png", "--variant", "b1"], in: study)
        #expect(output.status == 0, "\(output.error)")
        let attributes = try FileManager.default.attributesOfItem(atPath: study.path("seen.png").path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let seen = try object(["seen.png"], in: study)
        #expect(seen["width"] as? Int == 240 && seen["height"] as? Int == 240 && seen["channels"] as? Int == 1)
        let expected = try sha256sum([UInt8](repeating: 36, count: 240 * 240), in: study)
        #expect(seen["samples_sha256"] as? String == expected)
        // The study's model takes inputs of 32 pixels.
        #expect(try inspect(["gray.png", "--model", "model", "--png", "small.png"], in: study).status == 0)
        #expect(try object(["small.png"], in: study)["width"] as? Int == 32)
    }

    @Test("What is wrong has the exit status that PIPELINE.md says")
    func exitStatus() throws {
        let study = try Study()
        let scan = try study.scan("a.png", seed: 1)
        let bytes = try Data(contentsOf: scan)
        try study.file("cut.png", bytes.prefix(bytes.count / 2))
        for (arguments, status, words) in [
            (["nowhere.png"], 66, "nowhere.png"), (["scans"], 66, "no regular file"), (["cut.png"], 3, "truncated"),
            (["scans/a.png", "--frame", "1"], 64, "--frame 1"),
            (["scans/a.png", "--intensity", "bright"], 64, "bright"),
            (["scans/a.png", "--model", "nowhere"], 66, "nowhere"),
            (["scans/a.png", "--png", "no/x.png"], 73, "no/x.png"),
        ] as [([String], Int32, String)] {
            let output = try inspect(arguments, in: study)
            #expect(output.status == status, "\(arguments): \(output.error)")
            #expect(output.error.contains(words), "\(output.error)")
        }
        let preprocess = ["preprocess", "cut.png", "--variant", "b0", "--output", "x.safetensors"]
        #expect(try Program.run(preprocess, in: study.folder).status == 3)
    }

    @Test("A scan that takes its decoder down is one that failed", arguments: ["crash", "open", "exit"])
    func isolated(fault: String) throws {
        let study = try Study()
        let scan = try study.scan("a.png", seed: 1)
        let output = try inspect(["scans/a.png"], in: study, faults: "\(fault):\(try Data(contentsOf: scan).count)")
        #expect(output.status == 3)
        #expect(output.error.contains("crash: the decoder"), "\(output.error)")
    }

    @Test("A file's name cannot speak to the terminal")
    func hostileName() throws {
        let study = try Study()
        let name = "\u{1B}]0;owned\u{07}\u{1B}[31m.png"
        try study.scan(name, seed: 1)
        for arguments in [[name], [name, "--json"], [name + ".missing"]] {
            let output = try inspect(["scans/" + arguments[0]] + arguments.dropFirst(), in: study)
            for text in [output.out, output.error] {
                #expect(!text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" }, "\(arguments)")
            }
        }
    }
}

@Suite("nightread bench --decode")
struct DecodeBenchTests {
    @Test("Every file that can be decoded is in its format's row, with its size")
    func rows() throws {
        let study = try Study()
        for seed in 0..<3 { try study.scan("\(seed).png", seed: UInt64(seed), side: 100) }
        let tiff = [UInt16](repeating: 9, count: 2000)
        try study.file("scans/a.tif", try #require(PictureFormat.tiff.encode(tiff, width: 50, height: 40)))
        try study.file("scans/none.png", Data("no picture".utf8))
        let arguments = ["bench", "--json", "--seconds", "0.05", "--decode", "scans", "scans/a.tif"]
        let output = try Program.run(arguments, in: study.folder)
        #expect(output.status == 0, "\(output.error)")
        let found = try #require(output.events.first)
        let rows = try #require(found["formats"] as? [[String: Any]])
        #expect(rows.map { $0["format"] as? String } == ["PNG", "TIFF"])
        #expect(rows.map { $0["files"] as? Int } == [3, 2])
        #expect(rows.map { $0["megapixels"] as? Double } == [0.03, 0.004])
        #expect(rows.map { $0["megabytes"] as? Double } == [0.03, 0.008])
        #expect(found["failed"] as? Int == 1)
        #expect((found["isolation_milliseconds"] as? Double ?? 0) > 0)
        #expect(try Program.run(["bench", "--decode", "nowhere"], in: study.folder).status == 66)
    }
}

@Suite("nightread bench")
struct NetworkBenchTests {
    @Test("The time of a start is measured where it is asked for, and only there", arguments: [false, true])
    func start(_ isAsked: Bool) throws {
        let study = try Study()
        let arguments = ["bench", "--json", "--seconds", "0.05", "--threads", "1"] + (isAsked ? ["--start"] : [])
        let output = try Program.run(arguments, in: study.folder)
        #expect(output.status == 0, "\(output.error)")
        let found = try #require(output.events.first)
        #expect(found["variant"] as? String == "b0")
        #expect((found["images_per_second"] as? Double ?? 0) > 0)
        #expect(((found["start_milliseconds"] as? Double) != nil) == isAsked)
        #expect(found["start_milliseconds"] as? Double != 0)
        // B0 takes 0.3858 GMAC an image.
        let (images, products) = (found["images_per_second"] as? Double, found["products_per_second"] as? Double)
        #expect(abs((products ?? 0) / (images ?? 1) / 385_814_752 - 1) < 1e-9)
    }

    @Test("Every family runs by any of its names", arguments: ["lite0", "v2-b0"])
    func families(_ variant: String) throws {
        let study = try Study()
        let output = try Program.run(
            ["bench", "--variant", variant, "--json", "--seconds", "0.05", "--threads", "1"], in: study.folder)
        #expect(output.status == 0, "\(output.error)")
        #expect(output.events.first?["variant"] as? String == variant)
    }
}

@Suite("nightread bench --train")
struct TrainingBenchTests {
    @Test("Steps of a training are measured, and the memory is stated")
    func measurement() throws {
        let study = try Study()
        let arguments = [
            "bench", "--train", "--variant", "lite0", "--batch", "2", "--threads", "2", "--seconds", "0.05",
        ]
        let output = try Program.run(arguments + ["--json"], in: study.folder)
        #expect(output.status == 0, "\(output.error)")
        let found = try #require(output.events.first)
        #expect(found["variant"] as? String == "lite0")
        #expect(found["batch"] as? Int == 2)
        #expect((found["images_per_second"] as? Double ?? 0) > 0)
        #expect((found["milliseconds_per_step"] as? Double ?? 0) > 0)
        // At least the weights, their gradients, two moments and the average: 4,652,008 floats each.
        #expect((found["memory_bytes"] as? Int ?? 0) > 5 * 4 * 4_652_008)
        #expect(try Program.run(arguments, in: study.folder).out.hasPrefix("memory"))
        #expect(try Program.run(["bench", "--train", "--batch", "0"], in: study.folder).status == 64)
    }
}

@Suite("nightread model list")
struct ModelListTests {
    @Test("Every variant has a line with its facts")
    func facts() throws {
        let study = try Study()
        let output = try Program.run(["model", "list", "--json"], in: study.folder)
        #expect(output.status == 0, "\(output.error)")
        #expect(output.events.count == 20)
        let found = try #require(output.events.first { $0["variant"] as? String == "v2-s" })
        #expect(found["resolution"] as? Int == 384)
        #expect(found["training_resolution"] as? Int == 300)
        #expect(found["parameters"] as? Int == 21_458_488)
        #expect((found["preprocessing"] as? [String: Any])?["mean"] as? [Double] == [0.5, 0.5, 0.5])
        #expect(found["images_per_second"] == nil)
        let text = try Program.run(["model", "list"], in: study.folder).out
        #expect(text.split(separator: "\n").count == 23)
        #expect(text.contains("lite0    EfficientNet-Lite0         224         224    4,652,008   0.39"))
        #expect(!text.contains("images/s"))
    }

    @Test(
        "With --measure each line ends with images per second",
        .enabled(
            if: ProcessInfo.processInfo.environment["NIGHTREAD_LONG_TESTS"] == "1",
            "set NIGHTREAD_LONG_TESTS=1 to run it"))
    func measure() throws {
        let study = try Study()
        let output = try Program.run(
            ["model", "list", "--json", "--measure", "--seconds", "0.01", "--threads", "1"], in: study.folder)
        #expect(output.status == 0, "\(output.error)")
        #expect(output.events.count == 20)
        for found in output.events {
            #expect((found["images_per_second"] as? Double ?? 0) > 0)
            #expect(found["precision"] as? String == "f32")
        }
    }
}
