import CKernels

/// A whole pass: packing, forwards, backwards, and the gradients' way out of the threads' own memory.
extension Lane {
    /// Weights in the products' order: each by the thread that owns it. Weights have to be as they will be in the pass.
    func pack() {
        for unit in plan.units where machine.owners[unit.weight] == index { pack(unit) }
        for dense in plan.matrices where machine.owners[dense.weight] == index { pack(dense) }
    }

    /// Coefficients of the norms that take the running statistics.
    func freezeNorms() {
        for (index, unit) in plan.units.enumerated()
        where machine.owners[unit.weight] == self.index && !machine.usesBatch[index] {
            freezeNorm(unit)
        }
    }

    private func pack(_ unit: ConvolutionUnit) {
        let weight = machine.weight(unit.weight)
        let (inputs, outputs) = (unit.inputShape.channels, unit.output.channels)
        let taps = unit.kernel * unit.kernel
        let packed = values + unit.memory.packed, transposed = values + unit.memory.transposed
        switch unit.kind {
        case .depthwise:
            packed.update(repeating: 0, count: taps * outputs)
            nr_gather(packed, weight, taps, taps, outputs, 1)
        case .pointwise:
            nr_panels_transposed(kernels.panel, weight, inputs, inputs, outputs, packed)
            nr_panels(kernels.panel, weight, inputs, outputs, inputs, transposed)
        case .full:
            let permuted = values + unit.memory.permuted, depth = taps * inputs
            permuted.update(repeating: 0, count: outputs * depth)
            for output in 0..<outputs {
                nr_gather(permuted + output * depth, weight + output * depth, taps, taps, inputs, 1)
            }
            nr_panels_transposed(kernels.panel, permuted, depth, depth, outputs, packed)
            if unit.input != .image { nr_panels(kernels.panel, permuted, depth, outputs, depth, transposed) }
        }
    }

    private func pack(_ dense: DensePlan) {
        let weight = machine.weight(dense.weight)
        nr_panels_transposed(
            kernels.panel, weight, dense.inputs, dense.inputs, dense.outputs, values + dense.packed)
        nr_panels(kernels.panel, weight, dense.inputs, dense.outputs, dense.inputs, values + dense.transposed)
        (values + dense.bias).update(from: machine.weight(dense.weight + 1), count: dense.outputs)
    }

    func forward() {
        for step in plan.body {
            // A gate is made by whoever reads it.
            guard case .convolution(let index) = step else { continue }
            let unit = plan.units[index]
            clearSums(unit.output.channels)
            portions(unit.inputShape.count + unit.output.count) {
                if let gate = unit.gate { forwardGate(plan.gates[gate]) }
                switch unit.kind {
                case .pointwise: forwardPointwise(unit)
                case .depthwise: forwardDepthwise(unit)
                case .full: forwardFull(unit)
                }
            }
            finishForwardNorm(index)
            if unit.map != nil { portions(2 * unit.output.count) { writeMap(index) } }
        }
        forwardHead()
        takeLoss()
    }

    func backward() {
        let body = plan.body, first = machine.firstTrained
        backwardHead(needsInput: first < body.count)
        for position in body.indices.reversed() where position >= first {
            guard case .convolution(let index) = body[position] else { continue }
            let unit = plan.units[index]
            if unit.takesSlope {
                clearSums(unit.output.channels)
                portions(2 * unit.output.count) { takeSlope(index) }
            }
            finishBackwardNorm(index)
            let needsInput = position > first && unit.input != .image
            // The sums of the unit that this one reads begin here.
            if let source = unit.source { clearSums(plan.units[source].output.channels) }
            portions(2 * (unit.inputShape.count + unit.output.count)) {
                if unit.gate != nil { clearGateSums() }
                switch unit.kind {
                case .pointwise: backwardPointwise(index, needsInput: needsInput)
                case .depthwise: backwardDepthwise(index, needsInput: needsInput)
                case .full: backwardFull(index, needsInput: needsInput)
                }
                // The gate lies right before its reader, and before it the unit whose map it opens.
                guard let gate = unit.gate, position > first else { return }
                backwardGate(plan.gates[gate], needsInput: position - 1 > first)
                if position - 1 > first { takeSlope(plan.gates[gate].unit) }
            }
        }
    }

    private func clearGateSums() {
        for image in images {
            (machine.gateSums + image * plan.widest).update(repeating: 0, count: plan.widest)
        }
    }

    /// The gradient of the norm's output from the one of the unit's, where its reader does not take it.
    private func takeSlope(_ index: Int) {
        let unit = plan.units[index]
        let (channels, area) = (unit.output.channels, unit.output.area)
        for image in images {
            let row = image * area
            var call = nr_slope()
            call.norm = norm(unit)
            call.z = rowsMap(values + unit.memory.z + row * channels, channels)
            let own = rowsMap(gradientRows(unit, row), channels)
            call.target = own
            call.gradient = own
            call.keep = 1
            switch unit.consumer {
            case .convolution: break
            case .gate(let gate):
                call.gate = gateVector(plan.gates[gate], image)
                call.shift = UnsafePointer(
                    values + plan.gates[gate].shift + image * plan.gates[gate].excite.outputRow)
            case .map:
                call.gradient = rowsMap(mapGradientRows(unit, row), channels)
                call.keep = keep(index, image)
                if unit.gradient == .map { call.target.values = nil }
            case .average:
                call.gradient.values = nil
                call.shift = UnsafePointer(featuresGradient(image))
            case .flatten:
                call.gradient = rowsMap(featuresGradient(image), channels)
            }
            call.sums = firstSums
            call.products = secondSums
            call.extent = extent(1, area, channels)
            training.slope(&call)
        }
    }

    /// Adds all threads' sums to the gradients of the tensors that this thread owns, and clears them.
    func collect() {
        for unit in plan.units where machine.owners[unit.weight] == index && machine.isTrained[unit.weight] {
            let gradient = machine.gradient(unit.weight)
            let (inputs, outputs) = (unit.inputShape.channels, unit.output.channels)
            let taps = unit.kernel * unit.kernel
            let (rows, columns) = unit.partial
            for lane in machine.lanes {
                let partial = lane.partials + unit.memory.partial
                switch unit.kind {
                case .depthwise: nr_gather(gradient, partial, outputs, outputs, taps, 1)
                case .pointwise: nr_gather(gradient, partial, columns, outputs, inputs, unit.isTransposed ? 1 : 0)
                case .full:
                    for output in 0..<outputs {
                        nr_gather(
                            gradient + output * taps * inputs, partial + output * columns, inputs, inputs, taps, 1)
                    }
                }
                partial.update(repeating: 0, count: rows * columns)
            }
        }
        for dense in plan.matrices where machine.owners[dense.weight] == index {
            for lane in machine.lanes {
                let partial = lane.partials + dense.partial, bias = lane.partials + dense.biasPartial
                nr_gather(machine.gradient(dense.weight), partial, dense.inputRow, dense.outputs, dense.inputs, 0)
                nr_gather(machine.gradient(dense.weight + 1), bias, dense.outputs, 1, dense.outputs, 0)
                partial.update(repeating: 0, count: dense.outputs * dense.inputRow)
                bias.update(repeating: 0, count: dense.outputs)
            }
        }
    }
}
