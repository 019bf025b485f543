/// A thread's own working memory: offsets of its parts, in floats, each as large as the unit that needs most of it.
struct ScratchMemory: Sendable {
    /// Rows that a product reads, those that go into its gradient, and a matrix in the products' order.
    var input = 0
    var gradient = 0
    var panels = 0
    /// A map with zeros around it, and its gradient.
    var padded = 0
    var paddedGradient = 0
    /// What a band gives, on its way to memory.
    var output = 0
    /// All of it.
    var floats = 0
}

extension TrainingPlan {
    /// Floats of a band of rows: what stays in the second-level cache beside the weights.
    private static let bandFloats = 96 << 10
    /// Floats of a depthwise convolution's band.
    private static let lineFloats = 104 << 10
    /// A multiple of every tile's height.
    private static let bandStep = 84

    /// Rows that pass through a unit's product at once.
    static func rows(_ unit: ConvolutionUnit) -> Int {
        let row = unit.depth + unit.output.channels
        return max(1, bandFloats / row / bandStep) * bandStep
    }

    /// Channels of a depthwise convolution that pass at once: all, so that memory is read as it lies, or as few equal parts of them as
    /// let four lines of the output stay in the second-level cache.
    static func group(_ unit: ConvolutionUnit) -> Int {
        let channels = unit.output.channels
        let window = window(unit, lines: min(4, unit.output.height))
        let parts = (1...channels).first { window.lines * window.pixels * part(channels, $0) <= lineFloats }
        return part(channels, parts ?? channels)
    }

    /// A multiple of every vector's width.
    private static func part(_ channels: Int, _ parts: Int) -> Int {
        min(channels, (channels + 16 * parts - 1) / (16 * parts) * 16)
    }

    /// Lines of the output that pass through a depthwise convolution at once, in bands of the same height.
    static func lines(_ unit: ConvolutionUnit) -> Int {
        let height = unit.output.height, group = group(unit)
        let bands = (1...height).first { bands in
            let window = window(unit, lines: (height + bands - 1) / bands)
            return window.lines * window.pixels * group <= lineFloats
        }
        return (height + (bands ?? height) - 1) / (bands ?? height)
    }

    /// Lines and pixels of the input that `lines` lines of the output see.
    static func window(_ unit: ConvolutionUnit, lines: Int) -> (lines: Int, pixels: Int) {
        let pixels = max(
            (unit.output.width - 1) * unit.stride + unit.kernel, unit.left + unit.inputShape.width)
        return ((lines - 1) * unit.stride + unit.kernel, pixels)
    }

    /// The gradient that some lines of the input come from, with zeros around it: its first line and pixel, and how many there are.
    static func gradientWindow(
        _ unit: ConvolutionUnit, owned: Range<Int>
    ) -> (line: Int, pixel: Int, lines: Int, pixels: Int) {
        func first(_ position: Int) -> Int {
            // Rounded down, below 0 too.
            let reach = position - (unit.kernel - 1)
            return reach >= 0 ? reach / unit.stride : -((unit.stride - 1 - reach) / unit.stride)
        }
        let line = first(owned.lowerBound + unit.top), pixel = first(unit.left)
        return (
            line, pixel, (owned.upperBound - 1 + unit.top) / unit.stride - line + 1,
            (unit.inputShape.width - 1 + unit.left) / unit.stride - pixel + 1
        )
    }

    /// The lines of the input that a band of lines of the output hands a gradient to: each line belongs to one band.
    static func owned(_ unit: ConvolutionUnit, _ lines: Range<Int>) -> Range<Int> {
        let isLast = lines.upperBound == unit.output.height
        return lines.lowerBound * unit.stride..<(isLast ? unit.inputShape.height : lines.upperBound * unit.stride)
    }

    /// Bands of lines of a depthwise convolution's output.
    static func bands(_ unit: ConvolutionUnit) -> [Range<Int>] {
        let step = lines(unit)
        return stride(from: 0, to: unit.output.height, by: step).map { $0..<min($0 + step, unit.output.height) }
    }

    /// Lines and pixels of a full convolution's input with zeros around it.
    static func paddedShape(_ unit: ConvolutionUnit) -> (lines: Int, pixels: Int) {
        let lines = max((unit.output.height - 1) * unit.stride + unit.kernel, unit.top + unit.inputShape.height)
        return (lines, window(unit, lines: 1).pixels)
    }

    /// Gives every part its place.
    mutating func allocate() {
        var memory = Allotment(), partials = Allotment()
        func place(_ dense: inout DensePlan) {
            dense.packed = memory.take(dense.outputRow * dense.inputs)
            dense.transposed = memory.take(dense.inputRow * dense.outputs)
            dense.bias = memory.take(dense.outputRow)
            dense.partial = partials.take(dense.outputs * dense.inputRow)
            dense.biasPartial = partials.take(dense.outputs)
        }
        for index in units.indices {
            let unit = units[index]
            let channels = unit.output.channels
            let weights = layout.entries[unit.weight].count
            widest = max(widest, channels, unit.depth)
            units[index].memory.z = memory.take(batch * unit.output.count)
            units[index].memory.coefficients = memory.take(6 * channels)
            let packed = unit.kind == .depthwise ? weights : unit.depth * channels
            units[index].memory.packed = memory.take(packed)
            if unit.kind != .depthwise, unit.input != .image {
                units[index].memory.transposed = memory.take(packed)
            }
            if unit.kind == .full { units[index].memory.permuted = memory.take(weights) }
            units[index].memory.partial = partials.take(unit.partial.rows * unit.partial.columns)
            if case .slot(let slot) = unit.gradient {
                slots[slot].largest = max(slots[slot].largest, unit.output.count)
            }
        }
        for index in maps.indices { maps[index].offset = memory.take(batch * maps[index].shape.count) }
        for index in gates.indices {
            place(&gates[index].reduce)
            place(&gates[index].excite)
            let wide = batch * gates[index].excite.outputRow, narrow = batch * gates[index].reduce.outputRow
            gates[index].averages = memory.take(wide)
            gates[index].gate = memory.take(wide)
            gates[index].gateGradient = memory.take(wide)
            gates[index].shift = memory.take(wide)
            gates[index].reduced = memory.take(narrow)
            gates[index].activated = memory.take(narrow)
            gates[index].activatedGradient = memory.take(narrow)
        }
        var lengths = [featuresCount]
        for index in head.indices {
            switch head[index] {
            case .dense(var dense, let isRectified):
                place(&dense)
                head[index] = .dense(dense, isRectified: isRectified)
                lengths.append(dense.outputs)
            case .dropout(let count): lengths.append(count)
            }
        }
        for dense in matrices { widest = max(widest, dense.inputRow, dense.outputRow) }
        vectors = lengths.map { memory.take(batch * (($0 + 7) / 8 * 8)) }
        vectorGradients = lengths.map { memory.take(batch * (($0 + 7) / 8 * 8)) }
        mapGradient.largest = maps.map(\.shape.count).max() ?? 0
        mapGradient.offset = memory.take(batch * mapGradient.largest)
        for slot in slots.indices { slots[slot].offset = memory.take(batch * slots[slot].largest) }
        zeros = memory.take(widest)
        sharedFloats = memory.taken
        partialFloats = partials.taken
        allocateScratch()
    }

    /// Every matrix over vectors.
    var matrices: [DensePlan] {
        gates.flatMap { [$0.reduce, $0.excite] }
            + head.compactMap { step in if case .dense(let dense, _) = step { dense } else { nil } }
    }

    private mutating func allocateScratch() {
        var needs = ScratchMemory()
        for unit in units {
            let rows = min(Self.rows(unit), batch * unit.output.area)
            let channels = unit.inputShape.channels
            switch unit.kind {
            case .pointwise:
                needs.input = max(needs.input, rows * channels)
                needs.gradient = max(needs.gradient, rows * unit.output.channels)
                needs.panels = max(needs.panels, rows * min(channels, unit.output.channels))
                needs.output = max(needs.output, rows * max(channels, unit.output.channels))
            case .full:
                let padded = Self.paddedShape(unit)
                needs.padded = max(needs.padded, padded.lines * padded.pixels * channels)
                if unit.input != .image {
                    needs.paddedGradient = max(needs.paddedGradient, padded.lines * padded.pixels * channels)
                    needs.output = max(needs.output, rows * unit.depth)
                }
                needs.input = max(needs.input, rows * unit.depth)
                needs.gradient = max(needs.gradient, rows * unit.output.channels)
                needs.panels = max(needs.panels, rows * unit.depth)
            case .depthwise:
                let group = Self.group(unit)
                for band in Self.bands(unit) {
                    let window = Self.window(unit, lines: band.count), owned = Self.owned(unit, band)
                    let gradient = Self.gradientWindow(unit, owned: owned)
                    needs.padded = max(needs.padded, window.lines * window.pixels * group)
                    needs.paddedGradient = max(needs.paddedGradient, gradient.lines * gradient.pixels * group)
                    needs.output = max(
                        needs.output, owned.count * unit.inputShape.width * group,
                        band.count * unit.output.width * group)
                }
            }
        }
        for dense in matrices { needs.panels = max(needs.panels, batch * dense.inputRow) }
        var memory = Allotment()
        scratch.input = memory.take(needs.input)
        scratch.gradient = memory.take(needs.gradient)
        scratch.panels = memory.take(needs.panels)
        scratch.padded = memory.take(needs.padded)
        scratch.paddedGradient = memory.take(needs.paddedGradient)
        scratch.output = memory.take(needs.output)
        scratch.floats = memory.taken
    }

    /// Hands out floats of a block that does not exist yet, on boundaries of cache lines.
    private struct Allotment {
        private(set) var taken = 0

        mutating func take(_ count: Int) -> Int {
            defer { taken += (count + 15) / 16 * 16 }
            return taken
        }
    }
}
