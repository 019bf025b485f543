public import Foundation
public import Store

/// The report of a comparison: a page for people and a table for programs.
public enum ComparisonReport {
    /// Scans with a card and a picture; the CSV has all.
    static let mostCards = 200

    /// Columns before the labels' own (`a_LABEL`, `b_LABEL`), documented in Documentation/STORE.md.
    static let columns = [
        "run_a", "run_b", "path_a", "path_b", "sha256", "frame", "comparison", "call_a", "call_b", "largest_change",
        "total_ms_a", "total_ms_b", "abstained_a", "distance_a", "abstained_b", "distance_b",
    ]

    /// Writes the comparison of two runs, and records it in the first run's store where that is open for writing.
    /// - Parameters:
    ///   - html: folder that gets `index.html`, made when missing; nil for none.
    ///   - csv: file; its folder is made when missing; nil for none.
    public static func write(
        _ comparison: Comparison, first: StudyStore, second: StudyStore, html: URL?, csv: URL?, program: String,
        at moment: Timestamp = .now()
    ) throws(ReportingError) {
        var written: [(file: URL, bytes: [UInt8])] = []
        if let html {
            let view = try fromStore { () throws(StoreError) in
                try Self.view(comparison, first: first, second: second, program: program, at: moment)
            }
            written.append(
                (html.appendingPathComponent("index.html"), Array(try Templates.render("comparison", view).utf8)))
        }
        if let csv { written.append((csv, table(comparison))) }
        for (file, bytes) in written {
            try fromStore { () throws(StoreError) in
                try OutputFile.publish(bytes, to: file)
                guard first.isWriter else { return }
                try first.audit(
                    .comparisonWritten, subject: comparison.first.id,
                    details: [
                        "with": .string(comparison.second.id), "file": .string(file.path),
                        "bytes": JSONValue(bytes.count),
                        "sha256": .string(OutputFile.digest(bytes)),
                    ])
            }
        }
    }

    static func table(_ comparison: Comparison) -> [UInt8] {
        let labels = comparison.sharedLabels
        var document = CSVDocument(header: columns + labels.map { "a_" + $0 } + labels.map { "b_" + $0 })
        for pair in comparison.pairs {
            func values(_ reading: ReadingRecord, _ model: ModelRecord) -> [CSVDocument.Cell] {
                labels.map { Comparison.probability($0, reading, model).map(CSVDocument.Cell.number) ?? .empty }
            }
            func time(_ reading: ReadingRecord) -> CSVDocument.Cell {
                .number(reading.decodeMilliseconds + reading.prepareMilliseconds + reading.networkMilliseconds)
            }
            document.append(
                [
                    .text(comparison.first.id), .text(comparison.second.id), .text(pair.first.path),
                    .text(pair.second.path), .text(pair.first.scan.sha256), .integer(Int64(pair.first.frame)),
                    .text(pair.kind.rawValue), .text(pair.firstCall), .text(pair.secondCall), .number(pair.distance),
                    time(pair.first), time(pair.second),
                ] + FindingsTable.distance(pair.first) + FindingsTable.distance(pair.second)
                    + values(pair.first, comparison.first.model) + values(pair.second, comparison.second.model))
        }
        return document.bytes
    }

    static func view(
        _ comparison: Comparison, first: StudyStore, second: StudyStore, program: String, at moment: Timestamp
    ) throws(StoreError) -> View {
        let changed = comparison.changed
        var cards: [View] = []
        for pair in changed.prefix(mostCards) {
            cards.append(card(pair, comparison, try picture(of: pair, first: first, second: second)))
        }
        func item(_ text: String, _ what: String, _ style: String = "") -> View {
            ["count": text, "what": what, "style": text == "0" ? "quiet" : style]
        }
        let agreement = comparison.agreement
        let view: View = [
            "title": "\(comparison.first.study): two runs compared", "eyebrow": "Nightread comparison",
            "heading": "\(comparison.first.study): \(comparison.first.model.name) and \(comparison.second.model.name)",
            "program": program, "writtenAt": Words.moment(moment), "summary": comparison.summary,
            "notes": comparison.notes,
            "ledger": [
                item(agreement.share.map { Words.fixed($0 * 100, 1) + " %" } ?? "–", "agreement"),
                item(agreement.kappa.map { Words.fixed($0, 3) } ?? "–", "Cohen's kappa"),
                item(Words.grouped(comparison.count(.changed)), "finding changed", "strong"),
                item(Words.grouped(comparison.count(.same)), "same call"),
                item(Words.grouped(comparison.count(.abstained)), "abstained", "open"),
                item(Words.grouped(comparison.count(.uncalibrated)), "uncalibrated"),
                item(Words.grouped(comparison.count(.incomparable)), "not comparable"),
            ],
            "balance": "\(Words.count(comparison.pairs.count, "frame")) in both runs; "
                + "\(Words.grouped(comparison.onlyFirst)) only in A, \(Words.grouped(comparison.onlySecond)) only in B.",
            "hasChanged": !changed.isEmpty, "changed": cards,
            "changedNote": changed.count > mostCards
                ? "The first \(mostCards) of \(Words.grouped(changed.count)) are shown; the CSV has all." : "",
            "noChanged": agreement.total == 0
                ? "There is no frame with a call in both runs."
                : "Every frame that can be compared has the same call in both runs.",
            "hasMatrix": agreement.total > 0, "matrixColumns": agreement.categories,
            "matrix": agreement.categories.indices.map { row -> View in
                [
                    "label": agreement.categories[row],
                    "cells": agreement.categories.indices.map { column -> View in
                        ["count": Words.grouped(agreement.counts[row][column]), "same": row == column]
                    },
                ]
            }, "sides": sides(comparison),
        ]
        return try view.merging(abstained(comparison, first: first, second: second)) { old, _ in old }
    }

    /// The picture that either run has of a frame.
    private static func picture(
        of pair: Comparison.Pair, first: StudyStore, second: StudyStore
    ) throws(StoreError) -> [UInt8]? {
        if pair.first.hasThumbnail, let picture = try first.thumbnail(reading: pair.first.id) { return picture }
        return pair.second.hasThumbnail ? try second.thumbnail(reading: pair.second.id) : nil
    }

    /// The part about frames that a run abstained on.
    private static func abstained(
        _ comparison: Comparison, first: StudyStore, second: StudyStore
    ) throws(StoreError) -> View {
        let pairs = comparison.abstained
        let limits = (a: comparison.first.model.abstainLimit, b: comparison.second.model.abstainLimit)
        let scale = DistanceScale(pairs.flatMap { [($0.first.distance, limits.a), ($0.second.distance, limits.b)] })
        var cards: [View] = []
        for pair in pairs.prefix(mostCards) {
            var card = Words.view(path: pair.first.path, frame: pair.first.frame, of: pair.first.scan.frames)
            card["calls"] = "A: \(pair.firstCall) · B: \(pair.secondCall)"
            card["alt"] = "\(Words.path(pair.first.path).file), unlike what a model was trained on"
            card["distances"] = [
                scale.row("A, distance", pair.first.distance, limits.a, isOver: pair.first.isAbstained),
                scale.row("B, distance", pair.second.distance, limits.b, isOver: pair.second.isAbstained),
            ]
            if let picture = try picture(of: pair, first: first, second: second) {
                card["picture"] = FindingsPage.dataURI(picture)
            }
            cards.append(card)
        }
        let both = pairs.count { $0.first.isAbstained && $0.second.isAbstained }
        let note =
            "Not a disagreement: a model that abstains makes no call of what is unlike its training's scans. Both abstain on "
            + "\(Words.grouped(both)), A alone on \(Words.grouped(pairs.count { $0.first.isAbstained } - both)), B alone on "
            + "\(Words.grouped(pairs.count { $0.second.isAbstained } - both)). Bars are distances in units of their model's limit."
            + scale.note
        return [
            "hasAbstained": !pairs.isEmpty, "abstained": cards,
            "abstainedNote": pairs.count > mostCards
                ? note + " The first \(mostCards) of \(Words.grouped(pairs.count)) are shown; the CSV has all." : note,
        ]
    }

    private static func card(_ pair: Comparison.Pair, _ comparison: Comparison, _ picture: [UInt8]?) -> View {
        var card = Words.view(path: pair.first.path, frame: pair.first.frame, of: pair.first.scan.frames)
        card["change"] = "\(pair.firstCall) → \(pair.secondCall)"
        card["isQuiet"] = pair.secondCall == Comparison.none
        card["alt"] = Words.path(pair.first.path).file
        if let picture { card["picture"] = FindingsPage.dataURI(picture) }
        let called = [pair.firstCall, pair.secondCall]
        let ranked = comparison.sharedLabels.map { label in
            (
                label: label, a: Comparison.probability(label, pair.first, comparison.first.model) ?? 0,
                b: Comparison.probability(label, pair.second, comparison.second.model) ?? 0
            )
        }.sorted {
            (called.contains($0.label) ? 1 : 0, max($0.a, $0.b)) > (called.contains($1.label) ? 1 : 0, max($1.a, $1.b))
        }
        card["pairs"] = ranked.prefix(Bars.most).map { row -> View in
            let (a, b) = (Words.probability(row.a), Words.probability(row.b))
            return [
                "label": row.label, "over": called.contains(row.label), "a": Words.fixed(row.a * 100, 1),
                "b": Words.fixed(row.b * 100, 1), "pa": a, "pb": b, "alt": "\(row.label): A \(a), B \(b)",
            ]
        }
        return card
    }

    private static func sides(_ comparison: Comparison) -> [View] {
        func row(_ name: String, mono: Bool = false, _ value: (RunRecord) -> String) -> View {
            ["name": name, "mono": mono, "a": value(comparison.first), "b": value(comparison.second)]
        }
        func rate(_ value: Double?) -> String { value.map { Words.fixed($0, 2) } ?? "–" }
        return [
            row("Run", mono: true) { $0.id }, row("Begun") { Words.moment($0.startedAt) },
            row("Model") { "\($0.model.name) (\(Words.network($0.model.variant)))" },
            row("Model digest", mono: true) { $0.model.digest },
            row("Preprocessing") { PreprocessingWords.describe($0.preprocessingJSON) },
            row("Unlike scans") {
                Words.abstaining($0) ?? "a call of every scan: the model does not know what it was trained on"
            },
            row("Machine") { "\($0.host), \(Words.count($0.sessions.last?.workers ?? 0, "worker"))" },
            [
                "name": "Median time per scan, one lane", "mono": false, "a": Comparison.time(comparison.firstMedian),
                "b": Comparison.time(comparison.secondMedian),
            ],
            [
                "name": "Scans per second, over the whole run", "mono": false, "a": rate(comparison.firstRate),
                "b": rate(comparison.secondRate),
            ],
        ]
    }
}
