import CKernels
import Foundation

extension Trainer {
    /// The norm of all gradients together.
    func gradientNorm() -> Double {
        let trained = trainedEntries
        let threads = self.threads
        var sums = [Double](repeating: 0, count: trained.count * threads)
        sums.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let sums = buffer
            let machine = self.machine
            machine.team.run { thread in
                for (index, entry) in trained.enumerated() {
                    let part = Trainer.part(entry, thread, threads)
                    sums[index * threads + thread] = machine.training.pointee.squares(
                        machine.gradients + part.lowerBound, part.count)
                }
            }
        }
        return sums.reduce(0, +).squareRoot()
    }

    private var trainedEntries: [ParameterLayout.Entry] {
        layout.entries.indices.filter { machine.isTrained[$0] }.map { layout.entries[$0] }
    }

    /// A thread's part of a tensor's values.
    private static func part(_ entry: ParameterLayout.Entry, _ thread: Int, _ threads: Int) -> Range<Int> {
        entry.offset + thread * entry.count / threads..<entry.offset + (thread + 1) * entry.count / threads
    }

    /// One update by the gradients as they are.
    func apply() {
        // As PyTorch's clip_grad_norm_ has it.
        let scale = settings.optimizer.largestNorm.map { Float(min(1, $0 / (gradientNorm() + 1e-6))) } ?? 1
        let rate = settings.schedule.rate(updates)
        let optimizer = settings.optimizer
        let trained = trainedEntries
        let (machine, threads, updates) = (self.machine, self.threads, self.updates)
        nonisolated(unsafe) let (first, second, average) = (self.first.floats, self.second.floats, self.average.floats)
        let decay = settings.averageDecay.map { min($0, (1 + Double(updates)) / (10 + Double(updates))) }
        let all = layout.entries
        machine.team.run { thread in
            for entry in trained {
                let part = Trainer.part(entry, thread, threads)
                let decay = entry.decays ? Float(optimizer.weightDecay) : 0
                switch optimizer.rule {
                case .adamW(let beta1, let beta2, let epsilon), .adam(let beta1, let beta2, let epsilon):
                    var call = nr_adam()
                    call.weights = machine.weights + part.lowerBound
                    call.first = first + part.lowerBound
                    call.second = second + part.lowerBound
                    call.gradient = UnsafePointer(machine.gradients + part.lowerBound)
                    call.count = part.count
                    call.rate = Float(rate)
                    call.beta1 = Float(beta1)
                    call.beta2 = Float(beta2)
                    call.epsilon = Float(epsilon)
                    call.correction1 = Float(1 - pow(beta1, Double(updates + 1)))
                    call.root_correction2 = Float((1 - pow(beta2, Double(updates + 1))).squareRoot())
                    if case .adamW = optimizer.rule { call.decay = decay } else { call.penalty = decay }
                    call.scale = scale
                    machine.training.pointee.adam(&call)
                case .sgd(let momentum):
                    var call = nr_momentum()
                    call.weights = machine.weights + part.lowerBound
                    call.velocity = first + part.lowerBound
                    call.gradient = UnsafePointer(machine.gradients + part.lowerBound)
                    call.count = part.count
                    call.rate = Float(rate)
                    call.momentum = Float(momentum)
                    call.penalty = decay
                    call.scale = scale
                    machine.training.pointee.momentum(&call)
                }
            }
            guard let decay else { return }
            for entry in all {
                let part = Trainer.part(entry, thread, threads)
                machine.training.pointee.blend(
                    average + part.lowerBound, machine.weights + part.lowerBound, Float(decay), part.count)
            }
        }
    }
}
