import Store

/// Everything a findings report says of a run, read from the store once, so that page and table agree.
struct RunFacts {
    let run: RunRecord
    let ledger: Ledger
    let entries: [EntryRecord]
    let readings: [ReadingRecord]
    /// The readings, scan by scan.
    let scans: [ScanReading]
    let aggregation: Aggregation
    let identifiers: IdentifierPolicy?
    let superseded: [ReadingRecord]
    let failures: [FailureRecord]
    let head: AuditHead
    let storePath: String

    /// - Parameter aggregation: How frames and scans are brought together; nil: as the run did.
    init(store: StudyStore, run id: String, aggregation: Aggregation? = nil) throws(StoreError) {
        run = try store.run(id)
        self.aggregation = aggregation ?? run.aggregation
        ledger = try store.ledger(run: id)
        entries = try store.entries(run: id)
        readings = try store.readings(run: id)
        scans = ScanReading.scans(of: readings, model: run.model, rule: self.aggregation.frames)
        identifiers = try store.identifiers()?.policy
        superseded = try store.supersededReadings(run: id)
        failures = try store.failures(run: id)
        head = try store.auditHead()
        storePath = store.path
    }

    /// Every frame's reading with its call; a reading that does not fit the model's labels has none.
    var calls: [(reading: ReadingRecord, call: Call)] {
        readings.compactMap { reading in
            run.model.call(reading.probabilities, isAbstained: reading.isAbstained).map { (reading, $0) }
        }
    }

    /// What the run says of every patient, or of every DICOM study.
    func groups(_ kind: GroupReading.Kind) -> [GroupReading] {
        GroupReading.groups(kind, of: scans, model: run.model, rule: aggregation.scans)
    }

    /// Readings this run made itself; recognised ones have another run's times.
    var own: [ReadingRecord] { readings.filter { $0.madeBy == run.id } }

    /// Scans that this run read itself, per second of its sessions; nil when there is nothing to divide.
    var scansPerSecond: Double? {
        let scans = own.lazy.filter { $0.frame == 0 }.count
        return scans > 0 && run.activeSeconds > 0 ? Double(scans) / run.activeSeconds : nil
    }
}

extension Call {
    /// What a table says of a reading: the labels found, `no finding`, `uncalibrated` or `abstained`.
    func words(_ labels: [String]) -> String {
        switch kind {
        case .finding: findings.map { labels[$0.label] }.joined(separator: ", ")
        case .negative: "no finding"
        case .uncalibrated, .abstained: kind.rawValue
        }
    }

    /// The style of those words.
    var style: String {
        switch kind {
        case .finding: "find"
        case .negative: ""
        case .uncalibrated, .abstained: "open"
        }
    }
}
