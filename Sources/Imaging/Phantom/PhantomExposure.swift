import Foundation

/// What the X-ray tube and the detector make of a phantom's density: exposure, contrast, uneven field, noise.
struct PhantomExposure {
    private let black: Double
    private let gain: Double
    private let gamma: Double
    private let noise: Double
    private let tilt: (x: Double, y: Double)

    init(using generator: inout SeededGenerator) {
        black = generator.uniform(0.02...0.10)
        gain = generator.uniform(0.55...0.85)
        gamma = generator.uniform(0.8...1.25)
        noise = generator.uniform(0.006...0.02)
        tilt = (generator.uniform(-0.06...0.06), generator.uniform(-0.06...0.06))
    }

    /// Turns densities (`[height, width]`, 0 air … 1 bone on bone) into 16-bit samples.
    func develop(
        _ density: [Double], width: Int, height: Int, using generator: inout SeededGenerator
    ) -> [UInt16] {
        var samples = [UInt16](repeating: 0, count: width * height)
        for row in 0..<height {
            for column in 0..<width {
                let clean = pow(min(max(density[row * width + column], 0), 1.4), gamma)
                let field =
                    1 + tilt.x * (2 * Double(column) / Double(width) - 1) + tilt.y
                    * (2 * Double(row) / Double(height) - 1)
                // Quantum noise: dense parts let fewer photons through.
                let grain = noise * (0.5 + clean) * generator.normal()
                let value = black + gain * field * (clean * 0.8 + grain)
                samples[row * width + column] = UInt16(min(max(value, 0), 1) * 65_535)
            }
        }
        return samples
    }
}
