import CKernels

/// Batch norm: statistics over all threads' images, forwards and backwards, in a fixed order of sums.
extension Lane {
    /// A unit's coefficients, [C] each.
    struct Coefficients {
        let mean, scale, inverse, a, b, c: UnsafeMutablePointer<Float>

        init(_ unit: ConvolutionUnit, _ values: UnsafeMutablePointer<Float>) {
            let first = values + unit.memory.coefficients, channels = unit.output.channels
            mean = first
            scale = first + channels
            inverse = first + 2 * channels
            a = first + 3 * channels
            b = first + 4 * channels
            c = first + 5 * channels
        }
    }

    func coefficients(_ unit: ConvolutionUnit) -> Coefficients { Coefficients(unit, values) }

    /// What the kernels need to know of a unit's norm, from channel `first` on.
    func norm(_ unit: ConvolutionUnit, from first: Int = 0) -> nr_norm {
        let own = coefficients(unit)
        return nr_norm(
            mean: own.mean + first, scale: own.scale + first, bias: machine.weight(unit.norm + 1) + first,
            activation: unit.activation)
    }

    /// Adds pixels of the convolution's output to the statistics.
    func addMoments(_ z: UnsafePointer<Float>, pixels: Int, channels: Int) {
        training.moments(rowsMap(z, channels), extent(1, pixels, channels), Int64(summed), firstSums, secondSums)
        summed += pixels
    }

    /// This thread's share of `channels`.
    private func slice(_ channels: Int) -> Range<Int> {
        index * channels / plan.threads..<(index + 1) * channels / plan.threads
    }

    /// Coefficients from the running statistics, which stay as they are.
    func freezeNorm(_ unit: ConvolutionUnit) {
        let own = coefficients(unit)
        let weight = machine.weight(unit.norm), mean = machine.weight(unit.norm + 2)
        let variance = machine.weight(unit.norm + 3)
        for c in 0..<unit.output.channels {
            let inverse = 1 / (Double(variance[c]) + plan.epsilon).squareRoot()
            own.mean[c] = mean[c]
            own.inverse[c] = Float(inverse)
            own.scale[c] = Float(Double(weight[c]) * inverse)
            own.a[c] = own.scale[c]
            own.b[c] = 0
            own.c[c] = 0
        }
    }

    /// Joins the threads' statistics to the batch's coefficients, and passes them on to the running statistics.
    func finishForwardNorm(_ index: Int) {
        guard machine.usesBatch[index] else { return }
        let unit = plan.units[index]
        machine.team.meet()
        let own = coefficients(unit)
        let weight = machine.weight(unit.norm), runningMean = machine.weight(unit.norm + 2)
        let runningVariance = machine.weight(unit.norm + 3)
        let count = Double(pass.count * unit.output.area), momentum = pass.momentum
        for c in slice(unit.output.channels) {
            var mean = 0.0
            for lane in machine.lanes { mean += Double(lane.summed) * lane.firstSums[c] }
            mean /= count
            var squares = 0.0
            for lane in machine.lanes {
                let delta = lane.firstSums[c] - mean
                squares += lane.secondSums[c] + Double(lane.summed) * delta * delta
            }
            let inverse = 1 / (squares / count + plan.epsilon).squareRoot()
            own.mean[c] = Float(mean)
            own.inverse[c] = Float(inverse)
            own.scale[c] = Float(Double(weight[c]) * inverse)
            if pass.isBackward {
                runningMean[c] = Float((1 - momentum) * Double(runningMean[c]) + momentum * mean)
                runningVariance[c] = Float(
                    (1 - momentum) * Double(runningVariance[c]) + momentum * squares / (count - 1))
            }
        }
        machine.team.meet()
    }

    /// Joins the threads' sums to the gradients of the norm's weight and bias and to the backward pass' factors.
    func finishBackwardNorm(_ index: Int) {
        let unit = plan.units[index]
        let trains = machine.isTrained[unit.norm] || machine.isTrained[unit.norm + 1]
        guard machine.usesBatch[index] || trains else { return }
        machine.team.meet()
        let own = coefficients(unit)
        let weight = machine.weight(unit.norm)
        let weightGradient = machine.gradient(unit.norm), biasGradient = machine.gradient(unit.norm + 1)
        let count = Double(pass.count * unit.output.area)
        for c in slice(unit.output.channels) {
            var sum = 0.0, product = 0.0
            for lane in machine.lanes {
                sum += lane.firstSums[c]
                product += lane.secondSums[c]
            }
            let inverse = Double(own.inverse[c])
            product *= inverse
            if machine.isTrained[unit.norm] { weightGradient[c] += Float(product) }
            if machine.isTrained[unit.norm + 1] { biasGradient[c] += Float(sum) }
            if machine.usesBatch[index] {
                let a = Double(weight[c]) * inverse
                own.a[c] = Float(a)
                own.b[c] = Float(-a * inverse * product / count)
                own.c[c] = Float(-a * sum / count)
            }
        }
        machine.team.meet()
    }

    /// Writes the map that a unit leaves behind: norm, activation, drop-connect, and the block's input.
    func writeMap(_ index: Int) {
        let unit = plan.units[index]
        guard let map = unit.map else { return }
        let size = unit.output.count
        for image in images {
            var call = nr_apply()
            call.norm = norm(unit)
            call.z = rowsMap(values + unit.memory.z + image * size, unit.output.channels)
            call.target = rowsMap(values + plan.maps[map].offset + image * size, unit.output.channels)
            call.keep = keep(index, image)
            if let residual = unit.residual {
                call.residual = rowsMap(values + plan.maps[residual].offset + image * size, unit.output.channels)
            }
            call.extent = extent(1, unit.output.area, unit.output.channels)
            training.apply(&call)
        }
    }

    /// What drop-connect multiplies an image's map with: 0, or 1 / the chance to survive.
    func keep(_ index: Int, _ image: Int) -> Float {
        let rate = plan.units[index].dropShare * pass.dropConnect
        guard rate > 0 else { return 1 }
        let draw = Draws.uniform(pass.seed, stream: UInt64(index), position: UInt64(image))
        return draw < 1 - rate ? Float(1 / (1 - rate)) : 0
    }
}
