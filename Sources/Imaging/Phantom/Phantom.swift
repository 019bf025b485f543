/// A drawn chest radiograph with a known answer: what the demo study and many tests are made of.
///
/// It resembles a chest film closely enough to exercise the whole way of a scan (16-bit, uneven exposure, noise, varying
/// pose) and is made by formula, so that nobody's picture is shipped. It says nothing about real lungs.
public struct Phantom: Sendable {
    /// What the phantom shows; the labels of the demo models, in this order.
    public enum Label: String, CaseIterable, Sendable {
        case normal, nodule, effusion
    }

    /// A rectangle in pixels; `x`, `y` is its upper left corner.
    public struct Box: Sendable, Hashable {
        /// Left edge.
        public var x: Int
        /// Upper edge.
        public var y: Int
        /// At least 1.
        public var width: Int
        /// At least 1.
        public var height: Int
    }

    /// What the phantom shows.
    public let label: Label
    /// Where the lesions are: one box per nodule or side with fluid; empty for `normal`.
    public let lesions: [Box]
    /// In pixels.
    public let width: Int
    /// In pixels.
    public let height: Int
    /// `[height, width]`, 16 bits, bright is dense (MONOCHROME2).
    public let samples: [UInt16]

    /// Draws phantom `index` of the study `seed`. The same pair always gives the same picture.
    ///
    /// Labels come in blocks of three, each block a shuffle of all three, so that every study is balanced.
    public init(seed: UInt64, index: Int) {
        var blocks = SeededGenerator(seed: seed, stream: UInt64(index / 3) &* 2 &+ 1)
        let labels = Label.allCases.shuffled(using: &blocks)
        var generator = SeededGenerator(seed: seed, stream: UInt64(index) &* 2)
        self.init(label: labels[index % 3], using: &generator)
    }

    /// Draws one phantom of a given label.
    public init(label: Label, using generator: inout SeededGenerator) {
        let anatomy = PhantomAnatomy(label: label, using: &generator)
        self.label = label
        width = 16 * Int(generator.uniform(30...37))
        height = 16 * Int(generator.uniform(32...40))

        let exposure = PhantomExposure(using: &generator)
        var density = [Double](repeating: 0, count: width * height)
        let scale = 2 / Double(min(width, height))
        for row in 0..<height {
            for column in 0..<width {
                density[row * width + column] = anatomy.density(
                    x: (Double(column) + 0.5 - Double(width) / 2) * scale,
                    y: (Double(row) + 0.5 - Double(height) / 2) * scale)
            }
        }
        samples = exposure.develop(density, width: width, height: height, using: &generator)
        lesions = anatomy.lesions(width: width, height: height)
    }
}
