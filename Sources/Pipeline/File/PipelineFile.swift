import CCodecs
public import EfficientNet
public import Imaging
public import Store
public import Tensors

/// What a pipeline file says: which scans to read, with which model, and where results go.
///
/// ```yaml
/// study: chest-night
/// inputs:
///   - path: scans                    # folder; relative paths are relative to the pipeline file
///     patterns: ["*.png", "*.tif"]   # file names (or, with a slash, paths below the folder); default: whatever is a scan
///     recursive: true                # the default
/// model: models/chest-b0             # or  models: {b0: models/chest-b0, b1: models/chest-b1}  with  variant: b0
/// store: chest.sqlite
/// report: {html: report, csv: report/findings.csv}
/// ```
/// Further keys: `precision` (`f32` or `bf16`), `where` (which scans, by what they say of themselves), `identifiers`, `pseudonym_key`, `aggregate`,
/// `preprocessing` (overrides of the model's own), `abstain` (whether scans unlike the training's get a call), `limits`, `workers`, `settle`, `rescan`, `free_space`.
public struct PipelineFile: Sendable, Hashable {
    /// A folder of scans.
    public struct Input: Sendable, Hashable {
        /// Absolute path of the folder.
        public var path: String
        /// Shell patterns (`*`, `?`, `[a-z]`), case ignored; one without `/` is matched with the file's name, one with `/`
        /// with its path below the folder. A file that matches none is skipped. Empty: every file is looked at, and one that is no
        /// scan is skipped, unless its name says that it should be one.
        public var patterns: [String]
        /// Whether sub-folders are looked into.
        public var recursive: Bool
    }

    /// What one scan may take at most.
    public struct Limits: Sendable, Hashable {
        /// Pixels, bytes of planes, frames and bytes of file.
        public var scan = ScanLimits()
        /// Wall-clock seconds for one scan, from opening its file to its reading.
        public var seconds: Double = 60
        /// Bytes of memory that decoding one scan may take beside its planes.
        public var memory: UInt64 = 2 << 30
        /// Scans that a process decodes one after another, 1 … `decoderScansCeiling`. 1: a scan that takes its process over can speak
        /// for itself only; with more, for those that follow it there, which saves small scans half a millisecond or more each.
        public var decoderScans = 1

        /// The most that `decoderScans` may ask for.
        public static let decoderScansCeiling = Int(NR_DECODER_MAX_SCANS_PER_CHILD)
    }

    /// Where the report goes.
    public struct Report: Sendable, Hashable {
        /// Absolute path of the folder that gets the HTML page.
        public var html: String?
        /// Absolute path of the CSV file.
        public var csv: String?
        /// Absolute path of the CSV file of patients and DICOM studies.
        public var groupsCSV: String?
    }

    /// A model package as the file names it.
    public struct Model: Sendable, Hashable {
        /// The variant it is listed under; nil for the single `model`, whose package says it.
        public var variant: Variant?
        /// Absolute path of the package's folder.
        public var path: String
    }

    /// Absolute path of the file itself.
    public var path: String
    /// The file's text, kept with every run.
    public var text: String
    /// The study's name.
    public var study: String
    /// At least one.
    public var inputs: [Input]
    /// At least one; the first is the default one.
    public var models: [Model]
    /// Which scans are read, by what they say of themselves.
    public var selection = ScanSelection()
    /// How the store names patients.
    public var identifiers = IdentifierPolicy.pseudonyms
    /// Absolute path of the key that pseudonyms are made with; nil: beside the store.
    public var pseudonymKey: String?
    /// How frames and scans are brought together in reports.
    public var aggregation = Aggregation()
    /// Keys that replace those of the model's own preprocessing.
    public var preprocessing = PreprocessingOverrides()
    /// What the network computes in; nil: as the model says.
    public var precision: Precision?
    /// Whether no call is made of scans unlike what the model was trained on, where it knows; nil, like true: yes.
    public var abstain: Bool?
    /// What one scan may take at most.
    public var limits = Limits()
    /// Scans read at the same time; nil: one per core.
    public var workers: Int?
    /// Absolute path of the store.
    public var store: String
    /// Where the report goes.
    public var report: Report
    /// Seconds that a file must not have changed before `watch` takes it.
    public var settle: Double = 5
    /// Seconds between two full looks at the inputs while watching; nil: 600 on local disks, 60 on network mounts.
    public var rescan: Double?
    /// Bytes that must stay free on the store's disk; a run stops before it goes below.
    public var freeSpace: UInt64 = 256 << 20

    /// Where the key of the pseudonyms is, for a store at `store`.
    func pseudonymKey(store: String) -> String { pseudonymKey ?? store + ".key" }

    /// Whether the file at `path` should be a scan, for its name: an input's patterns ask for it, or its suffix is one that scans have.
    func expectsScan(at path: String) -> Bool {
        let name = (path.split(separator: "/").last ?? "").lowercased()
        return Self.suffixes.contains { name.hasSuffix($0) }
            || inputs.contains { path.hasPrefix($0.path) && !$0.patterns.isEmpty && $0.patterns(match: path) }
    }

    /// Suffixes that files of the formats have that are read.
    package static let suffixes = [
        ".png", ".tif", ".tiff", ".jpg", ".jpeg", ".jpe", ".jfif", ".dcm", ".dicom", ".ima", ".nii", ".nii.gz",
    ]

    /// The model package for `variant`, or the default one.
    ///
    /// - Throws: `PipelineError.usage` when the file lists no model for that variant.
    public func model(for variant: Variant?) throws(PipelineError) -> Model {
        guard let variant else { return models[0] }
        // A single `model` does not say its variant here; whoever opens the package compares.
        if let model = models.first(where: { $0.variant == variant || $0.variant == nil }) { return model }
        let known = models.compactMap(\.variant?.rawValue).joined(separator: ", ")
        throw .usage(
            "\(path): no model for variant \(variant.rawValue); the file lists \(known): add one under models")
    }
}
