import CKernels

/// Depthwise convolutions: image by image, through groups of channels and bands of lines that stay in the core's own cache.
extension Lane {
    /// A group's part of one image.
    private struct Part {
        let image: Int
        let first: Int
        let channels: Int
        let lines: Range<Int>
    }

    private func parts(_ unit: ConvolutionUnit, _ body: (Part) -> Void) {
        let bands = TrainingPlan.bands(unit), group = TrainingPlan.group(unit), all = unit.output.channels
        for image in images {
            for first in stride(from: 0, to: all, by: group) {
                for lines in bands {
                    body(Part(image: image, first: first, channels: min(group, all - first), lines: lines))
                }
            }
        }
    }

    /// Fills the padded scratch with the lines of the input that the part's output lines see, zeros around the map.
    private func fillInput(_ unit: ConvolutionUnit, _ part: Part) {
        let window = TrainingPlan.window(unit, lines: part.lines.count)
        let shape = unit.inputShape
        let row = window.pixels * part.channels
        let begin = part.lines.lowerBound * unit.stride - unit.top
        let inside = max(begin, 0)..<max(min(begin + window.lines, shape.height), 0)
        clearBorder(
            paddedScratch, lines: window.lines, row: row, inside: inside.lowerBound - begin..<inside.upperBound - begin,
            left: unit.left * part.channels, width: shape.width * part.channels)
        let target = nr_map(
            values: paddedScratch + (inside.lowerBound - begin) * row + unit.left * part.channels,
            pixel: part.channels, line: row)
        let offset = (part.image * shape.height + inside.lowerBound) * shape.width * shape.channels + part.first
        let lines = extent(inside.count, shape.width, part.channels)
        var call = nr_apply()
        call.target = target
        call.keep = 1
        call.extent = lines
        switch unit.input {
        case .image: preconditionFailure("a depthwise convolution over the image")
        case .map(let map):
            training.copy(target, inputMap(values + plan.maps[map].offset + offset, shape), lines, 0)
        case .unit(let index, _):
            let source = plan.units[index]
            call.norm = norm(source, from: part.first)
            call.z = inputMap(values + source.memory.z + offset, shape)
            training.apply(&call)
        }
    }

    /// Of a division that rounds down, below 0 too.
    private func remainder(_ value: Int, _ divisor: Int) -> Int { (value % divisor + divisor) % divisor }

    /// Zeros in the lines that are not `inside` a map, and before and after the map in those that are.
    private func clearBorder(
        _ first: UnsafeMutablePointer<Float>, lines: Int, row: Int, inside: Range<Int>, left: Int, width: Int
    ) {
        for line in 0..<lines {
            let target = first + line * row
            if inside.contains(line) {
                target.update(repeating: 0, count: left)
                if left + width < row { (target + left + width).update(repeating: 0, count: row - left - width) }
            } else {
                target.update(repeating: 0, count: row)
            }
        }
    }

    private func inputMap(_ values: UnsafeMutablePointer<Float>, _ shape: MapShape) -> nr_map {
        nr_map(values: values, pixel: shape.channels, line: shape.width * shape.channels)
    }

    func forwardDepthwise(_ unit: ConvolutionUnit) {
        let all = unit.output.channels, width = unit.output.width
        parts(unit) { part in
            fillInput(unit, part)
            let z =
                values + unit.memory.z + (part.image * unit.output.height + part.lines.lowerBound) * width * all
                + part.first
            var call = nr_correlation()
            call.input = UnsafePointer(paddedScratch)
            call.input_pixel = part.channels
            call.input_line = TrainingPlan.window(unit, lines: 1).pixels * part.channels
            call.taps = UnsafePointer(values + unit.memory.packed + part.first)
            call.taps_pixel = all
            call.taps_line = unit.kernel * all
            // By way of the cache: the convolution writes vector by vector, and memory wants whole lines.
            let output = nr_map(values: outputScratch, pixel: part.channels, line: width * part.channels)
            call.output = output.values
            call.output_pixel = output.pixel
            call.output_line = output.line
            call.extent = extent(part.lines.count, width, part.channels)
            call.kernel_lines = Int32(unit.kernel)
            call.kernel_pixels = Int32(unit.kernel)
            call.stride = Int32(unit.stride)
            training.correlate(&call)
            let before =
                summed + (part.image - images.lowerBound) * unit.output.area + part.lines.lowerBound * width
            training.moments(
                output, call.extent, Int64(before), firstSums + part.first, secondSums + part.first)
            training.copy(
                nr_map(values: z, pixel: all, line: width * all), output, call.extent,
                streams(unit.output.count) ? 1 : 0)
        }
        summed += images.count * unit.output.area
    }

    func backwardDepthwise(_ index: Int, needsInput: Bool) {
        let unit = plan.units[index]
        let needsWeights = machine.isTrained[unit.weight]
        parts(unit) { part in
            let owned = TrainingPlan.owned(unit, part.lines)
            let window = TrainingPlan.gradientWindow(unit, owned: owned)
            fillGradient(index, part, window)
            if needsWeights {
                fillInput(unit, part)
                var call = nr_tap_gradient()
                call.input = UnsafePointer(paddedScratch)
                call.input_pixel = part.channels
                call.input_line = TrainingPlan.window(unit, lines: 1).pixels * part.channels
                call.gradient = UnsafePointer(
                    paddedGradientScratch
                        + ((part.lines.lowerBound - window.line) * window.pixels - window.pixel) * part.channels)
                call.gradient_pixel = part.channels
                call.gradient_line = window.pixels * part.channels
                call.taps = partials + unit.memory.partial + part.first
                call.taps_step = unit.output.channels
                call.extent = extent(part.lines.count, unit.output.width, part.channels)
                call.kernel = Int32(unit.kernel)
                call.stride = Int32(unit.stride)
                training.tap_gradient(&call)
            }
            if needsInput { handOver(unit, part, owned: owned, window) }
        }
    }

    /// Fills the padded gradient scratch with the gradient of the convolution's output, zeros around it.
    private func fillGradient(
        _ index: Int, _ part: Part, _ window: (line: Int, pixel: Int, lines: Int, pixels: Int)
    ) {
        let unit = plan.units[index]
        let (all, width) = (unit.output.channels, unit.output.width)
        let row = window.pixels * part.channels
        let inside = max(window.line, 0)..<min(window.line + window.lines, unit.output.height)
        clearBorder(
            paddedGradientScratch, lines: window.lines, row: row,
            inside: inside.lowerBound - window.line..<inside.upperBound - window.line,
            left: -window.pixel * part.channels, width: width * part.channels)
        let offset = ((part.image * unit.output.height + inside.lowerBound) * width) * all + part.first
        var call = normGradient(index, part.image, from: part.first)
        call.gradient = nr_map(values: gradientRows(unit, 0) + offset, pixel: all, line: width * all)
        call.z = nr_map(values: values + unit.memory.z + offset, pixel: all, line: width * all)
        call.target = nr_map(
            values: paddedGradientScratch + (inside.lowerBound - window.line) * row - window.pixel * part.channels,
            pixel: part.channels, line: row)
        call.extent = extent(inside.count, width, part.channels)
        training.norm_gradient(&call)
    }

    /// The gradient of the owned lines of the input, and the activation's slope where the input is another unit's.
    private func handOver(
        _ unit: ConvolutionUnit, _ part: Part, owned: Range<Int>,
        _ window: (line: Int, pixel: Int, lines: Int, pixels: Int)
    ) {
        let shape = unit.inputShape
        let offset = (part.image * shape.height + owned.lowerBound) * shape.width * shape.channels + part.first
        let target = inputMap(inputGradient(unit, 0) + offset, shape)
        let lines = extent(owned.count, shape.width, part.channels)
        let output = nr_map(values: outputScratch, pixel: part.channels, line: shape.width * part.channels)
        let (step, kernel) = (unit.stride, unit.kernel)
        // Input lines (and pixels) that are a multiple of the stride apart see the same taps, each step-th of the kernel: a
        // correlation of its own over the gradient as it lies, the kernel turned round.
        for lineTap in 0..<step {
            for pixelTap in 0..<step {
                let (y, x) = (
                    remainder(lineTap - owned.lowerBound - unit.top, step), remainder(pixelTap - unit.left, step)
                )
                guard y < owned.count, x < shape.width else { continue }
                let taps = ((kernel - lineTap + step - 1) / step, (kernel - pixelTap + step - 1) / step)
                let line = (owned.lowerBound + y + unit.top - lineTap) / step - (taps.0 - 1) - window.line
                let pixel = (x + unit.left - pixelTap) / step - (taps.1 - 1) - window.pixel
                let last = (lineTap + step * (taps.0 - 1)) * kernel + pixelTap + step * (taps.1 - 1)
                var call = nr_correlation()
                call.input = UnsafePointer(paddedGradientScratch + (line * window.pixels + pixel) * part.channels)
                call.input_pixel = part.channels
                call.input_line = window.pixels * part.channels
                call.taps = UnsafePointer(values + unit.memory.packed + last * shape.channels + part.first)
                call.taps_pixel = -step * shape.channels
                call.taps_line = -step * kernel * shape.channels
                call.output = output.values + y * output.line + x * output.pixel
                call.output_pixel = step * output.pixel
                call.output_line = step * output.line
                call.extent = extent(
                    (owned.count - y + step - 1) / step, (shape.width - x + step - 1) / step, part.channels)
                call.kernel_lines = Int32(taps.0)
                call.kernel_pixels = Int32(taps.1)
                call.stride = 1
                training.correlate(&call)
            }
        }
        guard case .unit(let index, _) = unit.input else {
            if addsToMap(unit) { training.add(target, output, lines) } else { training.copy(target, output, lines, 0) }
            return
        }
        let source = plan.units[index]
        var slope = nr_slope()
        slope.norm = norm(source, from: part.first)
        slope.z = inputMap(values + source.memory.z + offset, shape)
        slope.gradient = output
        slope.target = target
        slope.streams = streams(shape.count) ? 1 : 0
        slope.keep = 1
        slope.sums = firstSums + part.first
        slope.products = secondSums + part.first
        slope.extent = lines
        training.slope(&slope)
    }
}
