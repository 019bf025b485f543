import ArgumentParser
import EfficientNet
import Foundation
import Pipeline
import Store
import Tensors
import Training

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure how many images per second the network takes, or how fast files are decoded.",
        discussion: """
            Runs exactly the engine that a run uses, one image per thread at a time. Absolute figures drift on shared \
            machines: run it in turn with what you compare it to. NIGHTREAD_ISA=portable|avx2|avx512 forces the kernels.

            With --decode, files are decoded instead, one after the other through one decoder process as a run's lane does it: \
            a child in its sandbox for each. Benchmarks/decode_peers.py decodes the same files with other programs.

            Examples:
              nightread bench --variant b0 --threads 2 --seconds 5 --json
              nightread bench --variant b4 --precision bf16 --threads 1 --layers
              nightread bench --variant b7 --start
              nightread bench --train --variant b0 --batch 16 --seconds 10
              nightread bench --decode scans more/scan.dcm --seconds 10
            """)

    @Option(
        name: .customLong("decode"), parsing: .upToNextOption,
        help: ArgumentHelp("Files and folders to decode instead of running the network.", valueName: "path"),
        completion: .file())
    var paths: [String] = []

    @Option(
        name: .customLong("decoder-scans"),
        help: "With --decode: scans that one process decodes, as limits.decoder_scans in a pipeline file, 1 to 1000.")
    var decoderScans = 1

    @Option(help: "Variant: \(Variant.names).")
    var variant: Variant = .b0

    @Option(help: "Precision of the arithmetic: f32 or bf16 (float where the machine has no instructions for it).")
    var precision = Precision.f32

    @Flag(help: "Also print what each layer kind takes, and which share of the machine's multiplications it reaches.")
    var layers = false

    @Flag(help: "Also print how long a model of this size takes from its files to packed weights, as at a run's start.")
    var start = false

    @Flag(help: "Measure steps of a training instead: forwards, backwards and update, all layers trained, in float.")
    var train = false

    @Option(help: "Images handed over at once, 1 to 1024; 16 with --train and 1 otherwise where absent.")
    var batch: Int?

    @Option(help: "Threads, each with a network of its own; one per core where absent.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Seconds to measure for.")
    var seconds = 3.0

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if let batch, !(1...1024).contains(batch) {
            throw ValidationError("--batch: expected 1 to 1024, found \(batch)")
        }
        guard (1...1024).contains(threads) else {
            throw ValidationError("--threads: expected 1 to 1024, found \(threads)")
        }
        guard (1...PipelineFile.Limits.decoderScansCeiling).contains(decoderScans) else {
            throw ValidationError("--decoder-scans: expected 1 to 1000, found \(decoderScans)")
        }
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds: expected over 0, at most 3600, found \(seconds)")
        }
    }

    func run() throws {
        if !paths.isEmpty { return try decode() }
        if train { return try measureTraining() }
        let batch = batch ?? 1
        let result: Throughput
        do {
            result = try Throughput.measure(
                variant, precision: precision, batch: batch, threads: threads, seconds: seconds, parts: layers)
        } catch {
            throw ExitStatus.leave(error)
        }
        let startMilliseconds: Double?
        do {
            startMilliseconds = start ? try StartBenchmark.measure(variant, precision: precision) : nil
        } catch {
            throw ExitStatus.leave(error)
        }
        if json {
            let record = Record(
                variant: variant.rawValue, precision: result.precision.rawValue, batch: batch, threads: threads,
                isa: result.instructionSet.rawValue, images: result.images,
                imagesPerSecond: result.imagesPerSecond, millisecondsPerImage: result.millisecondsPerImage,
                productsPerSecond: result.productsPerSecond,
                startMilliseconds: startMilliseconds)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            print(String(decoding: try encoder.encode(record), as: UTF8.self))
        } else {
            print(
                """
                variant    \(variant.rawValue), \(result.precision.rawValue), \(result.instructionSet.rawValue)
                threads    \(threads), batch \(batch)
                images/s   \(String(format: "%.1f", result.imagesPerSecond))
                ms/image   \(String(format: "%.2f", result.millisecondsPerImage)) per thread
                GMAC/s     \(String(format: "%.1f", result.productsPerSecond / 1e9))
                """)
            if let startMilliseconds {
                print("start      \(String(format: "%.0f", startMilliseconds)) ms (read, verify, pack)")
            }
            if layers { print(LayerTable(result).text) }
        }
        if let note = precision.note(on: result.instructionSet) {
            FileHandle.standardError.write(Data("nightread: \(note)\n".utf8))
        }
    }

    private func measureTraining() throws {
        let batch = batch ?? 16
        let result: TrainingThroughput
        do {
            let trainer = try TrainingThroughput.trainer(variant, batch: batch, threads: threads)
            if !json {
                print(
                    "memory     \(trainer.bytes >> 20) MiB for \(batch) images of \(variant.coefficients.resolution) pixels"
                )
            }
            result = try TrainingThroughput.measure(trainer, seconds: seconds)
        } catch {
            throw ExitStatus.leave(error)
        }
        if json {
            let object: JSONValue = [
                "variant": .string(variant.rawValue), "batch": JSONValue(batch), "threads": JSONValue(threads),
                "isa": .string(result.instructionSet.rawValue), "steps": JSONValue(result.steps),
                "images_per_second": .double(result.imagesPerSecond),
                "milliseconds_per_step": .double(result.millisecondsPerStep),
                "processor_milliseconds_per_image": .double(result.processorMillisecondsPerImage),
                "memory_bytes": JSONValue(result.bytes),
            ]
            print(object.canonical)
            return
        }
        print(
            """
            variant    \(variant.rawValue), training, \(result.instructionSet.rawValue)
            threads    \(threads), batch \(batch)
            images/s   \(String(format: "%.1f", result.imagesPerSecond))
            ms/step    \(String(format: "%.0f", result.millisecondsPerStep))
            ms/image   \(String(format: "%.1f", result.processorMillisecondsPerImage)) of processor time
            """)
    }

    private func decode() throws {
        let result: DecodeBenchmark
        do {
            result = try DecodeBenchmark.measure(paths, seconds: seconds, decoderScans: decoderScans)
        } catch {
            throw ExitStatus.leave(error)
        }
        if json {
            let rows = result.rows.map { row -> JSONValue in
                [
                    "format": .string(row.format.description), "files": JSONValue(row.files),
                    "megapixels": .double(row.megapixels), "megabytes": .double(row.megabytes),
                    "seconds": .double(row.seconds), "megabytes_per_second": .double(row.megabytesPerSecond),
                    "median_milliseconds": .double(row.medianMilliseconds),
                    "isolation_share": .double(row.isolationShare),
                ]
            }
            let object: JSONValue = [
                "formats": .array(rows), "failed": JSONValue(result.failed.count),
                "not_decoded": .array(result.failed.map(JSONValue.string)), "rounds": JSONValue(result.rounds),
                "isolation_milliseconds": .double(result.isolationMilliseconds),
            ]
            print(object.canonical)
            return
        }
        print("format  files  megapixels      MB   MB/s  median ms  isolation")
        for row in result.rows {
            // Swift's own strings are no C strings: %s would read them wrongly.
            print(
                row.format.description.padding(toLength: 6, withPad: " ", startingAt: 0)
                    + String(
                        format: "%7d %11.2f %7.1f %6.0f %10.2f %8.1f %%", row.files, row.megapixels, row.megabytes,
                        row.megabytesPerSecond, row.medianMilliseconds, row.isolationShare * 100))
        }
        print(
            String(
                format: "%d rounds; %d files not decoded; isolation alone takes %.2f ms a process", result.rounds,
                result.failed.count, result.isolationMilliseconds))
    }

    private struct Record: Encodable {
        var variant: String
        var precision: String
        var batch: Int
        var threads: Int
        var isa: String
        var images: Int
        var imagesPerSecond: Double
        var millisecondsPerImage: Double
        var productsPerSecond: Double
        /// Left out where it was not asked for.
        var startMilliseconds: Double?

        private enum CodingKeys: String, CodingKey {
            case variant, precision, batch, threads, isa, images
            case imagesPerSecond = "images_per_second"
            case millisecondsPerImage = "milliseconds_per_image"
            case productsPerSecond = "products_per_second"
            case startMilliseconds = "start_milliseconds"
        }
    }
}
