import ArgumentParser
import EfficientNet
import Foundation
import Store
import Tensors

struct ModelListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Print the family: resolution, parameters, work and published preprocessing of every variant.",
        discussion: """
            Resolution is what the published accuracies are for; V2's weights were trained at a smaller one. With --measure, each \
            variant runs for a while as nightread bench runs it, and images per second of this machine are printed as well.

            Examples:
              nightread model list
              nightread model list --measure --precision bf16
            """)

    @Flag(help: "Measure how many images per second this machine takes, as bench does; a few minutes.")
    var measure = false

    @Option(help: "Precision of --measure: f32 or bf16 (float where the machine has no instructions for it).")
    var precision = Precision.f32

    @Option(help: "Threads of --measure, each with a network of its own; one per core where absent.")
    var threads = ProcessInfo.processInfo.activeProcessorCount

    @Option(help: "Seconds to measure each variant for, at least.")
    var seconds = 2.0

    @Flag(help: "Print one JSON object a line for every variant.")
    var json = false

    func validate() throws {
        guard (1...1024).contains(threads) else {
            throw ValidationError("--threads: expected 1 to 1024, found \(threads)")
        }
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds: expected over 0, at most 3600, found \(seconds)")
        }
    }

    func run() throws {
        if !json { print(VariantFacts.header + (measure ? "  images/s" : "")) }
        var note: String?
        for variant in Variant.allCases {
            let facts = VariantFacts(variant)
            var throughput: Throughput?
            if measure {
                do {
                    throughput = try Throughput.measure(
                        variant, precision: precision, threads: threads, seconds: seconds)
                } catch {
                    throw ExitStatus.leave(error)
                }
            }
            note = throughput.flatMap { precision.note(on: $0.instructionSet) }
            if json {
                print(Self.record(facts, throughput).canonical)
            } else {
                let rate = throughput.map { String(format: "  %8.1f", $0.imagesPerSecond) } ?? ""
                print(facts.row + rate)
            }
            // Of a measurement each line is seen when it is known, through a pipe too.
            fflush(nil)
        }
        if !json { print(VariantFacts.legend) }
        if let note { FileHandle.standardError.write(Data("nightread: \(note)\n".utf8)) }
    }

    private static func record(_ facts: VariantFacts, _ throughput: Throughput?) -> JSONValue {
        let settings = facts.preprocessing
        var record: [String: JSONValue] = [
            "variant": .string(facts.variant.rawValue), "network": .string(facts.variant.title),
            "resolution": JSONValue(settings.resolution),
            "training_resolution": JSONValue(facts.variant.coefficients.trainingResolution),
            "parameters": JSONValue(facts.parameters), "products": JSONValue(facts.products),
            "preprocessing": [
                "interpolation": .string(settings.interpolation.rawValue), "fit": .string(settings.fit.rawValue),
                "crop_pct": .double(settings.cropFraction), "mean": .array(settings.mean.map(JSONValue.double)),
                "std": .array(settings.std.map(JSONValue.double)),
            ],
        ]
        if let throughput {
            record["images_per_second"] = .double(throughput.imagesPerSecond)
            record["precision"] = .string(throughput.precision.rawValue)
        }
        return .object(record)
    }
}
