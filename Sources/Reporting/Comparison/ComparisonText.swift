import Store

/// A comparison in words and as JSON: for the terminal, for programs, and for the page's first lines.
extension Comparison {
    /// One line: how many frames agree, and kappa.
    public var summary: String {
        guard let share = agreement.share else {
            return pairs.isEmpty
                ? "The runs have no scan in common."
                : "No frame has a call in both runs, so that there is nothing to agree on."
        }
        return
            "\(Words.grouped(agreement.agreed)) of \(Words.count(agreement.total, "frame")) with a call in both runs agree "
            + "(\(Words.fixed(share * 100, 1)) %). \(kappaWords)"
    }

    /// Cohen's kappa, or why there is none.
    public var kappaWords: String {
        if let kappa = agreement.kappa { return "Cohen's kappa is \(Words.fixed(kappa, 3))." }
        return agreement.total == 0
            ? "Cohen's kappa needs calls."
            : "Cohen's kappa is undefined: both runs made one and the same call throughout."
    }

    /// What keeps the runs from being compared in full.
    public var notes: [String] {
        var notes: [String] = []
        let onlyA = first.model.labels.filter { !sharedLabels.contains($0) }
        let onlyB = second.model.labels.filter { !sharedLabels.contains($0) }
        if !onlyA.isEmpty || !onlyB.isEmpty {
            notes.append(
                "The models have different labels: only A has \(Self.list(onlyA)), only B has \(Self.list(onlyB)). "
                    + "Frames called by such a label are counted as not comparable.")
        }
        for (name, model) in [("A", first.model), ("B", second.model)] {
            let open = model.labels.filter { $0 != model.negativeLabel && model.thresholds[$0] == nil }
            if !open.isEmpty {
                notes.append(
                    "The model of run \(name) has no threshold for \(Self.list(open)); thresholds belong to a model, so that "
                        + "none is borrowed, and frames without a call are left out.")
            }
        }
        if count(.abstained) > 0 {
            notes.append(
                "\(Words.count(count(.abstained), "frame is", "frames are")) unlike what a model was trained on; that model makes no call, which "
                    + "is no disagreement, and they are left out.")
        }
        if first.model.digest == second.model.digest, first.preprocessingDigest == second.preprocessingDigest {
            notes.append("Both runs used the same model and preprocessing, so that they share their readings.")
        }
        return notes
    }

    /// The comparison as text for a terminal.
    public var text: String {
        var lines = ["A  \(first.id)  \(first.model.name)", "B  \(second.id)  \(second.model.name)", "", summary]
        lines += notes
        lines += [
            "", "frames in both runs  \(Words.grouped(pairs.count))",
            "  same call          \(Words.grouped(count(.same)))",
            "  finding changed    \(Words.grouped(count(.changed)))",
            "  abstained          \(Words.grouped(count(.abstained)))",
            "  uncalibrated       \(Words.grouped(count(.uncalibrated)))",
            "  not comparable     \(Words.grouped(count(.incomparable)))",
            "only in A            \(Words.grouped(onlyFirst))", "only in B            \(Words.grouped(onlySecond))",
            "median time per scan A \(Self.time(firstMedian)), B \(Self.time(secondMedian))",
        ]
        let changed = changed
        if !changed.isEmpty { lines += ["", "Largest changes:"] }
        for pair in changed.prefix(10) {
            let frame = pair.first.scan.frames > 1 ? " (frame \(pair.first.frame + 1))" : ""
            lines.append(
                "  \(Words.fixed(pair.distance, 3))  \(pair.firstCall) → \(pair.secondCall)  \(OneLine.text(pair.first.path))\(frame)"
            )
        }
        if changed.count > 10 { lines.append("  and \(Words.grouped(changed.count - 10)) more; --csv FILE has all") }
        return lines.joined(separator: "\n")
    }

    /// The comparison as JSON for programs; numbers that do not exist are null.
    public var json: JSONValue {
        func side(_ run: RunRecord, _ median: Double?, _ rate: Double?, _ only: Int) -> JSONValue {
            [
                "run": .string(run.id), "model": .string(run.model.name), "model_digest": .string(run.model.digest),
                "variant": .string(run.model.variant), "median_ms_per_scan": median.map(JSONValue.double) ?? .null,
                "scans_per_second": rate.map(JSONValue.double) ?? .null, "only_here": JSONValue(only),
            ]
        }
        return [
            "a": side(first, firstMedian, firstRate, onlyFirst),
            "b": side(second, secondMedian, secondRate, onlySecond),
            "frames": JSONValue(pairs.count), "compared": JSONValue(agreement.total),
            "agreed": JSONValue(agreement.agreed),
            "agreement": agreement.share.map(JSONValue.double) ?? .null,
            "kappa": agreement.kappa.map(JSONValue.double) ?? .null, "changed": JSONValue(count(.changed)),
            "abstained": JSONValue(count(.abstained)), "uncalibrated": JSONValue(count(.uncalibrated)),
            "not_comparable": JSONValue(count(.incomparable)),
            "calls": .array(agreement.categories.map(JSONValue.string)),
            "confusion": .array(agreement.counts.map { .array($0.map { JSONValue($0) }) }),
            "notes": .array(notes.map(JSONValue.string)),
        ]
    }

    static func time(_ milliseconds: Double?) -> String { milliseconds.map(Words.milliseconds) ?? "–" }

    private static func list(_ labels: [String]) -> String {
        labels.isEmpty ? "none" : labels.prefix(10).joined(separator: ", ") + (labels.count > 10 ? ", …" : "")
    }
}
