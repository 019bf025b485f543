import Foundation

/// What is left of a picture when it is stored again, resized or cut a little at its edges: 64 bits that then change in few places,
/// and a small picture that tells for certain.
///
/// The bits are those of a perceptual hash: signs of the lowest frequencies of a cosine transform about their median (Zauner 2010).
/// Pictures of one body part agree in many of them, so that they only choose whom to compare: two small pictures are the same
/// where, laid over each other with edges cut as fits best, their details correlate.
struct PictureFingerprint: Sendable, Hashable {
    /// Side of the picture that it is made of, intensities in 0…1, squashed to a square.
    static let side = 64
    private static let small = 32
    /// Bits that may differ for two pictures to be compared.
    static let mostBits = 20
    /// Correlation of coarse details under which they are looked at no further.
    private static let leastCoarse = 0.7
    /// Correlation of fine details from which on they are the same. Of drawn phantoms, stored again with losses, resized and cut: 0.95
    /// and more; of different ones, 0.81 and less.
    static let leastCorrelation = 0.9
    /// Largest share that is looked for beyond an edge.
    private static let largestMargin = 0.1

    private let bits: UInt64
    /// Less the mean of the pixels around, far (to find how two pictures lie) and near (to tell whether they are the same).
    private let coarse: [Float]
    private let fine: [Float]

    /// - Parameter picture: `side` × `side` intensities.
    init(_ picture: [Float]) {
        let half = (0..<Self.small * Self.small).map { index in
            let (row, column) = (index / Self.small * 2, index % Self.small * 2)
            let first = row * Self.side + column
            return (picture[first] + picture[first + 1] + picture[first + Self.side] + picture[first + Self.side + 1])
                / 4
        }
        bits = Self.hash(half)
        coarse = Self.details(picture, reach: 4)
        fine = Self.details(picture, reach: 2)
    }

    /// Bits in which two pictures' hashes differ.
    func distance(_ other: PictureFingerprint) -> Int { (bits ^ other.bits).nonzeroBitCount }

    /// Whether both show the same picture.
    func matches(_ other: PictureFingerprint) -> Bool {
        distance(other) <= Self.mostBits && correlation(other) >= Self.leastCorrelation
    }

    private static func hash(_ picture: [Float]) -> UInt64 {
        let n = small
        var rows = [Double](repeating: 0, count: n * 8)
        for row in 0..<n {
            for u in 0..<8 {
                rows[row * 8 + u] = (0..<n).reduce(0) { $0 + Double(picture[row * n + $1]) * cosine[u * n + $1] }
            }
        }
        var values: [Double] = []
        for v in 0..<8 {
            for u in 0..<8 { values.append((0..<n).reduce(0) { $0 + rows[$1 * 8 + u] * cosine[v * n + $1] }) }
        }
        let median = values.dropFirst().sorted()[31]
        return values.enumerated().reduce(0) { $0 | ($1.element > median ? 1 << UInt64($1.offset) : 0) }
    }

    private static let cosine = (0..<8 * small).map {
        cos(.pi * Double($0 / small) * (Double($0 % small) + 0.5) / Double(small))
    }

    /// The picture less its surroundings' mean.
    private static func details(_ picture: [Float], reach: Int) -> [Float] {
        var result = picture
        for row in 0..<side {
            for column in 0..<side {
                var sum: Float = 0, count: Float = 0
                for y in max(0, row - reach)...min(side - 1, row + reach) {
                    for x in max(0, column - reach)...min(side - 1, column + reach) {
                        sum += picture[y * side + x]
                        count += 1
                    }
                }
                result[row * side + column] = picture[row * side + column] - sum / count
            }
        }
        return result
    }

    /// The best correlation of fine details over cuts of the four edges, each moved as long as it gets better: first by coarse details,
    /// whose correlation it is where that is low.
    func correlation(_ other: PictureFingerprint) -> Double {
        var margins = [0.0, 0.0, 0.0, 0.0]
        let coarse = Self.climb(self.coarse, other.coarse, &margins, steps: [0.04, 0.02, 0.01], stride: 2)
        guard coarse >= Self.leastCoarse else { return min(coarse, Self.leastCoarse) }
        return Self.climb(fine, other.fine, &margins, steps: [0.01, 0.005, 0.0025], stride: 1)
    }

    /// Single edges, both of a direction to one side (a cut of one, or another size) or against each other (a shift), and all.
    private static let moves: [[Double]] = [
        [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [1, -1, 0, 0], [0, 0, 1, 1],
        [0, 0, 1, -1],
        [1, 1, 1, 1],
    ]

    private static func climb(
        _ first: [Float], _ second: [Float], _ margins: inout [Double], steps: [Double], stride: Int
    ) -> Double {
        var best = correlation(first, second, margins, every: stride)
        for step in steps {
            var isBetter = true, rounds = 0
            while isBetter, rounds < 8 {
                isBetter = false
                rounds += 1
                for move in moves {
                    for sign in [step, -step] {
                        let next = zip(margins, move).map { $0 + sign * $1 }
                        guard next.allSatisfy({ abs($0) <= largestMargin }) else { continue }
                        let value = correlation(first, second, next, every: stride)
                        if value > best + 1e-6 { (best, margins, isBetter) = (value, next, true) }
                    }
                }
            }
            // Pictures that are the same are alike from the start.
            if best < 0.3 { return best }
        }
        return best
    }

    /// The correlation with the part of `second` inside the margins (beyond its edges where they are negative).
    private static func correlation(
        _ first: [Float], _ second: [Float], _ margins: [Double], every step: Int
    ) -> Double {
        let n = Double(Self.side - 1)
        let (left, top) = (margins[0] * n, margins[2] * n)
        let (across, down) = (1 - margins[0] - margins[1], 1 - margins[2] - margins[3])
        var (sums, squares, products) = ((0.0, 0.0), (0.0, 0.0), 0.0)
        var count = 0.0
        first.withUnsafeBufferPointer { a in
            second.withUnsafeBufferPointer { b in
                for row in stride(from: 0, to: Self.side, by: step) {
                    let y = top + Double(row) * down
                    guard y >= 0, y <= n else { continue }
                    let y0 = min(Int(y), Self.side - 2)
                    let bottom = Float(y - Double(y0))
                    for column in stride(from: 0, to: Self.side, by: step) {
                        let x = left + Double(column) * across
                        guard x >= 0, x <= n else { continue }
                        let x0 = min(Int(x), Self.side - 2)
                        let right = Float(x - Double(x0))
                        let corner = y0 * Self.side + x0
                        let upper = b[corner] * (1 - right) + b[corner + 1] * right
                        let lower = b[corner + Self.side] * (1 - right) + b[corner + Self.side + 1] * right
                        let p = Double(a[row * Self.side + column]), q = Double(upper * (1 - bottom) + lower * bottom)
                        sums = (sums.0 + p, sums.1 + q)
                        squares = (squares.0 + p * p, squares.1 + q * q)
                        products += p * q
                        count += 1
                    }
                }
            }
        }
        let variance = (squares.0 - sums.0 * sums.0 / count) * (squares.1 - sums.1 * sums.1 / count)
        // Two blanks have nothing to tell them apart.
        guard variance > 1e-18 else { return squares.0 < 1e-9 && squares.1 < 1e-9 ? 1 : 0 }
        return (products - sums.0 * sums.1 / count) / variance.squareRoot()
    }
}
