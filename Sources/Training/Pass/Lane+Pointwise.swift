import CKernels

/// 1×1 convolutions: products over bands of rows, which may belong to several images.
extension Lane {
    /// Rows that a convolution or the head reads: where they lie, or made anew in the input scratch.
    func rows(of source: Source, channels: Int, area: Int, from row: Int, count: Int) -> UnsafePointer<Float> {
        switch source {
        case .image: preconditionFailure("a 1×1 convolution over the image")
        case .map(let map): return UnsafePointer(values + plan.maps[map].offset + row * channels)
        case .unit(let index, let gate):
            let unit = plan.units[index]
            segments(row, count, area: area) { image, rows in
                var call = nr_apply()
                call.norm = norm(unit)
                call.z = rowsMap(values + unit.memory.z + rows.lowerBound * channels, channels)
                call.target = rowsMap(inputScratch + (rows.lowerBound - row) * channels, channels)
                call.gate = gate.map { gateVector(plan.gates[$0], image) }
                call.keep = 1
                call.extent = extent(1, rows.count, channels)
                training.apply(&call)
            }
            return UnsafePointer(inputScratch)
        }
    }

    func forwardPointwise(_ unit: ConvolutionUnit) {
        let inputs = unit.inputShape.channels, outputs = unit.output.channels, area = unit.output.area
        let end = images.upperBound * area
        for row in stride(from: images.lowerBound * area, to: end, by: TrainingPlan.rows(unit)) {
            let count = min(TrainingPlan.rows(unit), end - row)
            let input = rows(of: unit.input, channels: inputs, area: area, from: row, count: count)
            let z = values + unit.memory.z + row * outputs
            let target = streams(unit.output.count) ? outputScratch : z
            multiply(
                input, row: inputs, weights: values + unit.memory.packed, into: target, cRow: outputs, rows: count,
                columns: outputs, depth: inputs)
            addMoments(target, pixels: count, channels: outputs)
            if target != z {
                training.copy(rowsMap(z, outputs), rowsMap(target, outputs), extent(1, count, outputs), 1)
            }
        }
    }

    func backwardPointwise(_ index: Int, needsInput: Bool) {
        let unit = plan.units[index]
        let inputs = unit.inputShape.channels, outputs = unit.output.channels, area = unit.output.area
        let end = images.upperBound * area
        let needsWeights = machine.isTrained[unit.weight]
        let isGated = unit.gate != nil
        for row in stride(from: images.lowerBound * area, to: end, by: TrainingPlan.rows(unit)) {
            let count = min(TrainingPlan.rows(unit), end - row)
            let gradient = gradientScratch
            takeGradient(index, from: row, count: count, into: gradient)
            if needsWeights || isGated {
                let input = rows(of: unit.input, channels: inputs, area: area, from: row, count: count)
                if needsWeights { addWeightGradient(unit, input: input, gradient: gradient, count: count) }
            }
            guard needsInput else { continue }
            // What goes on to a unit goes by way of the cache; a map's gradient may have to be added to what is there.
            let target = unit.source == nil ? inputGradient(unit, row) : outputScratch
            multiply(
                gradient, row: outputs, weights: values + unit.memory.transposed, into: target, cRow: inputs,
                rows: count, columns: inputs, depth: outputs, adds: addsToMap(unit))
            handOver(unit, target, from: row, count: count)
        }
    }

    /// The gradient of the convolution's own output, for rows of all images, from the one of the norm's output.
    func takeGradient(_ index: Int, from row: Int, count: Int, into target: UnsafeMutablePointer<Float>) {
        let unit = plan.units[index]
        let channels = unit.output.channels
        segments(row, count, area: unit.output.area) { image, rows in
            var call = normGradient(index, image)
            call.gradient = rowsMap(gradientRows(unit, rows.lowerBound), channels)
            call.z = rowsMap(values + unit.memory.z + rows.lowerBound * channels, channels)
            call.target = rowsMap(target + (rows.lowerBound - row) * channels, channels)
            call.extent = extent(1, rows.count, channels)
            training.norm_gradient(&call)
        }
    }

    /// Batch norm's backward pass without its maps, from channel `first` on.
    func normGradient(_ index: Int, _ image: Int, from first: Int = 0) -> nr_norm_gradient {
        let unit = plan.units[index]
        let own = coefficients(unit)
        var call = nr_norm_gradient()
        call.mean = UnsafePointer(own.mean + first)
        call.a = UnsafePointer(own.a + first)
        call.b = UnsafePointer(own.b + first)
        call.c = UnsafePointer(own.c + first)
        call.keep = unit.gradient == .map ? keep(index, image) : 1
        return call
    }

    /// Where row `row` of all images' gradients lies in a buffer.
    private func place(_ buffer: GradientBuffer, _ row: Int, _ shape: MapShape) -> UnsafeMutablePointer<Float> {
        values + buffer.offset + own.lowerBound * (buffer.largest - shape.count) + row * shape.channels
    }

    /// Where the gradient of the norm's output lies.
    func gradientRows(_ unit: ConvolutionUnit, _ row: Int) -> UnsafeMutablePointer<Float> {
        switch unit.gradient {
        case .slot(let slot): place(plan.slots[slot], row, unit.output)
        case .map: mapGradientRows(unit, row)
        }
    }

    /// Where the gradient of the map that a unit writes lies.
    func mapGradientRows(_ unit: ConvolutionUnit, _ row: Int) -> UnsafeMutablePointer<Float> {
        place(plan.mapGradient, row, unit.output)
    }

    /// Where the gradient of a unit's input goes.
    func inputGradient(_ unit: ConvolutionUnit, _ row: Int) -> UnsafeMutablePointer<Float> {
        switch unit.input {
        case .image, .map: place(plan.mapGradient, row, unit.inputShape)
        case .unit(let source, _): gradientRows(plan.units[source], row)
        }
    }

    /// Whether the gradient of a unit's input is added to what a residual has left there.
    func addsToMap(_ unit: ConvolutionUnit) -> Bool {
        guard case .map(let map) = unit.input else { return false }
        return plan.units.contains { $0.residual == map }
    }

    /// Adds a band's share of the weights' gradient; `input` has `unit.depth` columns.
    func addWeightGradient(
        _ unit: ConvolutionUnit, input: UnsafePointer<Float>, gradient: UnsafePointer<Float>, count: Int
    ) {
        let inputs = unit.depth, outputs = unit.output.channels
        let partial = partials + unit.memory.partial
        if unit.isTransposed {
            nr_panels(kernels.panel, gradient, outputs, count, outputs, panelScratch)
            multiplyTransposed(
                input, row: inputs, panels: panelScratch, into: partial, cRow: outputs, rows: inputs, columns: outputs,
                depth: count)
        } else {
            nr_panels(kernels.panel, input, inputs, count, inputs, panelScratch)
            multiplyTransposed(
                gradient, row: outputs, panels: panelScratch, into: partial, cRow: inputs, rows: outputs,
                columns: inputs, depth: count)
        }
    }

    /// What follows once the gradient of some rows of the input is there and still in a cache: the activation's slope, or the
    /// gate's gradient.
    private func handOver(_ unit: ConvolutionUnit, _ gradient: UnsafeMutablePointer<Float>, from row: Int, count: Int) {
        guard case .unit(let index, let gate) = unit.input else { return }
        let source = plan.units[index]
        let channels = source.output.channels
        if gate == nil {
            var call = nr_slope()
            call.norm = norm(source)
            call.z = rowsMap(values + source.memory.z + row * channels, channels)
            call.gradient = rowsMap(gradient, channels)
            call.target = rowsMap(inputGradient(unit, row), channels)
            call.streams = streams(source.output.count) ? 1 : 0
            call.keep = 1
            call.sums = firstSums
            call.products = secondSums
            call.extent = extent(1, count, channels)
            training.slope(&call)
        } else {
            segments(row, count, area: unit.output.area) { image, rows in
                let offset = (rows.lowerBound - row) * channels
                training.products(
                    rowsMap(gradient + offset, channels), rowsMap(inputScratch + offset, channels),
                    extent(1, rows.count, channels), machine.gateSums + image * plan.widest)
            }
            // It is read again soon: a gate's images are as many as the cache holds.
            training.copy(
                rowsMap(inputGradient(unit, row), channels), rowsMap(gradient, channels), extent(1, count, channels),
                0)
        }
    }

}
