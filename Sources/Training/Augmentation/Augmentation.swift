import Foundation
import Imaging

/// Small changes of a picture that another exposure of the same patient could have: each drawn evenly from its range, anew for every
/// epoch, and the same for the same seed.
///
/// Flips are off unless asked for: a mirrored thorax has its heart on the other side.
public struct Augmentation: Sendable, Hashable, Codable {
    /// Mirrorings, each with a chance of one half.
    public enum Flip: String, Sendable, Hashable, Codable, CaseIterable {
        /// None.
        case none
        /// Left and right change places.
        case horizontal
        /// Top and bottom change places.
        case vertical
        /// Either.
        case both
    }

    /// Degrees to either side.
    public var rotation = 0.0
    /// Of the side, in either direction, across and down.
    public var shift = 0.0
    /// From 1 / (1 + scale) to 1 + scale.
    public var scale = 0.0
    /// Added to intensities, to either side.
    public var brightness = 0.0
    /// Intensities' distance from the middle gray, times 1 ± contrast.
    public var contrast = 0.0
    /// Intensities to the power of 1 / (1 + gamma) to 1 + gamma.
    public var gamma = 0.0
    /// Standard deviation of noise that is added to each pixel.
    public var noise = 0.0
    /// Mirrorings.
    public var flip = Flip.none

    /// No changes.
    public init() {}

    /// Whether there is nothing to change.
    public var isNone: Bool { self == Augmentation() }

    /// One draw of the changes.
    struct Draw {
        /// From the result's pixel to the picture's, about the middle: columns' and rows' factors.
        var across = (1.0, 0.0), down = (0.0, 1.0)
        var shift = (0.0, 0.0)
        var brightness = 0.0, contrast = 1.0, gamma = 1.0, noise = 0.0
        var generator: SeededGenerator

        var isGeometric: Bool { across != (1, 0) || down != (0, 1) || shift != (0, 0) }
    }

    /// The changes of a picture in a round: the same for the same seed, round and picture.
    func draw(seed: UInt64, round: Int, picture: Int) -> Draw {
        let stream = Draws.mix(UInt64(truncatingIfNeeded: round) &* 0x9E37_79B9 &+ Draws.mix(UInt64(picture)))
        var generator = SeededGenerator(seed: seed, stream: stream)
        func even(_ range: Double) -> Double { range > 0 ? generator.uniform(-range...range) : 0 }
        let angle = even(rotation) * .pi / 180
        // Larger and smaller alike: as often doubled as halved.
        let zoom = exp(even(log(1 + scale)))
        let shift = (even(self.shift), even(self.shift))
        let horizontal = generator.next() & 1 == 1 && (flip == .horizontal || flip == .both)
        let vertical = generator.next() & 1 == 1 && (flip == .vertical || flip == .both)
        let (cosine, sine) = (cos(angle) / zoom, sin(angle) / zoom)
        var draw = Draw(generator: generator)
        draw.across = (horizontal ? -cosine : cosine, vertical ? -sine : sine)
        draw.down = (horizontal ? sine : -sine, vertical ? -cosine : cosine)
        draw.shift = shift
        draw.brightness = even(brightness)
        draw.contrast = 1 + even(contrast)
        draw.gamma = exp(even(log(1 + gamma)))
        draw.noise = noise
        draw.generator = generator
        return draw
    }

    /// Changes `planes` square pictures of `side` pixels, one behind the other, intensities in 0…1.
    static func apply(_ draw: Draw, to pixels: inout [Float], planes: Int, side: Int) {
        var draw = draw
        if draw.isGeometric { pixels = moved(draw, pixels, planes: planes, side: side) }
        let gamma = Float(draw.gamma), contrast = Float(draw.contrast), noise = Float(draw.noise)
        let offset = Float(draw.brightness) + 0.5 - 0.5 * contrast
        guard gamma != 1 || contrast != 1 || draw.brightness != 0 || noise > 0 else { return }
        pixels.withUnsafeMutableBufferPointer { pixels in
            for index in pixels.indices {
                var value = min(max(pixels[index], 0), 1)
                if gamma != 1 { value = powf(value, gamma) }
                value = value * contrast + offset
                if noise > 0 { value += noise * Float(draw.generator.normal()) }
                pixels[index] = min(max(value, 0), 1)
            }
        }
    }

    /// The picture turned, moved and scaled about its middle, bilinear; what comes from beyond its edge is black, as padding is.
    private static func moved(_ draw: Draw, _ pixels: [Float], planes: Int, side: Int) -> [Float] {
        var result = [Float](repeating: 0, count: pixels.count)
        let middle = Double(side - 1) / 2, size = Double(side)
        pixels.withUnsafeBufferPointer { from in
            result.withUnsafeMutableBufferPointer { to in
                for row in 0..<side {
                    for column in 0..<side {
                        let x = Double(column) - middle - draw.shift.0 * size,
                            y = Double(row) - middle - draw.shift.1 * size
                        let sourceX = draw.across.0 * x + draw.across.1 * y + middle
                        let sourceY = draw.down.0 * x + draw.down.1 * y + middle
                        let left = sourceX.rounded(.down), top = sourceY.rounded(.down)
                        guard left >= -1, top >= -1, left < size, top < size else { continue }
                        let (x0, y0) = (Int(left), Int(top))
                        let (right, bottom) = (Float(sourceX - left), Float(sourceY - top))
                        for plane in 0..<planes {
                            let base = plane * side * side
                            func pixel(_ x: Int, _ y: Int) -> Float {
                                x >= 0 && y >= 0 && x < side && y < side ? from[base + y * side + x] : 0
                            }
                            let upper = pixel(x0, y0) * (1 - right) + pixel(x0 + 1, y0) * right
                            let lower = pixel(x0, y0 + 1) * (1 - right) + pixel(x0 + 1, y0 + 1) * right
                            to[base + row * side + column] = upper * (1 - bottom) + lower * bottom
                        }
                    }
                }
            }
        }
        return result
    }
}
