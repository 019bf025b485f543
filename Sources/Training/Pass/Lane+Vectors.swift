import CKernels
import Foundation

/// One vector per image: squeeze-and-excite, the head, the loss.
extension Lane {
    func gateVector(_ gate: SqueezeExcite, _ image: Int) -> UnsafePointer<Float> {
        UnsafePointer(values + gate.gate + image * gate.excite.outputRow)
    }

    /// y = x · Wᵀ + bias for this thread's images.
    private func forwardDense(_ dense: DensePlan, from input: Int, into output: Int) {
        guard !images.isEmpty else { return }
        multiply(
            values + input + images.lowerBound * dense.inputRow, row: dense.inputRow, weights: values + dense.packed,
            bias: values + dense.bias, into: values + output + images.lowerBound * dense.outputRow,
            cRow: dense.outputRow, rows: images.count, columns: dense.outputRow, depth: dense.inputs)
    }

    /// From the gradient of y: those of weights and bias, summed up, and the one of x.
    private func backwardDense(_ dense: DensePlan, input: Int, gradient: Int, inputGradient: Int?) {
        guard !images.isEmpty else { return }
        let x = values + input + images.lowerBound * dense.inputRow
        let dy = values + gradient + images.lowerBound * dense.outputRow
        if machine.isTrained[dense.weight] {
            nr_panels(kernels.panel, x, dense.inputRow, images.count, dense.inputRow, panelScratch)
            multiplyTransposed(
                dy, row: dense.outputRow, panels: panelScratch, into: partials + dense.partial, cRow: dense.inputRow,
                rows: dense.outputs, columns: dense.inputRow, depth: images.count)
        }
        if machine.isTrained[dense.weight + 1] {
            let sums = partials + dense.biasPartial
            for row in 0..<images.count {
                for n in 0..<dense.outputs { sums[n] += dy[row * dense.outputRow + n] }
            }
        }
        if let inputGradient {
            multiply(
                dy, row: dense.outputRow, weights: values + dense.transposed,
                into: values + inputGradient + images.lowerBound * dense.inputRow, cRow: dense.inputRow,
                rows: images.count, columns: dense.inputRow, depth: dense.outputs)
        }
    }

    /// Averages of a unit's map, one vector per image.
    private func average(_ index: Int, into target: Int, row: Int) {
        let unit = plan.units[index]
        let channels = unit.output.channels, area = unit.output.area
        var own = norm(unit)
        for image in images {
            channelSums.update(repeating: 0, count: channels)
            training.sums(
                &own, rowsMap(values + unit.memory.z + image * area * channels, channels), extent(1, area, channels),
                channelSums)
            let averages = values + target + image * row
            for c in 0..<channels { averages[c] = Float(channelSums[c] / Double(area)) }
        }
    }

    func forwardGate(_ gate: SqueezeExcite) {
        average(gate.unit, into: gate.averages, row: gate.reduce.inputRow)
        forwardDense(gate.reduce, from: gate.averages, into: gate.reduced)
        let narrow = images.lowerBound * gate.reduce.outputRow..<images.upperBound * gate.reduce.outputRow
        let (reduced, activated) = (values + gate.reduced, values + gate.activated)
        for i in narrow { activated[i] = activate(reduced[i], gate.activation) }
        forwardDense(gate.excite, from: gate.activated, into: gate.gate)
        let wide = images.lowerBound * gate.excite.outputRow..<images.upperBound * gate.excite.outputRow
        let opened = values + gate.gate
        for i in wide { opened[i] = 1 / (1 + exp(-opened[i])) }
    }

    /// From each image's sums of gradient · gated value, to what the averages add to every pixel's gradient.
    func backwardGate(_ gate: SqueezeExcite, needsInput: Bool) {
        let wide = gate.excite.outputRow
        for image in images {
            let sums = machine.gateSums + image * plan.widest
            let opened = gateVector(gate, image), target = values + gate.gateGradient + image * wide
            // The gated value has the gate in it, so that sigmoid' / gate = 1 − gate is left.
            for c in 0..<gate.channels { target[c] = Float(sums[c]) * (1 - opened[c]) }
        }
        backwardDense(
            gate.excite, input: gate.activated, gradient: gate.gateGradient, inputGradient: gate.activatedGradient)
        let narrow = images.lowerBound * gate.reduce.outputRow..<images.upperBound * gate.reduce.outputRow
        let (reduced, gradient) = (values + gate.reduced, values + gate.activatedGradient)
        for i in narrow { gradient[i] *= slope(reduced[i], gate.activation) }
        backwardDense(
            gate.reduce, input: gate.averages, gradient: gate.activatedGradient,
            inputGradient: needsInput ? gate.shift : nil)
        let share = 1 / Float(plan.units[gate.unit].output.area)
        if needsInput {
            let shift = values + gate.shift
            for i in images.lowerBound * wide..<images.upperBound * wide { shift[i] *= share }
        }
    }

    private func activate(_ x: Float, _ activation: Int32) -> Float {
        switch activation {
        case Int32(NR_SWISH.rawValue): x / (1 + exp(-x))
        case Int32(NR_RELU6.rawValue): min(max(x, 0), 6)
        default: x
        }
    }

    private func slope(_ x: Float, _ activation: Int32) -> Float {
        switch activation {
        case Int32(NR_SWISH.rawValue):
            let s = 1 / (1 + exp(-x))
            return s + s * (x - x * s)
        case Int32(NR_RELU6.rawValue): return x > 0 && x < 6 ? 1 : 0
        default: return 1
        }
    }

    /// Floats from one image's vector to the next one's, before step `index` of the head or, at the end, after it.
    private func vectorRow(_ index: Int) -> Int {
        if index == 0 { return (plan.featuresCount + 7) / 8 * 8 }
        return switch plan.head[index - 1] {
        case .dense(let dense, _): dense.outputRow
        case .dropout(let count): (count + 7) / 8 * 8
        }
    }

    func forwardHead() {
        switch plan.features {
        case .average(let unit): average(unit, into: plan.vectors[0], row: vectorRow(0))
        case .flatten(let index):
            let unit = plan.units[index]
            for image in images {
                var call = nr_apply()
                call.norm = norm(unit)
                call.z = rowsMap(values + unit.memory.z + image * unit.output.count, unit.output.channels)
                call.target = rowsMap(values + plan.vectors[0] + image * vectorRow(0), unit.output.channels)
                call.keep = 1
                call.extent = extent(1, unit.output.area, unit.output.channels)
                training.apply(&call)
            }
        case .given:
            guard let input = pass.input else { return }
            for image in images {
                (values + plan.vectors[0] + image * vectorRow(0)).update(
                    from: input + image * plan.featuresCount, count: plan.featuresCount)
            }
        }
        for (index, step) in plan.head.enumerated() {
            let (input, output) = (plan.vectors[index], plan.vectors[index + 1])
            switch step {
            case .dense(let dense, let isRectified):
                forwardDense(dense, from: input, into: output)
                if isRectified {
                    let row = dense.outputRow
                    for i in images.lowerBound * row..<images.upperBound * row {
                        values[output + i] = max(values[output + i], 0)
                    }
                }
            case .dropout(let count):
                let row = vectorRow(index)
                for image in images {
                    for n in 0..<count {
                        values[output + image * row + n] = values[input + image * row + n] * survival(index, image, n)
                    }
                }
            }
        }
    }

    /// What dropout multiplies a value with: 0, or 1 / the chance to survive.
    func survival(_ index: Int, _ image: Int, _ position: Int) -> Float {
        guard pass.dropout > 0 else { return 1 }
        let draw = Draws.uniform(
            pass.seed, stream: UInt64(plan.units.count + index), position: UInt64(image) << 32 | UInt64(position))
        return draw < 1 - pass.dropout ? Float(1 / (1 - pass.dropout)) : 0
    }

    /// Each image's loss, and the gradient of its logits.
    func takeLoss() {
        guard let targets = pass.targets else { return }
        let last = plan.head.count
        let row = vectorRow(last)
        for image in images {
            let logits = values + plan.vectors[last] + image * row
            let gradient = values + plan.vectorGradients[last] + image * row
            let loss = pass.loss.loss(
                logits: logits, targets: targets + image * plan.labels, count: plan.labels, gradient: gradient)
            machine.losses[image] = loss / pass.normaliser
            let scale = pass.share / Float(pass.normaliser)
            for n in 0..<plan.labels { gradient[n] *= scale }
        }
    }

    func backwardHead(needsInput: Bool) {
        for (index, step) in plan.head.enumerated().reversed() {
            let (input, output) = (plan.vectorGradients[index], plan.vectorGradients[index + 1])
            switch step {
            case .dense(let dense, let isRectified):
                let row = dense.outputRow
                if isRectified {
                    for i in images.lowerBound * row..<images.upperBound * row
                    where values[plan.vectors[index + 1] + i] <= 0 {
                        values[output + i] = 0
                    }
                }
                backwardDense(
                    dense, input: plan.vectors[index], gradient: output,
                    inputGradient: index > 0 || needsInput ? input : nil)
            case .dropout(let count):
                let row = vectorRow(index)
                for image in images {
                    for n in 0..<count {
                        values[input + image * row + n] = values[output + image * row + n] * survival(index, image, n)
                    }
                }
            }
        }
        guard needsInput, case .average(let unit) = plan.features else { return }
        let share = 1 / Float(plan.units[unit].output.area), row = vectorRow(0)
        for i in images.lowerBound * row..<images.upperBound * row { values[plan.vectorGradients[0] + i] *= share }
    }

    /// The features' gradient of an image.
    func featuresGradient(_ image: Int) -> UnsafeMutablePointer<Float> {
        values + plan.vectorGradients[0] + image * vectorRow(0)
    }
}
