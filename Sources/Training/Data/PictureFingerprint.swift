import Foundation

/// What is left of a picture when it is stored again, resized or cut a little at its edges: 64 bits and an outline that choose whom
/// to compare, and a small picture that tells for certain. 5 kB.
///
/// The bits are those of a perceptual hash: signs of the lowest frequencies of a cosine transform about their median (Zauner 2010).
/// Pictures of one body part agree in many of them. Two small pictures are the same where, laid over each other with edges cut as fits
/// best, their details correlate, with the contrast of every place made equal: strong edges are alike in all scans of a body part.
struct PictureFingerprint: Sendable, Hashable {
    /// Side of the picture that it is made of, intensities in 0…1, squashed to a square.
    static let side = 64
    private static let half = 32
    /// Bits that may differ for two pictures to be compared. Pictures cut by 5 % at two edges differ in up to 24.
    static let mostBits = 24
    /// Correlation of outlines, as the pictures lie, under which they are not compared: 0.55 and more for pictures that are the same, and
    /// for one of ten pairs of others.
    private static let leastOutline: Float = 0.5
    /// Correlation of fine details, laid over each other by the outlines alone, under which they are looked at no further: 0.9 and more for
    /// pictures that are the same, and for one of a hundred pairs of other phantoms 0.74.
    private static let leastAtFirst = 0.75
    /// Correlation of fine details from which on they are the same. Stored again in few bits, resized and cut, brain scans and drawn
    /// phantoms come to 0.97 and more; different phantoms to 0.89 and less, different brain scans to 0.69.
    static let leastCorrelation = 0.93
    /// Largest share that is looked for beyond an edge.
    private static let largestMargin = 0.1
    /// Contrast, as a share of the intensities' range, that noise has without anything to see.
    private static let leastContrast: Float = 0.01

    private let bits: UInt64
    /// Scaled to bytes: correlation does not see the scale. The first is half as wide.
    private let outline: [Int8]
    private let fine: [Int8]

    /// - Parameter picture: `side` × `side` intensities.
    init(_ picture: [Float]) {
        bits = Self.hash(picture)
        let near = Self.mean(picture, reach: 2), far = Self.mean(picture, reach: 10)
        outline = Self.bytes(
            (0..<Self.half * Self.half).map { index in
                let place = index / Self.half * 2 * Self.side + index % Self.half * 2
                return near[place] - far[place]
            })
        let details = Self.difference(picture, near)
        let power = Self.mean(details.map { $0 * $0 }, reach: 3)
        fine = Self.bytes(zip(details, power).map { $0 / (max($1, 0).squareRoot() + Self.leastContrast) })
    }

    /// Bits in which two pictures' hashes differ.
    func distance(_ other: PictureFingerprint) -> Int { (bits ^ other.bits).nonzeroBitCount }

    /// Whether both show the same picture.
    func matches(_ other: PictureFingerprint) -> Bool {
        guard resembles(other) else { return false }
        // The one that is cut has finer details: laid over the other it loses none.
        return correlation(other) >= Self.leastCorrelation || other.correlation(self) >= Self.leastCorrelation
    }

    /// Whether it is worth the time to compare them.
    private func resembles(_ other: PictureFingerprint) -> Bool {
        guard distance(other) <= Self.mostBits else { return false }
        var (product, first, second): (Int32, Int32, Int32) = (0, 0, 0)
        outline.withUnsafeBufferPointer { a in
            other.outline.withUnsafeBufferPointer { b in
                for index in 0..<a.count {
                    let (p, q) = (Int32(a[index]), Int32(b[index]))
                    product &+= p &* q
                    first &+= p &* p
                    second &+= q &* q
                }
            }
        }
        guard first > 0, second > 0 else { return first == second }
        return Float(product) >= Self.leastOutline * (Float(first) * Float(second)).squareRoot()
    }

    /// All pairs that show the same picture, of those that `isWanted`; on all cores.
    static func pairs(
        of prints: [PictureFingerprint], isWanted: @Sendable (Int, Int) -> Bool
    ) -> [(first: Int, second: Int)] {
        var found = [[Int]](repeating: [], count: prints.count)
        found.withUnsafeMutableBufferPointer { found in
            nonisolated(unsafe) let found = found
            DispatchQueue.concurrentPerform(iterations: prints.count) { first in
                found[first] = prints.indices[(first + 1)...].filter { second in
                    isWanted(first, second) && prints[first].matches(prints[second])
                }
            }
        }
        return found.enumerated().flatMap { first, others in others.map { (first, $0) } }
    }

    // MARK: What is kept of a picture

    private static let cosine = (0..<8 * half).map {
        cos(.pi * Double($0 / half) * (Double($0 % half) + 0.5) / Double(half))
    }

    private static func hash(_ picture: [Float]) -> UInt64 {
        let n = half
        let small = (0..<n * n).map { index in
            let first = index / n * 2 * side + index % n * 2
            return Double(picture[first] + picture[first + 1] + picture[first + side] + picture[first + side + 1]) / 4
        }
        var rows = [Double](repeating: 0, count: n * 8)
        for row in 0..<n {
            for u in 0..<8 { rows[row * 8 + u] = (0..<n).reduce(0) { $0 + small[row * n + $1] * cosine[u * n + $1] } }
        }
        var values: [Double] = []
        for v in 0..<8 {
            for u in 0..<8 { values.append((0..<n).reduce(0) { $0 + rows[$1 * 8 + u] * cosine[v * n + $1] }) }
        }
        let median = values.dropFirst().sorted()[31]
        return values.enumerated().reduce(0) { $0 | ($1.element > median ? 1 << UInt64($1.offset) : 0) }
    }

    /// The mean of the pixels within `reach` of each, as far as there are some.
    private static func mean(_ picture: [Float], reach: Int) -> [Float] {
        func run(_ values: [Float], along step: Int, across line: Int) -> [Float] {
            var result = values
            for start in 0..<side {
                for place in 0..<side {
                    let range = max(0, place - reach)...min(side - 1, place + reach)
                    let sum = range.reduce(Float(0)) { $0 + values[start * line + $1 * step] }
                    result[start * line + place * step] = sum / Float(range.count)
                }
            }
            return result
        }
        return run(run(picture, along: 1, across: side), along: side, across: 1)
    }

    private static func difference(_ first: [Float], _ second: [Float]) -> [Float] {
        zip(first, second).map { $0 - $1 }
    }

    /// Scaled so that the largest is 127; all 0 where nothing differs from 0 by a millionth.
    private static func bytes(_ values: [Float]) -> [Int8] {
        let largest = values.reduce(0) { max($0, abs($1)) }
        guard largest > 1e-6 else { return [Int8](repeating: 0, count: values.count) }
        return values.map { Int8(($0 * 127 / largest).rounded()) }
    }

    // MARK: Laying one picture over another

    /// The best correlation of fine details over cuts of the four edges: laid over each other by the outlines, then each edge moved as long
    /// as it gets better, unless the first place is too bad for that.
    func correlation(_ other: PictureFingerprint) -> Double {
        var margins = Self.overlay(outline, other.outline)
        let first = Self.correlation(fine, other.fine, margins)
        guard first >= Self.leastAtFirst else { return first }
        return Self.climb(fine, other.fine, &margins, steps: [0.01, 0.005, 0.0025])
    }

    /// The margins with which the second outline, scaled in brightness, differs least from the first: Gauss and Newton's method over four
    /// edges (as Lucas & Kanade 1981 align pictures).
    private static func overlay(_ first: [Int8], _ second: [Int8]) -> SIMD4<Double> {
        let last = Float(half - 1)
        var margins = SIMD4<Float>(), gain: Float = 1
        for round in 0..<7 {
            var normal = (SIMD4<Float>(), SIMD4<Float>(), SIMD4<Float>(), SIMD4<Float>()), right = SIMD4<Float>()
            var product: Float = 0, square: Float = 0, own: Float = 0
            let columns = Track(from: Double(margins[0]), to: Double(margins[1]), side: half)
            let rows = Track(from: Double(margins[2]), to: Double(margins[3]), side: half)
            first.withUnsafeBufferPointer { a in
                second.withUnsafeBufferPointer { b in
                    for row in rows.places {
                        let down = Float(row.own) / last
                        for column in columns.places {
                            let corner = row.other * half + column.other
                            let (b0, b1) = (Float(b[corner]), Float(b[corner + 1]))
                            let (b2, b3) = (Float(b[corner + half]), Float(b[corner + half + 1]))
                            let top = b0 + (b1 - b0) * column.part, bottom = b2 + (b3 - b2) * column.part
                            let p = Float(a[row.own * half + column.own]), q = top + (bottom - top) * row.part
                            product += p * q
                            square += q * q
                            own += p * p
                            let across = Float(column.own) / last
                            let dx = gain * last * ((b1 - b0) + ((b3 - b2) - (b1 - b0)) * row.part)
                            let dy = gain * last * (bottom - top)
                            let slope = SIMD4<Float>(dx * (1 - across), -dx * across, dy * (1 - down), -dy * down)
                            normal.0 += slope * slope[0]
                            normal.1 += slope * slope[1]
                            normal.2 += slope * slope[2]
                            normal.3 += slope * slope[3]
                            right += slope * (p - gain * q)
                        }
                    }
                }
            }
            guard square > 0, own > 0 else { break }
            // The first round only finds the brightness.
            gain = round == 0 ? (own / square).squareRoot() : max(product / square, 0.1 * gain)
            guard round > 0 else { continue }
            let step = solve(normal, right)
            margins += step.clamped(lowerBound: SIMD4(repeating: -0.05), upperBound: SIMD4(repeating: 0.05))
            let most = SIMD4(repeating: Float(largestMargin))
            margins.clamp(lowerBound: -most, upperBound: most)
            if max(step.max(), -step.min()) < 0.001 { break }
        }
        return SIMD4<Double>(margins)
    }

    /// Four equations, their diagonal made a little heavier, by elimination.
    private static func solve(
        _ normal: (SIMD4<Float>, SIMD4<Float>, SIMD4<Float>, SIMD4<Float>), _ right: SIMD4<Float>
    ) -> SIMD4<Float> {
        var rows = [normal.0, normal.1, normal.2, normal.3], right = right
        let weight = 1e-3 * (normal.0[0] + normal.1[1] + normal.2[2] + normal.3[3])
        guard weight > 0 else { return SIMD4() }
        for index in 0..<4 { rows[index][index] += weight }
        for pivot in 0..<4 {
            for row in pivot + 1..<4 {
                let share = rows[row][pivot] / rows[pivot][pivot]
                rows[row] -= rows[pivot] * share
                right[row] -= right[pivot] * share
            }
        }
        for row in (0..<4).reversed() {
            for column in row + 1..<4 { right[row] -= rows[row][column] * right[column] }
            right[row] /= rows[row][row]
        }
        return right
    }

    /// Single edges, both of a direction to one side (a cut of one, or another size) or against each other (a shift), and all.
    private static let moves: [SIMD4<Double>] = [
        [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [1, -1, 0, 0], [0, 0, 1, 1],
        [0, 0, 1, -1], [1, 1, 1, 1],
    ]

    private static func climb(
        _ first: [Int8], _ second: [Int8], _ margins: inout SIMD4<Double>, steps: [Double]
    ) -> Double {
        var best = correlation(first, second, margins)
        for step in steps {
            var isBetter = true, rounds = 0
            while isBetter, rounds < 8 {
                isBetter = false
                rounds += 1
                for move in moves {
                    for sign in [step, -step] {
                        let next = margins + sign * move
                        guard max(next.max(), -next.min()) <= largestMargin + 1e-9 else { continue }
                        let value = correlation(first, second, next)
                        if value > best + 1e-6 { (best, margins, isBetter) = (value, next, true) }
                    }
                }
            }
        }
        return best
    }

    /// Where a row or column of one picture lies in the other, as far as it does.
    private struct Track {
        let places: [(own: Int, other: Int, part: Float)]

        init(from margin: Double, to end: Double, side: Int) {
            let last = Double(side - 1)
            places = (0..<side).compactMap { own in
                let place = margin * last + Double(own) * (1 - margin - end)
                guard place >= 0, place <= last else { return nil }
                let other = min(Int(place), side - 2)
                return (own, other, Float(place - Double(other)))
            }
        }
    }

    /// The correlation with the part of `second` inside the margins (beyond its edges where they are negative).
    private static func correlation(
        _ first: [Int8], _ second: [Int8], _ margins: SIMD4<Double>
    ) -> Double {
        let columns = Track(from: margins[0], to: margins[1], side: side)
        let rows = Track(from: margins[2], to: margins[3], side: side)
        var (sums, squares, products) = ((Float(0), Float(0)), (Float(0), Float(0)), Float(0))
        first.withUnsafeBufferPointer { a in
            second.withUnsafeBufferPointer { b in
                columns.places.withUnsafeBufferPointer { columns in
                    for row in rows.places {
                        let (own, upper) = (row.own * side, row.other * side)
                        for column in columns {
                            let corner = upper + column.other
                            let (b0, b1) = (Float(b[corner]), Float(b[corner + 1]))
                            let (b2, b3) = (Float(b[corner + side]), Float(b[corner + side + 1]))
                            let top = b0 + (b1 - b0) * column.part, bottom = b2 + (b3 - b2) * column.part
                            let p = Float(a[own + column.own]), q = top + (bottom - top) * row.part
                            sums = (sums.0 + p, sums.1 + q)
                            squares = (squares.0 + p * p, squares.1 + q * q)
                            products += p * q
                        }
                    }
                }
            }
        }
        let count = Float(columns.places.count * rows.places.count)
        let variances = (squares.0 - sums.0 * sums.0 / count, squares.1 - sums.1 * sums.1 / count)
        // Two blanks have nothing to tell them apart.
        guard variances.0 > 0, variances.1 > 0 else { return squares.0 == 0 && squares.1 == 0 ? 1 : 0 }
        return Double((products - sums.0 * sums.1 / count) / (variances.0 * variances.1).squareRoot())
    }
}
