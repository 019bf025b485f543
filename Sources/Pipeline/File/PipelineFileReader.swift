import EfficientNet
import Foundation
import Imaging
import Store
import Tensors
import Yams

extension PipelineFile {
    private static let keys = [
        "study", "inputs", "model", "models", "variant", "precision", "preprocessing", "limits", "workers", "store",
        "report",
        "settle", "rescan", "free_space", "where", "identifiers", "pseudonym_key", "aggregate", "abstain",
    ]

    /// Reads the pipeline file at `path`.
    ///
    /// - Throws: `PipelineError.unreadableFile`, or `.invalidFile` with every problem found, in the file's order.
    public static func read(_ path: String) throws(PipelineError) -> PipelineFile {
        let (absolute, text) = try YAMLDocument.text(of: path)
        return try parse(text, path: absolute, shownAs: path)
    }

    /// Reads a pipeline file's text.
    ///
    /// - Parameters:
    ///   - path: Absolute path of the file, which relative paths in it start from.
    ///   - shownAs: The file's name in messages.
    static func parse(_ text: String, path: String, shownAs: String) throws(PipelineError) -> PipelineFile {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        return try YAMLDocument.parse(
            text, shownAs: shownAs, needed: "study, inputs, model, store and report"
        ) { root, problems in
            PipelineFileReader(folder: folder, problems: problems).file(root, path: path, text: text)
        }
    }

    fileprivate static var knownKeys: [String] { keys }
}

/// Turns YAML nodes into a pipeline file, collecting problems on the way.
private struct PipelineFileReader {
    let folder: URL
    let problems: ProblemList

    func file(_ root: Node, path: String, text: String) -> PipelineFile? {
        guard let top = YAMLMapping(root, key: "", known: PipelineFile.knownKeys, problems: problems) else {
            return nil
        }
        let study = top.required("study", "the study's name").flatMap { top.text($0, key: "study") }
        let inputs = inputs(top)
        let models = models(top)
        let store = top.required("store", "the path of the store's file").flatMap { top.text($0, key: "store") }
        let report = report(top)
        var file = PipelineFile(
            path: path, text: text, study: study ?? "", inputs: inputs, models: models,
            store: store.map(absolute) ?? "", report: report)
        file.preprocessing = PreprocessingOverrides(pipeline: top)
        file.selection = ScanSelection(pipeline: top)
        file.identifiers = top.choice("identifiers", IdentifierPolicy.self) ?? file.identifiers
        file.pseudonymKey = top.text("pseudonym_key").map(absolute)
        file.aggregation = aggregation(top)
        file.precision = top.choice("precision", Precision.self)
        file.abstain = top.bool("abstain")
        file.limits = limits(top)
        file.workers = top.integer("workers", in: 1...1024)
        file.settle = top.number("settle", in: 0...86_400) ?? file.settle
        file.rescan = top.number("rescan", in: 0.1...86_400)
        file.freeSpace = top.bytes("free_space", in: 0...(1 << 50)) ?? file.freeSpace
        return file
    }

    private func absolute(_ path: String) -> String { YAMLDocument.absolute(path, from: folder) }

    private func existingFolder(_ node: Node, key: String, in mapping: YAMLMapping, what: String) -> String? {
        guard let text = mapping.text(node, key: key) else { return nil }
        let path = absolute(text)
        var isFolder: ObjCBool = false
        if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
            problems.add(.missing, at: node, key: key, "no such folder: \(path); expected \(what)")
        } else if !isFolder.boolValue {
            problems.add(.missing, at: node, key: key, "not a folder: \(path); expected \(what)")
        } else {
            return path
        }
        return nil
    }

    private func inputs(_ top: YAMLMapping) -> [PipelineFile.Input] {
        guard let node = top.required("inputs", "a list of folders: [{path: DIR}]") else { return [] }
        guard let list = node.sequence, !list.isEmpty else {
            problems.add(at: node, key: "inputs", "expected a list of folders: [{path: DIR}], found \(describe(node))")
            return []
        }
        return list.enumerated().compactMap { index, item in
            let key = "inputs[\(index)]"
            guard
                let entry = YAMLMapping(item, key: key, known: ["path", "patterns", "recursive"], problems: problems),
                let pathNode = entry.required("path", "a folder of scans"),
                let path = existingFolder(pathNode, key: entry.name("path"), in: entry, what: "a folder of scans")
            else { return nil }
            return PipelineFile.Input(
                path: path, patterns: patterns(entry) ?? [],
                recursive: entry.bool("recursive") ?? true)
        }
    }

    private func patterns(_ entry: YAMLMapping) -> [String]? {
        guard let node = entry.node("patterns") else { return nil }
        guard let list = node.sequence, !list.isEmpty else {
            problems.add(
                at: node, key: entry.name("patterns"), "expected a list such as [\"*.png\"], found \(describe(node))")
            return nil
        }
        return list.compactMap { entry.text($0, key: entry.name("patterns")) }
    }

    private func models(_ top: YAMLMapping) -> [PipelineFile.Model] {
        let single = top.node("model")
        let several = top.node("models")
        if let single, several != nil {
            problems.add(at: single, key: "model", "expected either model or models, found both; keep one of them")
        }
        let variants = Variant.allCases.map(\.rawValue)
        if let several {
            guard let mapping = several.mapping,
                let reader = YAMLMapping(several, key: "models", known: variants, problems: problems),
                !mapping.isEmpty
            else {
                if several.mapping != nil {
                    problems.add(at: several, key: "models", "expected {b0: PACKAGE, …}, found nothing")
                }
                return []
            }
            var models = mapping.compactMap { entry -> PipelineFile.Model? in
                guard let name = entry.key.scalar?.string, let variant = Variant(rawValue: name),
                    let path = existingFolder(
                        entry.value, key: reader.name(name), in: reader,
                        what: "a model package (a folder with model.json)")
                else { return nil }
                return PipelineFile.Model(variant: variant, path: path)
            }
            if let chosen = top.choice("variant", Variant.self) {
                if let index = models.firstIndex(where: { $0.variant == chosen }) {
                    models.swapAt(0, index)
                } else if mapping[chosen.rawValue] == nil, let node = top.node("variant") {
                    problems.add(
                        at: node, key: "variant",
                        "expected one of the listed models, found '\(chosen.rawValue)'; add it under models")
                }
            }
            return models
        }
        guard let single = single ?? top.required("model", "the path of a model package (or models: {b0: PACKAGE, …})"),
            let path = existingFolder(single, key: "model", in: top, what: "a model package (a folder with model.json)")
        else { return [] }
        return [PipelineFile.Model(variant: top.choice("variant", Variant.self), path: path)]
    }

    private func report(_ top: YAMLMapping) -> PipelineFile.Report {
        guard let node = top.required("report", "where the report goes: {html: DIR, csv: FILE}"),
            let mapping = YAMLMapping(node, key: "report", known: ["html", "csv", "groups_csv"], problems: problems)
        else { return PipelineFile.Report() }
        let report = PipelineFile.Report(
            html: mapping.text("html").map(absolute), csv: mapping.text("csv").map(absolute),
            groupsCSV: mapping.text("groups_csv").map(absolute))
        if mapping.node("html") == nil, mapping.node("csv") == nil, mapping.node("groups_csv") == nil {
            problems.add(at: node, key: "report", "expected html, csv or groups_csv, or several of them, found none")
        }
        return report
    }

    private func aggregation(_ top: YAMLMapping) -> Aggregation {
        guard let node = top.node("aggregate"),
            let mapping = YAMLMapping(node, key: "aggregate", known: ["frames", "scans"], problems: problems)
        else { return Aggregation() }
        return Aggregation(
            frames: mapping.choice("frames", Aggregation.Rule.self) ?? .max,
            scans: mapping.choice("scans", Aggregation.Rule.self) ?? .max)
    }

    private func limits(_ top: YAMLMapping) -> PipelineFile.Limits {
        var limits = PipelineFile.Limits()
        guard let node = top.node("limits"),
            let mapping = YAMLMapping(
                node, key: "limits",
                known: ["pixels", "bytes", "frames", "file_bytes", "seconds", "memory", "decoder_scans"],
                problems: problems)
        else { return limits }
        if let pixels = mapping.integer("pixels", in: 1...1_000_000_000_000) { limits.scan.maxPixels = pixels }
        if let frames = mapping.integer("frames", in: 1...ScanLimits.frameCeiling) { limits.scan.maxFrames = frames }
        limits.scan.maxPlaneBytes =
            mapping.bytes("bytes", in: 4096...(1 << 40)).map(Int.init) ?? limits.scan.maxPlaneBytes
        limits.scan.maxFileBytes =
            mapping.bytes("file_bytes", in: 1...(1 << 40)).map(Int.init) ?? limits.scan.maxFileBytes
        limits.seconds = mapping.number("seconds", in: 0.1...86_400) ?? limits.seconds
        limits.memory = mapping.bytes("memory", in: (64 << 20)...(1 << 40)) ?? limits.memory
        limits.decoderScans =
            mapping.integer("decoder_scans", in: 1...PipelineFile.Limits.decoderScansCeiling) ?? limits.decoderScans
        return limits
    }
}
