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
        let (step, group) = (TrainingPlan.lines(unit), TrainingPlan.group(unit))
        let height = unit.output.height, all = unit.output.channels
        for image in images {
            for first in stride(from: 0, to: all, by: group) {
                for line in stride(from: 0, to: height, by: step) {
                    body(
                        Part(
                            image: image, first: first, channels: min(group, all - first),
                            lines: line..<min(line + step, height)))
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
        for line in 0..<window.lines {
            let target = paddedScratch + line * row
            guard inside.contains(begin + line) else {
                target.update(repeating: 0, count: row)
                continue
            }
            target.update(repeating: 0, count: unit.left * part.channels)
            let after = (unit.left + shape.width) * part.channels
            if after < row { (target + after).update(repeating: 0, count: row - after) }
        }
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
            call.taps_step = all
            // By way of the cache: the convolution writes vector by vector, and memory wants whole lines.
            let output = nr_map(values: outputScratch, pixel: part.channels, line: width * part.channels)
            call.output = output.values
            call.output_pixel = output.pixel
            call.output_line = output.line
            call.extent = extent(part.lines.count, width, part.channels)
            call.kernel = Int32(unit.kernel)
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
            // Lines of the input that this band hands a gradient to: each line belongs to one band.
            let isLast = part.lines.upperBound == unit.output.height
            let owned =
                part.lines.lowerBound
                * unit.stride..<(isLast ? unit.inputShape.height : part.lines.upperBound * unit.stride)
            // Line 0 and pixel 0 of the spread gradient are the first that the kernel reaches from there.
            let origin = owned.lowerBound + unit.top - (unit.kernel - 1)
            spreadGradient(index, part, origin: origin, lines: owned.count + unit.kernel - 1)
            let pixels = TrainingPlan.gradientWindow(unit, lines: 1).pixels
            if needsWeights {
                fillInput(unit, part)
                var call = nr_tap_gradient()
                call.input = UnsafePointer(paddedScratch)
                call.input_pixel = part.channels
                call.input_line = TrainingPlan.window(unit, lines: 1).pixels * part.channels
                let line = part.lines.lowerBound * unit.stride - origin
                call.gradient = UnsafePointer(
                    paddedGradientScratch + (line * pixels + unit.kernel - 1 - unit.left) * part.channels)
                call.gradient_pixel = unit.stride * part.channels
                call.gradient_line = unit.stride * pixels * part.channels
                call.taps = partials + unit.memory.partial + part.first
                call.taps_step = unit.output.channels
                call.extent = extent(part.lines.count, unit.output.width, part.channels)
                call.kernel = Int32(unit.kernel)
                call.stride = Int32(unit.stride)
                training.tap_gradient(&call)
            }
            if needsInput { handOver(unit, part, owned: owned) }
        }
    }

    /// Fills the padded gradient scratch with the gradient of the convolution's output, its lines and pixels as far apart as the
    /// input's that they belong to, zeros between and around.
    private func spreadGradient(_ index: Int, _ part: Part, origin: Int, lines: Int) {
        let unit = plan.units[index]
        let (step, all, width) = (unit.stride, unit.output.channels, unit.output.width)
        let row = TrainingPlan.gradientWindow(unit, lines: 1).pixels * part.channels
        paddedGradientScratch.update(repeating: 0, count: lines * row)
        let first = max(0, (origin + step - 1) / step)
        let end = min(unit.output.height, (origin + lines - 1) / step + 1)
        guard first < end else { return }
        let offset = ((part.image * unit.output.height + first) * width) * all + part.first
        var call = normGradient(index, part.image, from: part.first)
        call.gradient = nr_map(values: gradientRows(unit, 0) + offset, pixel: all, line: width * all)
        call.z = nr_map(values: values + unit.memory.z + offset, pixel: all, line: width * all)
        call.target = nr_map(
            values: paddedGradientScratch + (first * step - origin) * row
                + (unit.kernel - 1 - unit.left) * part.channels,
            pixel: step * part.channels, line: step * row)
        call.extent = extent(end - first, width, part.channels)
        training.norm_gradient(&call)
    }

    /// The gradient of the owned lines of the input, and the activation's slope where the input is another unit's.
    private func handOver(_ unit: ConvolutionUnit, _ part: Part, owned: Range<Int>) {
        let shape = unit.inputShape
        let offset = (part.image * shape.height + owned.lowerBound) * shape.width * shape.channels + part.first
        let target = inputMap(inputGradient(unit, 0) + offset, shape)
        let lines = extent(owned.count, shape.width, part.channels)
        let row = shape.width * part.channels
        let taps = unit.kernel * unit.kernel
        var call = nr_correlation()
        call.input = UnsafePointer(paddedGradientScratch)
        call.input_pixel = part.channels
        call.input_line = TrainingPlan.gradientWindow(unit, lines: 1).pixels * part.channels
        // The kernel turned round: from its last tap backwards.
        call.taps = UnsafePointer(values + unit.memory.packed + (taps - 1) * shape.channels + part.first)
        call.taps_step = -shape.channels
        let output = nr_map(values: outputScratch, pixel: part.channels, line: row)
        call.output = output.values
        call.output_pixel = output.pixel
        call.output_line = output.line
        call.extent = lines
        call.kernel = Int32(unit.kernel)
        call.stride = 1
        training.correlate(&call)
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
