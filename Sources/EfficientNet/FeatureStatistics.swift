import Tensors

/// Where the features of the scans that a model was trained on lie: so that a scan unlike any of them can be told apart.
///
/// Mean features per group of scans (a class, a set of labels) and one covariance around them. The distance of a scan is
/// Mahalanobis' to the nearest mean (Lee et al. 2018, arXiv 1807.03888): √(d' Σ⁻¹ d), in standard deviations. In
/// `features.safetensors`: `whitening` (F32, [F (F + 1) / 2], the lower triangle of W with W'W = Σ⁻¹, row by row), `means` (F32,
/// [G, F], each times W) and `abstain` (F32, [2]: the distance over which a reading is no reading, and the share of validation scans
/// that it was chosen to turn away).
public struct FeatureStatistics: Sendable, Hashable {
    /// Features of a scan.
    public let features: Int
    /// Groups of scans.
    public var groups: Int { means.count / max(features, 1) }
    /// A scan farther than this from every group is unlike anything the model was trained on.
    public let abstainDistance: Double
    /// The share of validation scans that `abstainDistance` was chosen to turn away, in 0…1.
    public let falseAbstainRate: Double

    let whitening: [Float]
    let means: [Float]

    /// - Parameters:
    ///   - whitening: The lower triangle of W, row by row.
    ///   - means: One whitened mean after the other.
    /// - Throws: `EfficientNetError.wrongInput` for sizes that do not fit or values that are not finite.
    public init(
        features: Int, whitening: [Float], means: [Float], abstainDistance: Double, falseAbstainRate: Double
    ) throws(EfficientNetError) {
        guard features > 0, whitening.count == features * (features + 1) / 2, !means.isEmpty,
            means.count.isMultiple(of: features), whitening.allSatisfy(\.isFinite), means.allSatisfy(\.isFinite),
            abstainDistance >= 0, abstainDistance.isFinite, (0...1).contains(falseAbstainRate)
        else {
            throw .wrongInput(
                expected: "finite statistics of \(features) features, a finite distance of 0 or more and a rate in 0…1",
                found:
                    "\(whitening.count) and \(means.count) values, distance \(abstainDistance), rate \(falseAbstainRate)"
            )
        }
        self.features = features
        self.whitening = whitening
        self.means = means
        self.abstainDistance = abstainDistance
        self.falseAbstainRate = falseAbstainRate
    }

    /// How far a scan lies from the nearest group, 0 or more; infinite for features that are not finite or of another number.
    public func distance(_ values: [Float]) -> Double {
        guard values.count == features, values.allSatisfy(\.isFinite) else { return .infinity }
        var squares = [Double](repeating: 0, count: groups)
        values.withUnsafeBufferPointer { values in
            whitening.withUnsafeBufferPointer { whitening in
                var start = 0
                for row in 0..<features {
                    // Eight sums side by side, so that additions need not wait for each other.
                    var sums = SIMD8<Float>(repeating: 0)
                    var column = 0
                    while column + 8 <= row + 1 {
                        var a = SIMD8<Float>(), b = SIMD8<Float>()
                        for lane in 0..<8 {
                            a[lane] = whitening[start + column + lane]
                            b[lane] = values[column + lane]
                        }
                        sums += a * b
                        column += 8
                    }
                    var sum = Double(sums.sum())
                    while column <= row {
                        sum += Double(whitening[start + column] * values[column])
                        column += 1
                    }
                    start += row + 1
                    for group in 0..<groups {
                        let difference = sum - Double(means[group * features + row])
                        squares[group] += difference * difference
                    }
                }
            }
        }
        // Features so large that sums overflow are far away, too.
        let distance = (squares.min() ?? .infinity).squareRoot()
        return distance.isNaN ? .infinity : distance
    }

    /// Whether a reading with these features should not be relied on.
    public func abstains(distance: Double) -> Bool { !(distance <= abstainDistance) }

    /// Reads `features.safetensors` of a model with that many features.
    init(_ file: SafetensorsFile, features: Int) throws {
        let whitening = try file.tensor("whitening"), means = try file.tensor("means")
        let abstain = try file.tensor("abstain")
        for (name, tensor, shape) in [
            ("whitening", whitening, [features * (features + 1) / 2]),
            ("means", means, [means.shape.first ?? 1, features]), ("abstain", abstain, [2]),
        ] where tensor.shape != shape {
            throw EfficientNetError.wrongShape(
                path: file.path, tensor: name, expected: shape, found: tensor.shape)
        }
        do {
            try self.init(
                features: features, whitening: whitening.scalars, means: means.scalars,
                abstainDistance: Double(abstain.scalars[0]), falseAbstainRate: Double(abstain.scalars[1]))
        } catch {
            throw EfficientNetError.cannotRead(path: file.path, reason: "\(error)")
        }
    }

    /// The file's content.
    func writer() throws(EfficientNetError) -> SafetensorsWriter {
        var writer = SafetensorsWriter()
        do {
            writer.add("whitening", Tensor(whitening))
            writer.add("means", try Tensor(shape: [groups, features], scalars: means))
            writer.add("abstain", Tensor([Float(abstainDistance), Float(falseAbstainRate)]))
        } catch {
            throw .tensors(error)
        }
        return writer
    }
}
