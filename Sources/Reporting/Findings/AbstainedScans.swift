import Store

/// The part of the page about scans that are unlike what the model was trained on; absent where there are none.
struct AbstainedScans {
    private let facts: RunFacts
    /// Farthest first.
    let scans: [ScanReading]

    init(facts: RunFacts) {
        self.facts = facts
        scans = facts.scans.filter { $0.call.kind == .abstained }.sorted { left, right in
            let (a, b) = (left.distance ?? 0, right.distance ?? 0)
            return a != b ? a > b : left.path < right.path
        }
    }

    /// Adds `abstained`, `hasAbstained` and `abstainedNote`.
    func add(to view: inout View, store: StudyStore) throws(StoreError) {
        view["hasAbstained"] = !scans.isEmpty
        guard !scans.isEmpty else { return }
        let limit = facts.run.model.abstainLimit
        let scale = DistanceScale(scans.map { ($0.distance, limit) })
        view["abstainedNote"] = note + scale.note + shown
        var cards: [View] = []
        for scan in scans.prefix(FindingsPage.mostCards) {
            var card = Words.view(of: scan)
            card["call"] = "no call"
            card["times"] = DistanceScale.times(scan.distance, limit)
            card["alt"] = "\(Words.path(scan.path).file), unlike what the model was trained on"
            card["distances"] = [scale.row("distance", scan.distance, limit, isOver: true)]
            if scan.carrier.hasThumbnail, let png = try store.thumbnail(reading: scan.carrier.id) {
                card["picture"] = FindingsPage.dataURI(png)
            }
            cards.append(card)
        }
        view["abstained"] = cards
    }

    private var note: String {
        var note = "Another body part, inverted or empty pictures, another device: "
        if let limit = facts.run.model.abstainLimit {
            note +=
                "these lie farther from everything the model was trained on than its limit of \(Words.distance(limit.distance)), "
                + "which \(Words.percent(limit.falseAbstainRate)) of its validation scans were allowed to exceed."
        } else {
            note += "these lie farther from everything the model was trained on than its limit."
        }
        return note + " No call is made of them, and nothing is known of what they show. Farthest first."
    }

    private var shown: String {
        scans.count > FindingsPage.mostCards
            ? " \(Words.grouped(FindingsPage.mostCards)) of \(Words.grouped(scans.count)) are shown; the CSV has all."
            : ""
    }

    /// What to say of frames that do not count for their scan's call.
    var framesNote: String {
        let partly = facts.scans.filter { $0.call.kind != .abstained && $0.abstainedFrames > 0 }
        let frames = partly.reduce(0) { $0 + $1.abstainedFrames }
        guard frames > 0 else { return "" }
        return
            " \(Words.count(frames, "frame")) of \(Words.count(partly.count, "scan")) \(frames == 1 ? "is" : "are") unlike what the model "
            + "was trained on and \(frames == 1 ? "does" : "do") not count."
    }
}

/// Bars of distances, each in units of its model's limit so that models can stand side by side, for the template `distances`.
struct DistanceScale {
    /// What a whole bar stands for, in limits.
    private let most: Double
    /// A bar is whole from here on: one far scan would leave nothing to be seen of the others.
    private static let ceiling = 4.0

    init(_ distances: [(distance: Double?, limit: AbstainLimit?)]) {
        let farthest = distances.compactMap { Self.ratio($0.distance, $0.limit) }.reduce(1, max)
        most = min(farthest, Self.ceiling)
    }

    /// What the bars' marks, and whole bars, stand for.
    var note: String {
        " The mark on a bar is the limit"
            + (most < Self.ceiling ? "." : "; a whole bar is \(Words.fixed(most, 0)) limits or more.")
    }

    /// One bar; `isOver` for a distance that made the run abstain.
    func row(_ label: String, _ distance: Double?, _ limit: AbstainLimit?, isOver: Bool) -> View {
        let number = distance.map(Words.distance) ?? "–"
        var row: View = ["label": label, "number": number, "over": isOver, "alt": "\(label): \(number)"]
        if let ratio = Self.ratio(distance, limit), let limit {
            row["width"] = Words.fixed(min(ratio / most, 1) * 100, 1)
            row["cut"] = Words.fixed(100 / most, 1)
            row["alt"] = "\(label): \(number), limit \(Words.distance(limit.distance))"
        }
        return row
    }

    /// `1.6 × the limit`; nil where there is none to compare with.
    static func times(_ distance: Double?, _ limit: AbstainLimit?) -> String? {
        ratio(distance, limit).flatMap { $0.isFinite ? "\(Words.fixed($0, $0 < 10 ? 2 : 0)) × the limit" : nil }
    }

    private static func ratio(_ distance: Double?, _ limit: AbstainLimit?) -> Double? {
        guard let distance, let limit, limit.distance > 0 else { return nil }
        return distance / limit.distance
    }
}
