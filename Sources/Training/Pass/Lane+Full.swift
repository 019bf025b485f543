import CKernels

/// k×k convolutions over all channels: the stem, plain convolution blocks and fused MBConv. Image by image, as products of windows laid
/// out as rows.
extension Lane {
    /// One image with zeros around it, in the padded scratch.
    private func fillPadded(_ unit: ConvolutionUnit, _ image: Int) {
        let padded = TrainingPlan.paddedShape(unit), shape = unit.inputShape
        let row = padded.pixels * shape.channels
        paddedScratch.update(repeating: 0, count: padded.lines * row)
        let first = paddedScratch + unit.top * row + unit.left * shape.channels
        let target = nr_map(values: first, pixel: shape.channels, line: row)
        let lines = extent(shape.height, shape.width, shape.channels)
        switch unit.input {
        case .image:
            guard let input = pass.input else { return }
            for channel in 0..<shape.channels {
                let plane = input + (image * shape.channels + channel) * shape.area
                for y in 0..<shape.height {
                    let to = first + y * row + channel, from = plane + y * shape.width
                    for x in 0..<shape.width { to[x * shape.channels] = from[x] }
                }
            }
        case .map(let map):
            training.copy(target, imageMap(values + plan.maps[map].offset, shape, image), lines, 0)
        case .unit(let index, _):
            let source = plan.units[index]
            var call = nr_apply()
            call.norm = norm(source)
            call.z = imageMap(values + source.memory.z, shape, image)
            call.target = target
            call.keep = 1
            call.extent = lines
            training.apply(&call)
        }
    }

    private func imageMap(_ values: UnsafeMutablePointer<Float>, _ shape: MapShape, _ image: Int) -> nr_map {
        nr_map(values: values + image * shape.count, pixel: shape.channels, line: shape.width * shape.channels)
    }

    /// The windows of `count` outputs from `first` on, as rows of `unit.depth` values in the input scratch.
    private func fillColumns(_ unit: ConvolutionUnit, from first: Int, count: Int) {
        let channels = unit.inputShape.channels, run = unit.kernel * channels
        let row = TrainingPlan.paddedShape(unit).pixels * channels
        for output in 0..<count {
            let (y, x) = (first + output).quotientAndRemainder(dividingBy: unit.output.width)
            let target = inputScratch + output * unit.depth
            let source = paddedScratch + y * unit.stride * row + x * unit.stride * channels
            for ky in 0..<unit.kernel { (target + ky * run).update(from: source + ky * row, count: run) }
            for rest in unit.kernel * run..<unit.depth { target[rest] = 0 }
        }
    }

    func forwardFull(_ unit: ConvolutionUnit) {
        let area = unit.output.area, outputs = unit.output.channels
        for image in images {
            fillPadded(unit, image)
            for first in stride(from: 0, to: area, by: TrainingPlan.rows(unit)) {
                let count = min(TrainingPlan.rows(unit), area - first)
                fillColumns(unit, from: first, count: count)
                let z = values + unit.memory.z + (image * area + first) * outputs
                multiply(
                    inputScratch, row: unit.depth, weights: values + unit.memory.packed, into: z, cRow: outputs,
                    rows: count, columns: outputs, depth: unit.kernel * unit.kernel * unit.inputShape.channels)
                addMoments(z, pixels: count, channels: outputs)
            }
        }
    }

    func backwardFull(_ index: Int, needsInput: Bool) {
        let unit = plan.units[index]
        let area = unit.output.area, outputs = unit.output.channels
        let padded = TrainingPlan.paddedShape(unit)
        let needsWeights = machine.isTrained[unit.weight]
        for image in images {
            if needsWeights { fillPadded(unit, image) }
            if needsInput {
                paddedGradientScratch.update(
                    repeating: 0, count: padded.lines * padded.pixels * unit.inputShape.channels)
            }
            for first in stride(from: 0, to: area, by: TrainingPlan.rows(unit)) {
                let count = min(TrainingPlan.rows(unit), area - first)
                takeGradient(index, from: image * area + first, count: count, into: gradientScratch)
                if needsWeights {
                    fillColumns(unit, from: first, count: count)
                    addWeightGradient(unit, input: inputScratch, gradient: gradientScratch, count: count)
                }
                guard needsInput else { continue }
                multiply(
                    gradientScratch, row: outputs, weights: values + unit.memory.transposed, into: outputScratch,
                    cRow: unit.depth, rows: count, columns: unit.depth, depth: outputs)
                addColumns(unit, from: first, count: count)
            }
            if needsInput { handOver(unit, image) }
        }
    }

    /// Adds rows of windows to the padded gradient, where their pixels lie.
    private func addColumns(_ unit: ConvolutionUnit, from first: Int, count: Int) {
        let channels = unit.inputShape.channels, run = unit.kernel * channels
        let row = TrainingPlan.paddedShape(unit).pixels * channels
        for output in 0..<count {
            let (y, x) = (first + output).quotientAndRemainder(dividingBy: unit.output.width)
            let target = paddedGradientScratch + y * unit.stride * row + x * unit.stride * channels
            training.add(
                nr_map(values: target, pixel: 0, line: row),
                nr_map(values: outputScratch + output * unit.depth, pixel: 0, line: run), extent(unit.kernel, 1, run))
        }
    }

    private func handOver(_ unit: ConvolutionUnit, _ image: Int) {
        let shape = unit.inputShape
        let row = TrainingPlan.paddedShape(unit).pixels * shape.channels
        let from = nr_map(
            values: paddedGradientScratch + unit.top * row + unit.left * shape.channels, pixel: shape.channels,
            line: row)
        let lines = extent(shape.height, shape.width, shape.channels)
        let target = imageMap(inputGradient(unit, 0), shape, image)
        guard case .unit(let index, _) = unit.input else {
            if addsToMap(unit) { training.add(target, from, lines) } else { training.copy(target, from, lines, 0) }
            return
        }
        let source = plan.units[index]
        var call = nr_slope()
        call.norm = norm(source)
        call.z = imageMap(values + source.memory.z, shape, image)
        call.gradient = from
        call.target = target
        call.keep = 1
        call.sums = firstSums
        call.products = secondSums
        call.extent = lines
        training.slope(&call)
    }
}
