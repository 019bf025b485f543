import EfficientNet
import Foundation
import Imaging

/// Batches of prepared frames: in which order they come, what is changed in them, and what they should give.
struct BatchMaker {
    let prepared: PreparedScans
    let labels: Int
    let recipe: Recipe
    let threads: Int
    /// Indices into the prepared frames.
    let train: [Int]
    let validation: [Int]

    init(_ prepared: PreparedScans, _ division: DataDivision, labels: Int, recipe: Recipe, threads: Int) {
        self.prepared = prepared
        self.labels = labels
        self.recipe = recipe
        self.threads = threads
        train = prepared.frames.indices.filter { division.sides[prepared.frames[$0].scan] == .train }
        validation = prepared.frames.indices.filter { division.sides[prepared.frames[$0].scan] == .validation }
    }

    /// [frames, labels]: 1 for each of a frame's labels.
    func targets(_ frames: [Int]) -> [Float] {
        frames.flatMap { frame in
            let own = prepared.scans[prepared.frames[frame].scan].labels
            return (0..<labels).map { own.contains($0) ? Float(1) : 0 }
        }
    }

    /// What the frames of a batch are called in messages.
    func names(_ frames: [Int]) -> [String] {
        frames.map { index in
            let frame = prepared.frames[index]
            return prepared.scans[frame.scan].name + (frame.number > 0 ? ", frame \(frame.number)" : "")
        }
    }

    /// Normalised inputs, [frames, 3, side, side]; `round`: whose changes they get, nil for none.
    func inputs(_ frames: [Int], round: Int?) -> [Float] {
        let count = prepared.inputCount, side = prepared.side
        let augmentation = recipe.augmentation.isNone || round == nil ? nil : recipe.augmentation
        let (seed, round) = (recipe.seed, round ?? 0)
        return [Float](unsafeUninitializedCapacity: frames.count * count) { buffer, initialized in
            nonisolated(unsafe) let (buffer, prepared) = (buffer, prepared)
            DispatchQueue.concurrentPerform(iterations: frames.count) { place in
                let part = UnsafeMutableBufferPointer(rebasing: buffer[place * count..<(place + 1) * count])
                prepared.input(prepared.frames[frames[place]], into: part) { pixels, planes in
                    guard let augmentation else { return }
                    let draw = augmentation.draw(seed: seed, round: round, picture: frames[place])
                    Augmentation.apply(draw, to: &pixels, planes: planes, side: side)
                }
            }
            initialized = frames.count * count
        }
    }

    /// The frames of an epoch, batch by batch; a last batch of one frame is left out where there are others, for batch norm needs two.
    func batches(phase: Int, epoch: Int) -> [[Int]] {
        var generator = SeededGenerator(seed: recipe.seed, stream: Draws.mix(UInt64(phase) << 32 + UInt64(epoch)))
        let order: [Int]
        if recipe.balance == .sampling {
            let classes = classes()
            order = train.indices.map { _ in
                let members = classes[Int.random(in: 0..<classes.count, using: &generator)]
                return members[Int.random(in: 0..<members.count, using: &generator)]
            }
        } else {
            order = train.shuffled(using: &generator)
        }
        var result = stride(from: 0, to: order.count, by: recipe.batch).map {
            Array(order[$0..<min($0 + recipe.batch, order.count)])
        }
        if result.count > 1, result.last?.count == 1 { result.removeLast() }
        return result
    }

    /// Batches of an epoch.
    var batchesCount: Int {
        let full = train.count / recipe.batch, rest = train.count % recipe.batch
        return full + (rest == 0 || (rest == 1 && full > 0) ? 0 : 1)
    }

    /// Training frames by label; those without any are one more class.
    private func classes() -> [[Int]] {
        var classes = [[Int]](repeating: [], count: labels + 1)
        for frame in train {
            let own = prepared.scans[prepared.frames[frame].scan].labels
            if own.isEmpty { classes[labels].append(frame) }
            for label in own { classes[label].append(frame) }
        }
        return classes.filter { !$0.isEmpty }
    }

    /// The loss that is trained with.
    func loss(isMultiple: Bool) -> Loss {
        var weights: [Float] = []
        if recipe.balance == .weights {
            let targets = targets(train)
            for label in 0..<labels {
                let positives = max(
                    1, stride(from: label, to: targets.count, by: labels).filter { targets[$0] == 1 }.count)
                let others = Float(train.count - positives)
                weights.append(
                    isMultiple
                        ? max(others, 1) / Float(positives) : Float(train.count) / Float(labels * positives))
            }
        }
        return isMultiple
            ? .sigmoid(smoothing: recipe.smoothing, weights: weights)
            : .softmax(smoothing: recipe.smoothing, weights: weights)
    }
}
