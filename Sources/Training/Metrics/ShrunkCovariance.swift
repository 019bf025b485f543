public import EfficientNet

/// The covariance of features around their groups' means, drawn towards a multiple of the identity as far as the number of scans
/// asks for (Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4): it can be inverted also with fewer scans than features.
struct ShrunkCovariance {
    /// Number of features.
    let features: Int
    /// Rows of Σ's lower triangle, each `features` long, what is right of the diagonal unused.
    private(set) var matrix: [Double]
    /// The share of the identity, in 0…1.
    let shrinkage: Double

    /// - Parameter residuals: Each scan's features less its group's mean, rows of `features` values.
    init(residuals: [Float], features: Int) {
        let scans = residuals.count / features
        var matrix = [Double](repeating: 0, count: features * features)
        var fourth = 0.0
        matrix.withUnsafeMutableBufferPointer { matrix in
            residuals.withUnsafeBufferPointer { residuals in
                for scan in 0..<scans {
                    let row = residuals[scan * features..<(scan + 1) * features]
                    var square = 0.0
                    for i in 0..<features {
                        let value = Double(row[row.startIndex + i])
                        square += value * value
                        for j in 0...i { matrix[i * features + j] += value * Double(row[row.startIndex + j]) }
                    }
                    fourth += square * square
                }
            }
        }
        let (count, size) = (Double(max(scans, 1)), Double(features))
        var squares = 0.0, trace = 0.0
        for i in 0..<features {
            for j in 0...i {
                matrix[i * features + j] /= count
                let value = matrix[i * features + j]
                squares += (i == j ? 1 : 2) * value * value
            }
            trace += matrix[i * features + i]
        }
        // Features without any spread would leave nothing to divide by.
        let mean = max(trace / size, 1e-12)
        let spread = (squares - 2 * mean * trace + size * mean * mean) / size
        let noise = min((fourth / count - squares) / (size * count), spread)
        // As in scikit-learn, but never quite without the identity.
        let shrinkage = spread > 0 ? max(noise / spread, 1e-6) : 1
        for i in 0..<features {
            for j in 0...i { matrix[i * features + j] *= 1 - shrinkage }
            matrix[i * features + i] += shrinkage * mean
        }
        self.features = features
        self.matrix = matrix
        self.shrinkage = shrinkage
    }

    /// W, lower triangular, with W'W = Σ⁻¹: the inverse of Cholesky's factor. Rows as in `matrix`.
    func whitening() -> [Double] {
        let n = features
        var factor = matrix
        var inverse = [Double](repeating: 0, count: n * n)
        factor.withUnsafeMutableBufferPointer { l in
            inverse.withUnsafeMutableBufferPointer { w in
                for i in 0..<n {
                    for j in 0...i {
                        var sum = l[i * n + j]
                        for k in 0..<j { sum -= l[i * n + k] * l[j * n + k] }
                        // Positive for the identity's share; rounding could say otherwise.
                        l[i * n + j] = i == j ? max(sum, 1e-18).squareRoot() : sum / l[j * n + j]
                    }
                }
                for i in 0..<n {
                    for k in 0..<i {
                        let factor = l[i * n + k]
                        for j in 0...k { w[i * n + j] -= factor * w[k * n + j] }
                    }
                    w[i * n + i] = 1
                    for j in 0...i { w[i * n + j] /= l[i * n + i] }
                }
            }
        }
        return inverse
    }
}

extension FeatureStatistics {
    /// The share of validation scans that may be turned away where nobody asks for another.
    public static let defaultFalseAbstainRate = 0.01

    /// The statistics of a model's training scans, with the abstain distance chosen on scans it was not trained on.
    ///
    /// - Parameters:
    ///   - training: Pooled features of each training scan (`Network.reading`), all equally long.
    ///   - groups: Each training scan's group, from 0: its class, or the number of its set of labels (`groups(of:)`).
    ///   - validation: Pooled features of each validation scan.
    ///   - falseAbstainRate: The share of validation scans that may lie beyond the distance, in 0…1.
    /// - Throws: `TrainingError.wrongBatch` without scans, or for features that differ in number or are not finite;
    ///   `.invalidSetting` for a rate that is none.
    public init(
        training: [[Float]], groups: [Int], validation: [[Float]],
        falseAbstainRate: Double = defaultFalseAbstainRate
    ) throws(TrainingError) {
        let features = training.first?.count ?? 0
        guard features > 0, training.count == groups.count, !validation.isEmpty,
            (training + validation).allSatisfy({ $0.count == features && $0.allSatisfy(\.isFinite) }),
            groups.allSatisfy({ (0..<max(groups.count, 1)).contains($0) })
        else {
            throw .wrongBatch(
                expected: "finite features of training scans with their groups, and of validation scans",
                found:
                    "\(training.count) training scans with \(groups.count) groups, \(validation.count) validation scans"
            )
        }
        guard (0...1).contains(falseAbstainRate) else {
            throw .invalidSetting(name: "false-abstain rate", expected: "0 to 1", found: "\(falseAbstainRate)")
        }
        let used = Array(Set(groups)).sorted()
        let means = used.map { group in
            Self.mean(zip(training, groups).filter { $0.1 == group }.map(\.0), features)
        }
        var residuals: [Float] = []
        residuals.reserveCapacity(training.count * features)
        for (scan, group) in zip(training, groups) {
            let mean = means[used.firstIndex(of: group) ?? 0]
            for (value, center) in zip(scan, mean) { residuals.append(Float(Double(value) - center)) }
        }
        let whitening = ShrunkCovariance(residuals: residuals, features: features).whitening()
        var triangle: [Float] = []
        triangle.reserveCapacity(features * (features + 1) / 2)
        for row in 0..<features { triangle += whitening[row * features...row * features + row].map { Float($0) } }
        let whitened = means.flatMap { mean in
            (0..<features).map { row in
                Float((0...row).reduce(0.0) { $0 + whitening[row * features + $1] * mean[$1] })
            }
        }
        do {
            let open = try FeatureStatistics(
                features: features, whitening: triangle, means: whitened, abstainDistance: 0,
                falseAbstainRate: falseAbstainRate)
            let distances = validation.map(open.distance).sorted()
            // Nearest rank: at most the rate's share of the scans lies beyond.
            let rank = Int(((1 - falseAbstainRate) * Double(distances.count) - 1e-9).rounded(.up)) - 1
            // Stored as a float: rounded up, so that the scan which sets it stays within.
            let distance = Float(distances[max(rank, 0)]).nextUp
            try self.init(
                features: features, whitening: triangle, means: whitened, abstainDistance: Double(distance),
                falseAbstainRate: falseAbstainRate)
        } catch {
            throw .weights(error)
        }
    }

    /// A number for each scan's set of labels, from 0; sets that only one scan has share one.
    public static func groups(of truths: [Set<Int>]) -> [Int] {
        let counts = Dictionary(truths.map { ($0, 1) }, uniquingKeysWith: +)
        let common = counts.filter { $0.value > 1 }.keys.sorted { $0.sorted().lexicographicallyPrecedes($1.sorted()) }
        let numbers = Dictionary(uniqueKeysWithValues: zip(common, 0...))
        return truths.map { numbers[$0] ?? common.count }
    }

    private static func mean(_ rows: [[Float]], _ features: Int) -> [Double] {
        var sum = [Double](repeating: 0, count: features)
        for row in rows { for (index, value) in row.enumerated() { sum[index] += Double(value) } }
        return sum.map { $0 / Double(max(rows.count, 1)) }
    }
}
