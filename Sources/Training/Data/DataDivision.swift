import Imaging

/// Which scans are learnt from and which judge.
///
/// Scans without a side of their own are divided by groups: those of one patient, of the same content or of nearly the same picture
/// go to one side together. Of each class the share is kept as nearly as groups allow; the seed chooses which.
struct DataDivision {
    /// One per scan.
    private(set) var sides: [DataSide]
    /// Scans that are on their side because nearly the same picture is.
    private(set) var alike = 0

    /// - Parameter share: Of each class for validation, over 0 to under 1.
    /// - Throws: `DataError.leakage` where sides that the manifest gives share patients or pictures, and `.unusable` where a class lacks a
    ///   side.
    init(_ prepared: PreparedScans, data: LabelledScans, share: Double, seed: UInt64, path: String) throws(DataError) {
        let scans = prepared.scans
        var groups = Groups(count: scans.count)
        var links: [(kind: Leak.Kind, first: Int, second: Int)] = []
        func link(_ kind: Leak.Kind, _ key: (Int) -> String?) {
            var places: [String: [Int]] = [:]
            for index in scans.indices { if let key = key(index) { places[key, default: []].append(index) } }
            for members in places.values {
                for member in members.dropFirst() { groups.join(members[0], member) }
                // For the message, each side is named once.
                for member in members {
                    guard
                        let other = members.first(where: {
                            Self.conflict(scans[$0].side, scans[member].side) && $0 < member
                        })
                    else { continue }
                    links.append((kind, other, member))
                }
            }
        }
        link(.patient) { scans[$0].patient }
        link(.content) { prepared.digests[$0] }
        let digests = prepared.digests
        let pairs = PictureFingerprint.pairs(of: prepared.fingerprints) { digests[$0] != digests[$1] }
        for (first, second) in pairs {
            if !groups.areTogether(first, second) { alike += 1 }
            groups.join(first, second)
            if Self.conflict(scans[first].side, scans[second].side) { links.append((.picture, first, second)) }
        }
        sides = scans.map { $0.side ?? .train }
        guard links.isEmpty else {
            throw .leakage(
                links.sorted { ($0.first, $0.second) < ($1.first, $1.second) }.map {
                    Leak(
                        kind: $0.kind, first: (scans[$0.first].name, sides[$0.first]),
                        second: (scans[$0.second].name, sides[$0.second]))
                })
        }
        divide(scans, groups.members(scans.count), labels: data.labels.count, share: share, seed: seed)
        try check(scans, data.labels, path: path)
    }

    private static func conflict(_ first: DataSide?, _ second: DataSide?) -> Bool {
        guard let first, let second else { return false }
        return first != second
    }

    private mutating func divide(_ scans: [LabelledScan], _ groups: [[Int]], labels: Int, share: Double, seed: UInt64) {
        // A scan that is free goes where one of its group is bound to.
        var free: [[Int]] = []
        for group in groups {
            if let side = group.compactMap({ scans[$0].side }).first {
                for index in group { sides[index] = side }
            } else {
                free.append(group)
            }
        }
        // Where the manifest names a validation side, what it leaves open is for training.
        guard !scans.contains(where: { $0.side == .validation }) else { return }
        var totals = [Int](repeating: 0, count: labels + 1), taken = totals
        func classes(_ scan: Int) -> [Int] { scans[scan].labels.isEmpty ? [labels] : scans[scan].labels }
        for group in free { for scan in group { for label in classes(scan) { totals[label] += 1 } } }
        let wanted = totals.map { $0 < 2 ? 0 : max(1, (Double($0) * share).rounded()) }
        var generator = SeededGenerator(seed: seed, stream: 0xD117)
        free.shuffle(using: &generator)
        // Rare classes choose first: they have the least to choose from.
        for label in (0...labels).sorted(by: { (totals[$0], $0) < (totals[$1], $1) }) {
            for group in free where Double(taken[label]) < wanted[label] {
                guard sides[group[0]] == .train, group.contains(where: { classes($0).contains(label) }) else {
                    continue
                }
                var counts = [Int](repeating: 0, count: labels + 1)
                for scan in group { for label in classes(scan) { counts[label] += 1 } }
                // A large group may not empty a class, nor take much more than its share.
                let fits = (0...labels).allSatisfy { label in
                    guard counts[label] > 0 else { return true }
                    let after = taken[label] + counts[label]
                    let most = counts[label] == 1 ? wanted[label] + 1 : wanted[label] * 1.1 + 1
                    return after < totals[label] && Double(after) <= most
                }
                guard fits else { continue }
                for scan in group {
                    sides[scan] = .validation
                    for label in classes(scan) { taken[label] += 1 }
                }
            }
        }
    }

    private func check(_ scans: [LabelledScan], _ labels: [String], path: String) throws(DataError) {
        var problems: [String] = []
        for (index, label) in labels.enumerated() {
            let members = scans.indices.filter { scans[$0].labels.contains(index) }
            let both = [DataSide.train, .validation].map { side in members.filter { sides[$0] == side }.count }
            switch (members.count, both[0], both[1]) {
            case (0, _, _): problems.append("the class \(label) has no scan that can be read")
            case (1, _, _):
                problems.append(
                    "the class \(label) has one scan; it takes two at least, one to learn from and one to judge by")
            case (_, 0, _):
                problems.append("the class \(label) has no scan for training; all \(members.count) are on other sides")
            case (_, _, 0):
                problems.append(
                    "the class \(label) has no scan for validation: its \(members.count) scans are of one patient, one picture, or "
                        + "bound to training by the manifest")
            default: break
            }
        }
        guard problems.isEmpty else { throw .unusable(path: path, problems: problems) }
    }
}

/// Sets that grow together: union-find (Galler & Fischer 1964).
private struct Groups {
    private var parents: [Int]

    init(count: Int) { parents = Array(0..<count) }

    mutating func root(_ index: Int) -> Int {
        var index = index
        while parents[index] != index {
            parents[index] = parents[parents[index]]
            index = parents[index]
        }
        return index
    }

    mutating func join(_ first: Int, _ second: Int) {
        let (first, second) = (root(first), root(second))
        parents[max(first, second)] = min(first, second)
    }

    mutating func areTogether(_ first: Int, _ second: Int) -> Bool { root(first) == root(second) }

    mutating func members(_ count: Int) -> [[Int]] {
        var result: [Int: [Int]] = [:]
        for index in 0..<count { result[root(index), default: []].append(index) }
        return result.values.sorted { $0[0] < $1[0] }
    }
}
