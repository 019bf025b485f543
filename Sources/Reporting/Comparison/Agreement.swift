/// How two raters' calls agree, over the same cases.
public struct Agreement: Sendable, Hashable {
    /// Every call that one of both made, in the order given.
    public let categories: [String]
    /// `counts[a][b]`: cases that the first rater called `categories[a]` and the second `categories[b]`.
    public let counts: [[Int]]

    /// - Parameters:
    ///   - pairs: a call of each rater per case.
    ///   - order: categories in the order wanted; others follow as they come.
    public init(_ pairs: [(first: String, second: String)], order: [String] = []) {
        var categories: [String] = []
        var index: [String: Int] = [:]
        let used = Set(pairs.flatMap { [$0.first, $0.second] })
        for name in order.filter(used.contains) + pairs.flatMap({ [$0.first, $0.second] }) where index[name] == nil {
            index[name] = categories.count
            categories.append(name)
        }
        var counts = [[Int]](repeating: [Int](repeating: 0, count: categories.count), count: categories.count)
        for pair in pairs {
            if let first = index[pair.first], let second = index[pair.second] { counts[first][second] += 1 }
        }
        self.categories = categories
        self.counts = counts
    }

    /// Cases.
    public var total: Int { counts.reduce(0) { $0 + $1.reduce(0, +) } }

    /// Cases with the same call.
    public var agreed: Int { counts.indices.reduce(0) { $0 + counts[$1][$1] } }

    /// Share of cases with the same call, in 0…1; nil without cases.
    public var share: Double? { total > 0 ? Double(agreed) / Double(total) : nil }

    /// Cohen's kappa, in −1…1: agreement beyond what the raters' own frequencies give by chance (Cohen 1960,
    /// doi:10.1177/001316446002000104). Nil without cases, and when both raters made one and the same call throughout, where
    /// chance alone gives full agreement and the ratio is 0 / 0.
    public var kappa: Double? {
        let total = Double(total)
        guard let share else { return nil }
        var chance = 0.0
        for category in counts.indices {
            let first = counts[category].reduce(0, +)
            let second = counts.reduce(0) { $0 + $1[category] }
            chance += Double(first) * Double(second) / (total * total)
        }
        guard chance < 1 else { return nil }
        return (share - chance) / (1 - chance)
    }
}
