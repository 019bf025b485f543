import Yams

/// Collects what is wrong in a pipeline or training file, so that one look shows everything.
package final class ProblemList {
    package let file: String
    package private(set) var problems: [PipelineProblem] = []

    package init(file: String) { self.file = file }

    package func add(
        _ kind: PipelineProblem.Kind = .syntax, at node: Node?, line: Int = 1, key: String, _ message: String
    ) {
        problems.append(
            PipelineProblem(file: file, line: node?.mark?.line ?? line, key: key, message: message, kind: kind))
    }
}

/// One mapping of a pipeline or training file, read key by key: every value is checked for its type, every unknown key reported.
package struct YAMLMapping {
    private let entries: [(key: Node, value: Node)]
    private let line: Int
    /// The mapping's own key with a final dot; empty at the top.
    private let prefix: String
    package let problems: ProblemList

    /// - Parameters:
    ///   - known: Every key that may occur. Others are reported at once, with the nearest of these.
    package init?(_ node: Node, key: String, known: [String], problems: ProblemList) {
        self.problems = problems
        prefix = key.isEmpty ? "" : key + "."
        line = node.mark?.line ?? 1
        guard case .mapping(let mapping) = node else {
            problems.add(
                at: node, key: key,
                "expected keys and values (\(known.joined(separator: ", "))), found \(describe(node))")
            return nil
        }
        entries = mapping.map { (key: $0.key, value: $0.value) }
        for entry in entries {
            let name = entry.key.scalar?.string
            if let name, known.contains(name) { continue }
            let nearest = name.flatMap { NearestKey.to($0, among: known) }
            let hint = nearest.map { "did you mean '\($0)'? " } ?? ""
            problems.add(
                at: entry.key, key: prefix + (name ?? describe(entry.key)),
                "unknown key; \(hint)Known keys here: \(known.joined(separator: ", "))")
        }
    }

    /// The whole name of one of this mapping's keys.
    package func name(_ key: String) -> String { prefix + key }

    /// The value under `key`; absent and empty values are nil.
    package func node(_ key: String) -> Node? {
        guard let node = entries.first(where: { $0.key.scalar?.string == key })?.value else { return nil }
        return isEmpty(node) ? nil : node
    }

    /// The value under `key`, or a problem that it is missing.
    package func required(_ key: String, _ what: String) -> Node? {
        if let node = node(key) { return node }
        let empty = entries.first { $0.key.scalar?.string == key }?.key
        problems.add(at: empty, line: line, key: name(key), "missing; expected \(what)")
        return nil
    }

    /// Text, which a number or a date also is.
    package func text(_ key: String) -> String? { node(key).flatMap { text($0, key: name(key)) } }

    /// Text of a value of this mapping, or a problem.
    package func text(_ node: Node, key: String) -> String? {
        if let text = node.scalar?.string, !isEmpty(node), !text.isEmpty { return text }
        problems.add(at: node, key: key, "expected text, found \(describe(node))")
        return nil
    }

    package func bool(_ key: String) -> Bool? {
        guard let node = node(key) else { return nil }
        if let value = node.bool { return value }
        problems.add(at: node, key: name(key), "expected true or false, found \(describe(node))")
        return nil
    }

    package func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
        guard let node = node(key) else { return nil }
        if let value = node.int, range.contains(value) { return value }
        problems.add(
            at: node, key: name(key),
            "expected a whole number from \(range.lowerBound) to \(range.upperBound), found \(describe(node))")
        return nil
    }

    package func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
        guard let node = node(key) else { return nil }
        if let value = node.float, range.contains(value) { return value }
        problems.add(
            at: node, key: name(key),
            "expected a number from \(shown(range.lowerBound)) to \(shown(range.upperBound)), found \(describe(node))")
        return nil
    }

    func bytes(_ key: String, in range: ClosedRange<UInt64>) -> UInt64? {
        guard let node = node(key) else { return nil }
        if let value = node.scalar.flatMap({ ByteSize.bytes($0.string) }), range.contains(value) { return value }
        problems.add(
            at: node, key: name(key),
            "expected a size from \(ByteSize.text(range.lowerBound)) to \(ByteSize.text(range.upperBound)), such as "
                + "1073741824 or 1 GiB, found \(describe(node))")
        return nil
    }

    /// One word of an enumeration; a wrong one is reported with the nearest.
    package func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _ type: Choice.Type) -> Choice?
    where Choice.RawValue == String {
        guard let node = node(key) else { return nil }
        let words = Choice.allCases.map(\.rawValue)
        if let value = node.scalar.flatMap({ Choice(rawValue: $0.string) }) { return value }
        let nearest = node.scalar.flatMap { NearestKey.to($0.string, among: words) }
        let hint = nearest.map { "; did you mean '\($0)'?" } ?? ""
        problems.add(
            at: node, key: name(key), "expected one of \(words.joined(separator: ", ")), found \(describe(node))\(hint)"
        )
        return nil
    }

    /// Exactly `count` numbers within `range`.
    package func numbers(_ key: String, count: Int, in range: ClosedRange<Double>) -> [Double]? {
        guard let node = node(key) else { return nil }
        let values = node.sequence?.compactMap(\.float).filter(range.contains)
        if let values, values.count == count, node.sequence?.count == count { return values }
        problems.add(
            at: node, key: name(key),
            "expected \(count) numbers from \(shown(range.lowerBound)) to \(shown(range.upperBound)), found \(describe(node))"
        )
        return nil
    }
}

/// Whether `node` is YAML's null: nothing, `~` or `null`, unquoted.
private func isEmpty(_ node: Node) -> Bool {
    guard let scalar = node.scalar else { return false }
    return scalar.style != .singleQuoted && scalar.style != .doubleQuoted && node.null != nil
}

/// Whole numbers without a decimal point.
private func shown(_ number: Double) -> String {
    number == number.rounded() && abs(number) < 1e15 ? String(Int(number)) : String(number)
}

/// What `node` is, in a few words.
package func describe(_ node: Node) -> String {
    switch node {
    case .scalar(let scalar) where scalar.string.isEmpty: "nothing"
    case .scalar(let scalar): "'\(scalar.string.prefix(60))'"
    case .mapping(let mapping): "a mapping of \(mapping.count) keys"
    case .sequence(let sequence): "a list of \(sequence.count)"
    case .alias: "an alias"
    }
}
