import CKernels
import Foundation
import Tensors
import Testing
import WeightFixtures

/// The kernels by definition, on shapes, strides and tails that no network has.
@Suite("Training's kernels")
struct TrainingKernelTests {
    /// A map with gaps between its pixels and lines, which nothing may write into.
    final class Map {
        static let gap: Float = -12345.678
        let storage: UnsafeMutablePointer<Float>
        let count: Int
        let lines: Int
        let pixels: Int
        let channels: Int
        let pixel: Int
        let line: Int

        init(_ name: String, _ extent: nr_extent, gap: Int, range: Float = 3) {
            (lines, pixels, channels) = (Int(extent.lines), Int(extent.pixels), Int(extent.channels))
            pixel = channels + gap
            line = pixels * pixel + 3 * gap
            count = lines * line + 16
            // On a cache line's boundary, as the trainer's memory.
            storage = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
                .bindMemory(to: Float.self, capacity: count)
            storage.initialize(repeating: Self.gap, count: count)
            let values = SeededWeights.uniform(name, seed: 21, count: lines * pixels * channels)
            for (index, value) in values.enumerated() { storage[place(index)] = range * Float(value) }
        }

        deinit { storage.deallocate() }

        func place(_ index: Int) -> Int {
            let (position, c) = index.quotientAndRemainder(dividingBy: channels)
            return position / pixels * line + position % pixels * pixel + c
        }

        var map: nr_map { nr_map(values: storage, pixel: pixel, line: line) }
        var values: [Double] { (0..<lines * pixels * channels).map { Double(storage[place($0)]) } }
        var isIntact: Bool {
            let held = Set((0..<lines * pixels * channels).map(place))
            return (0..<count).allSatisfy { held.contains($0) || storage[$0] == Self.gap }
        }
    }

    static let activations = [NR_LINEAR, NR_SWISH, NR_RELU, NR_RELU6].map { Int32($0.rawValue) }
    /// Lines, pixels, channels, gap.
    static let shapes = [(1, 1, 8, 0), (3, 5, 24, 0), (2, 7, 40, 5), (1, 600, 16, 0), (4, 3, 152, 8), (5, 6, 72, 1)]

    static func kernels(_ isa: InstructionSet) throws -> nr_training {
        switch isa {
        case .portable: try #require(nr_training_portable()).pointee
        case .avx2: try #require(nr_training_avx2()).pointee
        case .avx512: try #require(nr_training_avx512()).pointee
        }
    }

    /// Numbers by channel.
    final class Channels {
        let values: [Float]
        let pointer: UnsafeMutablePointer<Float>

        init(_ name: String, _ count: Int, _ range: Float = 1, around middle: Float = 0) {
            values = SeededWeights.uniform(name, seed: 22, count: count).map { middle + range * Float($0) }
            pointer = .allocate(capacity: count)
            pointer.initialize(from: values, count: count)
        }

        deinit { pointer.deallocate() }
        subscript(index: Int) -> Double { Double(values[index % values.count]) }
    }

    private struct Norm {
        let mean, scale, bias: Channels

        init(_ channels: Int) {
            mean = Channels("mean", channels)
            scale = Channels("scale", channels, 0.5, around: 2)
            bias = Channels("bias", channels, 2)
        }

        func c(_ activation: Int32) -> nr_norm {
            nr_norm(mean: mean.pointer, scale: scale.pointer, bias: bias.pointer, activation: activation)
        }

        func normal(_ z: Double, _ index: Int) -> Double { (z - mean[index]) * scale[index] + bias[index] }
    }

    private static func activate(_ y: Double, _ activation: Int32) -> Double {
        switch activation {
        case 1: y / (1 + exp(-y))
        case 2: max(y, 0)
        case 4: min(max(y, 0), 6)
        default: y
        }
    }

    private static func slope(_ y: Double, _ activation: Int32) -> Double {
        let h = 1e-5
        return (activate(y + h, activation) - activate(y - h, activation)) / (2 * h)
    }

    private func expect(_ found: [Double], _ expected: [Double], _ what: String, tolerance: Double = 5e-6) {
        let scale = expected.reduce(1) { max($0, abs($1)) }
        // One check for all: a million of them would take longer than everything else.
        let wrong = expected.indices.first { !(abs(found[$0] - expected[$0]) <= tolerance * scale) }
        #expect(
            wrong == nil,
            "\(what)[\(wrong ?? 0)]: \(found[wrong ?? 0]), expected \(expected[wrong ?? 0])")
    }

    private func sums(_ values: [Double], _ channels: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: channels)
        for (index, value) in values.enumerated() { sums[index % channels] += value }
        return sums
    }

    @Test("Norm and activation forwards, with gate or residual, sums and moments", arguments: InstructionSet.available)
    func forwards(_ isa: InstructionSet) throws {
        let kernels = try Self.kernels(isa)
        for (lines, pixels, channels, gap) in Self.shapes {
            for activation in Self.activations {
                let extent = nr_extent(lines: Int32(lines), pixels: Int32(pixels), channels: Int32(channels))
                let z = Map("z", extent, gap: gap), residual = Map("residual", extent, gap: gap + 8)
                let norm = Norm(channels), gate = Channels("gate", channels)
                let what = "\(isa), \(lines) × \(pixels) × \(channels), activation \(activation)"
                let own = z.values.enumerated().map { Self.activate(norm.normal($1, $0), activation) }
                for mode in ["plain", "gate", "residual"] {
                    let target = Map("target", extent, gap: gap)
                    var call = nr_apply()
                    call.norm = norm.c(activation)
                    call.z = z.map
                    call.target = target.map
                    call.gate = mode == "gate" ? UnsafePointer(gate.pointer) : nil
                    call.keep = 1.25
                    if mode == "residual" { call.residual = residual.map }
                    call.extent = extent
                    kernels.apply(&call)
                    let expected = own.indices.map { index in
                        switch mode {
                        case "gate": own[index] * gate[index]
                        case "residual": own[index] * 1.25 + residual.values[index]
                        default: own[index]
                        }
                    }
                    expect(target.values, expected, "\(what), \(mode)")
                    #expect(target.isIntact && z.isIntact)
                }
                var found = [Double](repeating: 1, count: channels)
                var c = norm.c(activation)
                kernels.sums(&c, z.map, extent, &found)
                expect(found, sums(own, channels).map { $0 + 1 }, "\(what), sums")
            }
        }
    }

    @Test("Moments of parts are the moments of the whole", arguments: InstructionSet.available)
    func moments(_ isa: InstructionSet) throws {
        let kernels = try Self.kernels(isa)
        for (lines, pixels, channels, gap) in Self.shapes {
            let extent = nr_extent(lines: Int32(lines), pixels: Int32(pixels), channels: Int32(channels))
            let first = Map("first", extent, gap: gap), second = Map("second", extent, gap: gap + 1)
            // Far from 0, where a difference of squares would lose everything.
            for map in [first, second] {
                for index in 0..<lines * pixels * channels { map.storage[map.place(index)] += 1000 }
            }
            var mean = [Double](repeating: 0, count: channels), squares = mean
            kernels.moments(first.map, extent, 0, &mean, &squares)
            kernels.moments(second.map, extent, Int64(lines * pixels), &mean, &squares)
            let all = first.values + second.values, count = Double(2 * lines * pixels)
            let expected = sums(all, channels).map { $0 / count }
            let deviations = sums(
                all.enumerated().map { ($1 - expected[$0 % channels]) * ($1 - expected[$0 % channels]) }, channels)
            expect(mean, expected, "\(isa), mean", tolerance: 1e-7)
            expect(squares, deviations, "\(isa), squares", tolerance: 1e-5)
        }
    }

    @Test("Norm and activation backwards, with their sums", arguments: InstructionSet.available)
    func backwards(_ isa: InstructionSet) throws {
        let kernels = try Self.kernels(isa)
        for (lines, pixels, channels, gap) in Self.shapes {
            for activation in Self.activations {
                let extent = nr_extent(lines: Int32(lines), pixels: Int32(pixels), channels: Int32(channels))
                let z = Map("z", extent, gap: gap), norm = Norm(channels)
                let gate = Channels("gate", channels), shift = Channels("shift", channels)
                for mode in ["plain", "streamed", "gate", "shift alone", "sums alone"] {
                    let gradient = Map("gradient", extent, gap: gap + 8), target = Map("target", extent, gap: gap)
                    let what = "\(isa), \(lines) × \(pixels) × \(channels), activation \(activation), \(mode)"
                    var found = [Double](repeating: 1, count: channels), products = found
                    var call = nr_slope()
                    call.norm = norm.c(activation)
                    call.z = z.map
                    if mode != "shift alone" { call.gradient = gradient.map }
                    if mode != "sums alone" { call.target = target.map }
                    if mode == "gate" { call.gate = UnsafePointer(gate.pointer) }
                    if mode == "gate" || mode == "shift alone" { call.shift = UnsafePointer(shift.pointer) }
                    call.keep = 0.75
                    call.streams = mode == "streamed" ? 1 : 0
                    call.extent = extent
                    found.withUnsafeMutableBufferPointer { found in
                        products.withUnsafeMutableBufferPointer { products in
                            call.sums = found.baseAddress
                            call.products = products.baseAddress
                            kernels.slope(&call)
                        }
                    }
                    let expected = z.values.indices.map { index in
                        let own = gradient.values[index] * 0.75
                        let incoming =
                            switch mode {
                            case "gate": own * gate[index] + shift[index]
                            case "shift alone": shift[index]
                            default: own
                            }
                        return incoming * Self.slope(norm.normal(z.values[index], index), activation)
                    }
                    if mode != "sums alone" { expect(target.values, expected, what) }
                    expect(found, sums(expected, channels).map { $0 + 1 }, "\(what), sums")
                    let deviations = zip(expected, z.values.indices.map { z.values[$0] - norm.mean[$0] }).map(*)
                    expect(products, sums(deviations, channels).map { $0 + 1 }, "\(what), products")
                    #expect(target.isIntact && gradient.isIntact)
                }
            }
        }
    }

    @Test("Batch norm's backward factors, products, sums and copies of maps", arguments: InstructionSet.available)
    func linear(_ isa: InstructionSet) throws {
        let kernels = try Self.kernels(isa)
        for (lines, pixels, channels, gap) in Self.shapes {
            let extent = nr_extent(lines: Int32(lines), pixels: Int32(pixels), channels: Int32(channels))
            let z = Map("z", extent, gap: gap), gradient = Map("gradient", extent, gap: gap + 3)
            let target = Map("target", extent, gap: 0)
            let (mean, a) = (Channels("mean", channels), Channels("a", channels))
            let (b, c) = (Channels("b", channels), Channels("c", channels))
            var call = nr_norm_gradient()
            call.mean = UnsafePointer(mean.pointer)
            call.a = UnsafePointer(a.pointer)
            call.b = UnsafePointer(b.pointer)
            call.c = UnsafePointer(c.pointer)
            call.keep = 1.5
            call.gradient = gradient.map
            call.z = z.map
            call.target = target.map
            call.extent = extent
            kernels.norm_gradient(&call)
            let expected = z.values.indices.map { index in
                a[index] * 1.5 * gradient.values[index] + b[index] * (z.values[index] - mean[index]) + c[index]
            }
            expect(target.values, expected, "\(isa), norm gradient")
            var found = [Double](repeating: 1, count: channels)
            kernels.products(z.map, gradient.map, extent, &found)
            expect(
                found, sums(zip(z.values, gradient.values).map(*), channels).map { $0 + 1 }, "\(isa), products")
            let before = target.values
            kernels.add(target.map, z.map, extent)
            expect(target.values, zip(before, z.values).map(+), "\(isa), add")
            for streams in [Int32(0), 1] {
                let copy = Map("copy", extent, gap: gap)
                kernels.copy(copy.map, gradient.map, extent, streams)
                #expect(copy.values == gradient.values && copy.isIntact)
            }
        }
    }

    @Test("Depthwise convolutions and the gradients of their taps", arguments: InstructionSet.available)
    func depthwise(_ isa: InstructionSet) throws {
        let kernels = try Self.kernels(isa)
        let sizes = [
            (3, 3, 1), (3, 3, 2), (5, 5, 1), (5, 5, 2), (1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1), (2, 3, 1),
            (3, 2, 1),
        ]
        for (height, width, stride) in sizes {
            for (lines, pixels, channels, gap) in [(1, 1, 8, 0), (2, 9, 24, 0), (3, 17, 40, 8), (4, 6, 48, 0)] {
                let extent = nr_extent(lines: Int32(lines), pixels: Int32(pixels), channels: Int32(channels))
                let around = nr_extent(
                    lines: Int32((lines - 1) * stride + height), pixels: Int32((pixels - 1) * stride + width),
                    channels: Int32(channels))
                let input = Map("input", around, gap: gap), output = Map("output", extent, gap: gap + 8)
                let taps = Channels("taps", height * width * channels)
                let what = "\(isa), kernel \(height) × \(width), stride \(stride), \(lines) × \(pixels) × \(channels)"
                /// Calls `body` for every product: the output's, input's and tap's index.
                func forEachProduct(_ body: (Int, Int, Int) -> Void) {
                    for y in 0..<lines {
                        for x in 0..<pixels {
                            for tap in 0..<height * width {
                                for c in 0..<channels {
                                    let (iy, ix) = (y * stride + tap / width, x * stride + tap % width)
                                    body(
                                        (y * pixels + x) * channels + c,
                                        (iy * input.pixels + ix) * channels + c, tap * channels + c)
                                }
                            }
                        }
                    }
                }
                let values = input.values, gradient = output.values
                for isTurned in [false, true] {
                    var call = nr_correlation()
                    call.input = UnsafePointer(input.storage)
                    call.input_pixel = input.pixel
                    call.input_line = input.line
                    call.taps = UnsafePointer(taps.pointer + (isTurned ? (height * width - 1) * channels : 0))
                    call.taps_pixel = isTurned ? -channels : channels
                    call.taps_line = width * call.taps_pixel
                    let target = Map("target", extent, gap: gap)
                    call.output = target.storage
                    call.output_pixel = target.pixel
                    call.output_line = target.line
                    call.extent = extent
                    call.kernel_lines = Int32(height)
                    call.kernel_pixels = Int32(width)
                    call.stride = Int32(stride)
                    kernels.correlate(&call)
                    var expected = [Double](repeating: 0, count: gradient.count)
                    forEachProduct { o, i, w in
                        let turned = (height * width - 1 - w / channels) * channels + w % channels
                        expected[o] += values[i] * taps[isTurned ? turned : w]
                    }
                    expect(target.values, expected, what)
                    #expect(target.isIntact)
                }
                guard height == width, height > 2 else { continue }
                var call = nr_tap_gradient()
                call.input = UnsafePointer(input.storage)
                call.input_pixel = input.pixel
                call.input_line = input.line
                call.gradient = UnsafePointer(output.storage)
                call.gradient_pixel = output.pixel
                call.gradient_line = output.line
                let found = Channels("taps", height * width * channels)
                call.taps = found.pointer
                call.taps_step = channels
                call.extent = extent
                call.kernel = Int32(height)
                call.stride = Int32(stride)
                kernels.tap_gradient(&call)
                var expected = taps.values.map(Double.init)
                forEachProduct { o, i, w in expected[w] += values[i] * gradient[o] }
                expect((0..<expected.count).map { Double(found.pointer[$0]) }, expected, "\(what), taps")
            }
        }
    }

    @Test("Packed anew or gathered, a matrix keeps its values", arguments: [Int32(8), 16, 32])
    func matrices(_ panel: Int32) {
        for (rows, columns) in [(1, 1), (3, 8), (7, 24), (20, 56), (33, 100), (5, 10)] {
            let matrix = SeededWeights.uniform("matrix", seed: 23, count: rows * columns).map { Float($0) }
            let padded = (columns + 7) / 8 * 8
            // By definition: panels of `panel` columns, what is left in one of 16 and one of 8; rows follow each other.
            var expected: [Float] = []
            var first = 0
            while first < padded {
                let left = padded - first
                let width = left >= Int(panel) ? Int(panel) : left >= 16 ? 16 : 8
                for row in 0..<rows {
                    for n in first..<first + width { expected.append(n < columns ? matrix[row * columns + n] : 0) }
                }
                first += width
            }
            var found = [Float](repeating: 7, count: padded * rows)
            nr_panels(panel, matrix, columns, rows, columns, &found)
            #expect(found == expected)
            let transposed = (0..<rows * columns).map { matrix[$0 % rows * columns + $0 / rows] }
            found = [Float](repeating: 7, count: padded * rows)
            nr_panels_transposed(panel, transposed, rows, rows, columns, &found)
            #expect(found == expected)
            var gathered = [Float](repeating: 1, count: rows * columns)
            nr_gather(&gathered, matrix, columns, rows, columns, 0)
            nr_gather(&gathered, transposed, rows, rows, columns, 1)
            #expect(gathered == matrix.map { 1 + $0 + $0 })
        }
    }
}
