import CKernels
import EfficientNet

/// Finds what a rule comes to in one frame, and puts it into the kernels' words; keeps the memory of histogram and tables.
final class IntensityRule {
    private var bins: [UInt64] = []
    private let curve = ToneCurve()

    /// The rule for one frame, as the kernels take it, good until the next call and as long as this value lives. `samples` hold all of the
    /// frame: the caller's promise. `planes` hold the tables of its tone.
    ///
    /// Throws ``ImagingError/noFiniteSample``, and ``ImagingError/badGeometry(_:)`` where a table is not in the planes.
    func resolve(
        _ rule: Preprocessing.Intensity, _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer,
        planes: UnsafeRawBufferPointer
    ) throws(ImagingError) -> nr_intensity {
        let resolved = try choose(rule, geometry, samples: samples, planes: planes)
        var intensity = Self.picture(geometry)
        guard case .line(let black, let white) = resolved.curve, geometry.tone.modalityTable == nil else {
            if resolved.curve == .palette {
                intensity.inverted = 0
                intensity.in_steps = geometry.tone.palette.allSatisfy { $0.bits == 8 } ? 1 : 0
            }
            try curve.apply(resolved.curve, geometry, planes: planes, to: &intensity)
            return intensity
        }
        let tone = geometry.tone
        if resolved.origin == .fullRange, geometry.sample == .u8, geometry.bits == 8 {
            // Turned by a negative slope in whole steps as well.
            intensity.in_steps = 1
            if tone.slope < 0 { intensity.inverted = 1 - intensity.inverted }
        }
        let slope = intensity.in_steps == 1 ? abs(tone.slope) : tone.slope
        // In stored units. Nothing lies between equal bounds: what is above them is 1, everything else 0, a constant frame 0.
        intensity.low = ((tone.slope < 0 && intensity.in_steps == 1 ? white : black) - tone.intercept) / tone.slope
        intensity.scale =
            white > black
            ? slope / (white - black) : slope < 0 ? -Self.steepest : Self.steepest
        // Samples of up to 16 bits are worked on in single precision, which does not hold every number that a file can name.
        if geometry.sample.size <= 2, !(abs(intensity.low) <= 0x1p24 && abs(intensity.scale) <= Self.steepest) {
            try curve.apply(resolved.curve, geometry, planes: planes, to: &intensity)
        }
        return intensity
    }

    private static let steepest = Double(Float.greatestFiniteMagnitude)

    /// The samples of `geometry`, with nothing done to them but min-is-white turned.
    private static func picture(_ geometry: FrameGeometry) -> nr_intensity {
        var picture = nr_intensity()
        picture.sample = geometry.sample.rawValue
        picture.channels = UInt32(geometry.channels)
        picture.colours = UInt32(geometry.preparedChannels)
        picture.inverted = geometry.flags.contains(.minIsWhite) ? 1 : 0
        picture.scale = 1
        return picture
    }

    /// What the rule comes to; throws as ``resolve(_:_:samples:planes:)`` does.
    func choose(
        _ rule: Preprocessing.Intensity, _ geometry: FrameGeometry, samples: UnsafeRawBufferPointer,
        planes: UnsafeRawBufferPointer
    ) throws(ImagingError) -> ResolvedIntensity {
        if !geometry.tone.palette.isEmpty { return ResolvedIntensity(.palette, .palette) }
        var picture = Self.picture(geometry)
        let pixels = UInt64(geometry.width * geometry.height)
        guard nr_has_finite(&picture, samples.baseAddress, pixels) != 0 else { throw .noFiniteSample }
        switch rule {
        case .fullRange: return Self.fullRange(geometry)
        case .window(let center, let width, let function):
            let window = Tone.Window(center: center, width: width)
            return ResolvedIntensity(
                window.curve(Tone.Function(function)), .settings(window, Tone.Function(function)))
        case .percentile(let low, let high):
            return try percentiles(low, high, .percentiles(low: low, high: high), geometry, samples, planes)
        case .file(let name):
            if let display = Self.display(name, geometry) { return display }
            return try percentiles(0, 100, .extremes, geometry, samples, planes)
        }
    }

    /// What the file says of its display; nil where that is the range of what the frame holds.
    private static func display(_ name: String?, _ geometry: FrameGeometry) -> ResolvedIntensity? {
        let tone = geometry.tone
        // Windows and VOI LUTs are of one gray value (PS3.3 C.11.2).
        if geometry.preparedChannels == 3 { return fullRange(geometry) }
        let named = name.flatMap { name in
            tone.windows.first { $0.explanation.lowercased() == name.lowercased() }
        }
        let missing = named == nil ? name : nil
        if let window = named ?? (name == nil && tone.voiTable != nil ? nil : tone.windows.first) {
            return ResolvedIntensity(
                window.curve(tone.function), .fileWindow(window, tone.function, missing: missing))
        }
        if let table = tone.voiTable { return ResolvedIntensity(.table(table), .fileTable(missing: missing)) }
        let isWide = geometry.bits > 8 || geometry.sample.isFloatingPoint
        return geometry.flags.contains(.measured) && isWide ? nil : fullRange(geometry)
    }

    /// The range of the stored bits: two's complement for signed integers, 0…1 for floating point. With a modality LUT, of its entries.
    private static func fullRange(_ geometry: FrameGeometry) -> ResolvedIntensity {
        let tone = geometry.tone
        if let table = tone.modalityTable {
            return ResolvedIntensity(.line(black: 0, white: Double((1 << table.bits) - 1)), .fullRange)
        }
        var (low, high) = (0.0, 1.0)
        if !geometry.sample.isFloatingPoint {
            high = Double(UInt64(1) << UInt64(geometry.bits)) - 1
            if geometry.sample.isSigned { (low, high) = (-(high + 1) / 2, (high - 1) / 2) }
        }
        return ResolvedIntensity(line(low, high, tone), .fullRange)
    }

    /// Two stored values as modality values, the smaller one first.
    private static func line(_ low: Double, _ high: Double, _ tone: Tone) -> ResolvedIntensity.Curve {
        let (a, b) = (low * tone.slope + tone.intercept, high * tone.slope + tone.intercept)
        return .line(black: min(a, b), white: max(a, b))
    }

    /// Percentiles of all modality values together, NaN and infinities left out, interpolated as numpy.percentile does by default.
    private func percentiles(
        _ low: Double, _ high: Double, _ origin: ResolvedIntensity.Origin, _ geometry: FrameGeometry,
        _ samples: UnsafeRawBufferPointer, _ planes: UnsafeRawBufferPointer
    ) throws(ImagingError) -> ResolvedIntensity {
        if bins.isEmpty { bins = [UInt64](repeating: 0, count: 65_536) }
        var picture = Self.picture(geometry)
        let pixels = UInt64(geometry.width * geometry.height)
        let tone = geometry.tone
        if let place = tone.modalityTable {
            var table = try curve.modalityTable(place, planes: planes)
            let count = nr_table_histogram(
                &table, picture.sample, picture.channels, picture.colours, samples.baseAddress, pixels, &bins)
            let (black, white) = Self.interpolated(low, high, count: count) { ranks in ranks.map(entry(atRank:)) }
            return ResolvedIntensity(.line(black: black, white: white), origin)
        }
        let count = nr_count_finite(&picture, samples.baseAddress, pixels)
        // Where the slope is negative, the largest stored sample is the smallest modality value.
        let (first, second) = tone.slope < 0 ? (100 - high, 100 - low) : (low, high)
        let (a, b) = Self.interpolated(first, second, count: count) { ranks in
            var values = [Double](repeating: 0, count: 4)
            nr_order_statistics(&picture, samples.baseAddress, pixels, ranks, 4, &values, &bins)
            return values
        }
        return ResolvedIntensity(Self.line(a, b, tone), origin)
    }

    /// The entry of a modality LUT that the sample at `rank` has, by the histogram in `bins`.
    private func entry(atRank rank: UInt64) -> Double {
        var before: UInt64 = 0
        for (entry, count) in bins.enumerated() {
            before += count
            if rank < before { return Double(entry) }
        }
        return Double(bins.count - 1)
    }

    /// Two percentiles of `count` sorted numbers; `values` finds those at ascending ranks.
    private static func interpolated(
        _ low: Double, _ high: Double, count: UInt64, _ values: ([UInt64]) -> [Double]
    ) -> (low: Double, high: Double) {
        let positions = (Double(count - 1) * low / 100, Double(count - 1) * high / 100)
        let ranks = [positions.0, positions.1].flatMap { position in
            [UInt64(position), min(UInt64(position) + 1, count - 1)]
        }
        let found = values(ranks)
        return (
            between(found[0], found[1], at: positions.0 - positions.0.rounded(.down)),
            between(found[2], found[3], at: positions.1 - positions.1.rounded(.down))
        )
    }

    /// The number that lies `t` of the way from `a` to `b`, rounded as numpy does.
    static func between(_ a: Double, _ b: Double, at t: Double) -> Double {
        t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t)
    }
}
