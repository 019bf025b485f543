import EfficientNet
import Foundation
import Imaging
import Store
import Tensors

/// A training from its file to the model package: data read and divided when it is made, trained by `train`.
///
/// ```swift
/// let run = try TrainingRun(TrainingFile.read("chest.yaml"), version: "nightread 0.1.0", display: TrainingDisplay())
/// let outcome = try run.train(resume: false)
/// ```
public final class TrainingRun {
    /// What is done.
    public let file: TrainingFile
    /// Labels and scans as they are listed.
    public let data: LabelledScans
    /// The scans that could be read.
    public let prepared: PreparedScans
    /// Where the network starts.
    public let start: NetworkStart
    /// Threads that work.
    public let threads: Int
    /// One side per prepared scan.
    public var sides: [DataSide] { division.sides }
    let division: DataDivision
    let batches: BatchMaker
    let display: TrainingDisplay
    let version: String

    /// Reads and divides the data and opens the start.
    ///
    /// - Parameters:
    ///   - version: Of the program, for the model's provenance.
    ///   - skipsUnreadable: Whether scans that cannot be read are left out.
    ///   - isResuming: Whether a state of this training may be there.
    ///   - writes: Whether a model will be written: its place is then looked at first.
    /// - Throws: `DataError`, `PipelineError`, `EfficientNetError`, `ImagingError`, `StoreError`.
    public init(
        _ file: TrainingFile, version: String, display: TrainingDisplay, skipsUnreadable: Bool = false,
        isResuming: Bool = false,
        writes: Bool = true
    ) throws {
        self.file = file
        self.version = version
        self.display = display
        threads = file.threads ?? ProcessInfo.processInfo.activeProcessorCount
        if writes { try Self.checkPlaces(file, isResuming: isResuming) }
        data = try Self.data(file)
        start = try NetworkStart(file, labels: data.labels, isMultiple: data.isMultiple)
        let folder = URL(fileURLWithPath: file.output).deletingLastPathComponent()
        if writes { try OutputFile.makeFolder(folder) }
        let total = data.scans.count
        display.start()
        prepared = try PreparedScans(
            data.scans, preprocessing: start.manifest.preprocessing,
            cache: writes ? folder.path : FileManager.default.temporaryDirectory.path
        ) { done in display.show("decoding", done: done, of: total) }
        guard prepared.unreadable.isEmpty || skipsUnreadable else { throw DataError.unreadable(prepared.unreadable) }
        division = try DataDivision(
            prepared, data: data, share: file.data.validation, seed: file.recipe.seed, path: file.path)
        batches = BatchMaker(
            prepared, division, labels: data.labels.count, recipe: file.recipe, threads: threads)
    }

    private static func checkPlaces(_ file: TrainingFile, isResuming: Bool) throws(DataError) {
        if FileManager.default.fileExists(atPath: file.output) {
            throw .exists(path: file.output, advice: "remove it, or name another output in the training file")
        }
        if !isResuming, FileManager.default.fileExists(atPath: file.checkpoint) {
            throw .exists(
                path: file.checkpoint, advice: "go on with that training with --resume, or remove it to begin again")
        }
    }

    private static func data(_ file: TrainingFile) throws(DataError) -> LabelledScans {
        if let folder = file.data.folder {
            var data = try LabelledScans.folder(folder, labels: file.data.labels)
            data.isMultiple = file.data.isMultiple ?? false
            return data
        }
        return try LabelledScans.manifest(
            file.data.manifest ?? "", labels: file.data.labels, isMultiple: file.data.isMultiple)
    }

    /// What the training is about, for people, before it begins: class counts, what is random, memory.
    ///
    /// - Throws: `TrainingError.unknownLayers`.
    public func summary() throws(TrainingError) -> [String] {
        var lines = prepared.unreadable.map { "left out: \($0.path): \($0.reason)" }
        if !prepared.others.isEmpty {
            lines.append("no scans: \(prepared.others.count) files, such as \(prepared.others[0])")
        }
        let counts = DataSide.allCases.map { side in division.sides.filter { $0 == side }.count }
        lines.append(
            "\(prepared.scans.count) scans with \(prepared.frames.count) frames: \(counts[0]) for training, \(counts[1]) for validation"
                + (counts[2] > 0 ? ", \(counts[2]) held out" : ""))
        if division.alike > 0 {
            lines.append("\(division.alike) of them nearly repeat another one's picture; they are on that one's side")
        }
        let width = (data.labels.map(\.count).max() ?? 0) + 2
        var sizes: [Int] = []
        for (index, label) in data.labels.enumerated() {
            let own = prepared.scans.indices.filter { prepared.scans[$0].labels.contains(index) }
            let parts = [DataSide.train, .validation].map { side in own.filter { division.sides[$0] == side }.count }
            sizes.append(parts[0])
            lines.append(
                "  " + label.padding(toLength: max(width, label.count), withPad: " ", startingAt: 0)
                    + "\(parts[0]) + \(parts[1])")
        }
        let (most, least) = (sizes.max() ?? 0, max(sizes.min() ?? 0, 1))
        let isUneven = Double(most) >= 2 * Double(least)
        lines.append(
            String(format: "the largest class has %.1f times the scans of the smallest", Double(most) / Double(least))
                + (isUneven && file.recipe.balance == .none
                    ? "; balance: weights or sampling makes them count alike" : ""))
        lines += startLines()
        let bytes = try memory()
        lines.append(
            "memory: \(bytes >> 20) MiB for steps of \(file.recipe.batch) scans of \(prepared.side) pixels on \(threads) threads; "
                + "prepared pictures: \(prepared.bytes >> 20) MiB on disk")
        return lines
    }

    private func startLines() -> [String] {
        let manifest = start.manifest
        let origin = file.start.source ?? "random weights"
        var lines = ["start: \(manifest.variant.rawValue) from \(origin)"]
        lines += start.fresh.map { "  \($0)" }
        if !start.unused.isEmpty { lines.append("  not taken of it: \(start.unused.joined(separator: ", "))") }
        return lines
    }

    /// Bytes that the largest phase takes, with two batches of inputs and the engine that validates.
    func memory() throws(TrainingError) -> Int {
        let description = start.description
        let trainer = try Trainer.bytes(description, batch: file.recipe.batch, threads: threads)
        let weights = 4 * description.parameters.reduce(0) { $0 + $1.count }
        return trainer + 8 * prepared.inputCount * file.recipe.batch + 4 * weights
    }

    /// The picture that the network sees of the first training scan of each class in turn: as it is, and as `rounds` epochs change it.
    ///
    /// - Throws: `ImagingError`.
    public func preview(scans: Int = 12, rounds: Int = 7) throws(ImagingError) -> [(
        name: String, pictures: [Thumbnail]
    )] {
        var chosen: [Int] = []
        var classes = data.labels.indices.map { label in
            batches.train.filter { prepared.scans[prepared.frames[$0].scan].labels.contains(label) }[...]
        }
        while chosen.count < scans, classes.contains(where: { !$0.isEmpty }) {
            for label in classes.indices {
                if let next = classes[label].popFirst(), !chosen.contains(next), chosen.count < scans {
                    chosen.append(next)
                }
            }
        }
        var rows: [(name: String, pictures: [Thumbnail])] = []
        for index in chosen {
            let frame = prepared.frames[index]
            let labels = prepared.scans[frame.scan].labels.map { data.labels[$0] }.joined(separator: ", ")
            var pictures: [Thumbnail] = []
            for round in 0...rounds {
                let pixels = prepared.intensities(frame) { pixels, planes in
                    guard round > 0 else { return }
                    let draw = file.recipe.augmentation.draw(seed: file.recipe.seed, round: round - 1, picture: index)
                    Augmentation.apply(draw, to: &pixels, planes: planes, side: prepared.side)
                }
                let area = prepared.side * prepared.side
                let bytes = (0..<pixels.count).map { place in
                    let value = pixels[place % frame.planes * area + place / frame.planes]
                    return UInt8((min(max(value, 0), 1) * 255).rounded())
                }
                pictures.append(
                    try Thumbnail(width: prepared.side, height: prepared.side, channels: frame.planes, pixels: bytes))
            }
            rows.append((batches.names([index])[0] + ": " + labels, pictures))
        }
        return rows
    }
}
