import Store

/// The part of the page that says how a run read: model, settings, times and identities.
struct FindingsSettings {
    let facts: RunFacts

    /// Adds `facts`, `times` and `hasTimes`.
    func add(to view: inout View) {
        view["facts"] = [["rows": model], ["rows": run]] as [View]
        let times = times
        view["hasTimes"] = !times.isEmpty
        view["times"] = times
    }

    private func row(_ name: String, _ value: String, mono: Bool = false) -> View {
        ["name": name, "value": value, "mono": mono]
    }

    private var model: [View] {
        let model = facts.run.model
        let labels = model.labels.map { label -> String in
            if label == model.negativeLabel { return "\(label) (never a finding)" }
            return model.thresholds[label].map { "\(label) (from \(Words.fixed($0, 3)))" } ?? "\(label) (uncalibrated)"
        }
        var rows = [
            row("Model", model.name), row("Variant", Words.network(model.variant)),
            row("Model digest", model.digest, mono: true), row("Labels", labels.prefix(30).joined(separator: ", ")),
            row("Preprocessing", PreprocessingWords.describe(facts.run.preprocessingJSON)),
            row("Preprocessing digest", facts.run.preprocessingDigest, mono: true), row("Model package", model.path),
            row("Several frames", "of each label, \(facts.aggregation.frames.words) the frames of a scan"),
            row(
                "Several scans", "of each label, \(facts.aggregation.scans.words) the scans of a patient or DICOM study"
            ),
        ]
        if let words = Words.abstaining(facts.run) { rows.append(row("Unlike scans", words)) }
        return rows
    }

    private var run: [View] {
        let run = facts.run
        var rows = [
            row("Study", run.study), row("Run", run.id, mono: true), row("Status", run.status.rawValue),
            row("Begun", Words.moment(run.startedAt)),
        ]
        if let ended = run.endedAt { rows.append(row("Ended", Words.moment(ended))) }
        if run.sessions.count > 1 {
            rows.append(
                row(
                    "Sessions",
                    "\(run.sessions.count): stopped and resumed \(Words.count(run.sessions.count - 1, "time"))"))
        }
        if let identifiers = facts.identifiers {
            rows.append(
                row(
                    "Identifiers",
                    identifiers == .keep
                        ? "kept as the files have them" : "pseudonyms (keyed hashes) for patients and UIDs"))
        }
        if let origin = run.rerunOf { rows.append(row("Re-run of", origin, mono: true)) }
        rows += [
            row("Pipeline", run.pipelinePath), row("Store", facts.storePath),
            row("Program", run.program),
            row("Machine", "\(run.host), \(Words.count(run.sessions.last?.workers ?? 0, "worker"))"),
            row("Started by", run.actor),
            row(
                "Audit chain", "\(Words.count(Int(facts.head.count), "event")), last \(hexadecimal(facts.head.hash))",
                mono: true),
        ]
        return rows
    }

    private var times: [View] {
        let own = facts.own
        guard !own.isEmpty else { return [] }
        func line(_ name: String, _ values: [Double]) -> View {
            [
                "name": name, "median": Words.milliseconds(Quantile.nearestRank(values, 0.5) ?? 0),
                "p95": Words.milliseconds(Quantile.nearestRank(values, 0.95) ?? 0),
            ]
        }
        var lines = [
            line("Decoding a scan", own.filter { $0.frame == 0 }.map(\.decodeMilliseconds)),
            line("Preparing a frame", own.map(\.prepareMilliseconds)),
            line("The network, a frame", own.map(\.networkMilliseconds)),
        ]
        if let rate = facts.scansPerSecond {
            lines.append([
                "name": "Scans per second, over the whole run", "median": Words.fixed(rate, rate < 10 ? 2 : 1),
                "p95": "",
            ])
        }
        return lines
    }
}
