public import Foundation
public import Store
public import Training

/// Everything that the page of a training or of an evaluation shows; `nightread train` and `nightread evaluate` fill it.
///
///     try report.write(to: folder, program: "nightread 0.1.0")
public struct TrainingReport: Sendable {
    /// One epoch of a training.
    public struct Epoch: Sendable {
        /// From 1, over all phases.
        public var number: Int
        /// Mean loss of the epoch's batches.
        public var trainingLoss: Double
        /// Loss on the validation scans; nil where there are none.
        public var validationLoss: Double?
        /// What the training is judged by, on the validation scans.
        public var metric: Double?

        /// Memberwise.
        public init(number: Int, trainingLoss: Double, validationLoss: Double? = nil, metric: Double? = nil) {
            self.number = number
            self.trainingLoss = trainingLoss
            self.validationLoss = validationLoss
            self.metric = metric
        }
    }

    /// The course of a training.
    public struct Course: Sendable {
        /// In their order.
        public var epochs: [Epoch]
        /// The name of the metric: `AUC`.
        public var metric: String
        /// The epoch whose weights became the model.
        public var kept: Int?

        /// Memberwise.
        public init(epochs: [Epoch], metric: String, kept: Int? = nil) {
            self.epochs = epochs
            self.metric = metric
            self.kept = kept
        }
    }

    /// A scan that the model got wrong.
    public struct Mistake: Sendable {
        /// Where the scan lies.
        public var path: String
        /// The labels it has.
        public var truth: [String]
        /// The labels it was given.
        public var call: [String]
        /// One per label, in the model's order.
        public var probabilities: [Double]
        /// A small picture, PNG; nil where there is none.
        public var picture: [UInt8]?

        /// Memberwise.
        public init(
            path: String, truth: [String], call: [String], probabilities: [Double], picture: [UInt8]? = nil
        ) {
            self.path = path
            self.truth = truth
            self.call = call
            self.probabilities = probabilities
            self.picture = picture
        }
    }

    /// How many scans of a class are on each side of the division.
    public struct ClassCount: Sendable {
        /// The class.
        public var label: String
        /// Scans, one number per name in `sides`.
        public var counts: [Int]

        /// Memberwise.
        public init(label: String, counts: [Int]) {
            self.label = label
            self.counts = counts
        }
    }

    /// A line of settings or provenance.
    public struct Fact: Sendable {
        /// What it is.
        public var name: String
        /// What it says.
        public var value: String
        /// Whether it is a digest or the like.
        public var isCode: Bool

        /// A fact.
        public init(_ name: String, _ value: String, isCode: Bool = false) {
            self.name = name
            self.value = value
            self.isCode = isCode
        }
    }

    /// A scan of the training, for `scans.csv`.
    public struct Scan: Sendable {
        /// Path below the data's folder.
        public var path: String
        /// Its labels' names.
        public var labels: [String]
        /// On which side it was.
        public var split: String
        /// SHA-256 of its content, hexadecimal.
        public var digest: String

        /// Memberwise.
        public init(path: String, labels: [String], split: String, digest: String) {
            self.path = path
            self.labels = labels
            self.split = split
            self.digest = digest
        }
    }

    /// The model's name.
    public var model: String
    /// What was read, in words: `120 validation scans`.
    public var data: String
    /// The numbers.
    public var evaluation: Evaluation
    /// The course of the training; nil for an evaluation.
    public var course: Course?
    /// How the thresholds were chosen, in words; nil where the model brings them along.
    public var thresholdRule: String?
    /// How often the model abstains; nil for one that cannot.
    public var abstention: Abstention?
    /// Names of the sides in `classes`: `training`, `validation`.
    public var sides: [String]
    /// Scans of each class.
    public var classes: [ClassCount]
    /// The worst first.
    public var mistakes: [Mistake]
    /// All mistakes, shown or not.
    public var mistakeCount: Int
    /// What a reader must know before the numbers.
    public var notes: [String]
    /// Settings, then provenance: a column each.
    public var facts: [[Fact]]
    /// All scans of the training; empty for an evaluation.
    public var scans: [Scan] = []

    /// A report with its numbers; the rest is empty until it is set.
    public init(model: String, data: String, evaluation: Evaluation) {
        self.model = model
        self.data = data
        self.evaluation = evaluation
        sides = []
        classes = []
        mistakes = []
        mistakeCount = 0
        notes = []
        facts = []
    }

    /// Writes `index.html` into `folder`, and for a training `scans.csv` (path, label, split, sha256: a manifest that `nightread train`
    /// divides in the same way), for the user alone (0600, the folder 0700 where it is made): each complete, or not at all.
    ///
    /// - Throws: `ReportingError.store` with `outputRefused`, `outputFull` or `io`.
    public func write(to folder: URL, program: String, at moment: Timestamp = .now()) throws(ReportingError) {
        let page = try page(program: program, at: moment)
        try fromStore { () throws(StoreError) in
            try OutputFile.publish(Array(page.utf8), to: folder.appendingPathComponent("index.html"))
            guard !scans.isEmpty else { return }
            try OutputFile.publish(scansCSV, to: folder.appendingPathComponent("scans.csv"))
        }
    }

    private var scansCSV: [UInt8] {
        var document = CSVDocument(header: ["path", "label", "split", "sha256"])
        for scan in scans {
            document.append(
                [.text(scan.path), .text(scan.labels.joined(separator: "|")), .text(scan.split), .text(scan.digest)])
        }
        return document.bytes
    }

    /// The page alone.
    func page(program: String, at moment: Timestamp) throws(ReportingError) -> String {
        try Templates.render("training", TrainingPage(report: self).view(program: program, at: moment))
    }
}
