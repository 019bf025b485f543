import Foundation
public import Tensors

/// How many images per second the inference engine takes, measured on the engine that a run uses.
public struct Throughput: Sendable, Hashable {
    /// Images per second, all threads together.
    public let imagesPerSecond: Double
    /// Milliseconds that one thread takes for one image.
    public let millisecondsPerImage: Double
    /// Images taken.
    public let images: Int
    /// The kernels in use.
    public let instructionSet: InstructionSet
    /// What was computed in: float where the machine has no instructions for what was asked.
    public let precision: Precision
    /// Products (multiplications, each with an addition) per second, all threads together.
    public var productsPerSecond: Double { imagesPerSecond * Double(products) }
    /// Products of one image.
    public let products: Int
    /// What each part of the network takes, where it was asked for.
    public let parts: [PartTime]

    /// What a part of the network takes for one image.
    public struct PartTime: Sendable, Hashable {
        /// The part; its products are those of one image.
        public let part: Program.Part
        /// The median over the images.
        public let seconds: Double
    }

    /// Measures a network of a variant at its own resolution, with weights that a formula makes, for about `seconds` seconds.
    ///
    /// Every thread has a network of its own over shared weights and takes one image after the other, as a run's workers do;
    /// `batch` images are handed over at once.
    ///
    /// - Throws: an instruction set the machine lacks.
    public static func measure(
        _ variant: Variant, padding: ModelManifest.Padding = .same, precision: Precision = .f32, batch: Int = 1,
        threads: Int = 1, seconds: Double = 3, parts: Bool = false
    ) throws(EfficientNetError) -> Throughput {
        let description = NetworkDescription(
            architecture: Architecture(variant, padding: padding), batchNormEpsilon: padding.batchNormEpsilon,
            head: .linear, labels: 1000, resolution: variant.coefficients.resolution)
        let network = try Network(description, weights: Weights(evenly: description.parameters), precision: precision)
        let side = description.resolution
        let image = (0..<3 * side * side).map { Float($0 % 251) / 125 - 1 }
        let lanes = (0..<threads).map { _ in Lane(network, image: image, batch: batch, seconds: seconds) }
        let group = DispatchGroup()
        for lane in lanes {
            let thread = Thread {
                lane.run()
                group.leave()
            }
            group.enter()
            thread.start()
        }
        group.wait()
        let images = lanes.reduce(0) { $0 + $1.images }
        let rate = lanes.reduce(0) { $0 + Double($1.images) / $1.elapsed }
        return Throughput(
            imagesPerSecond: rate, millisecondsPerImage: 1000 * Double(threads) / rate, images: images,
            instructionSet: network.instructionSet, precision: network.precision,
            products: VariantFacts(variant).products,
            parts: parts ? try partTimes(network, image: image, seconds: seconds) : [])
    }

    /// Times every step of the same forward pass, on one thread, for `seconds` seconds at least.
    private static func partTimes(
        _ network: Network, image: [Float], seconds: Double
    ) throws(EfficientNetError) -> [PartTime] {
        var samples: [[(part: Program.Part, seconds: Double)]] = []
        let start = ContinuousClock.now
        repeat {
            let sample = image.withUnsafeBufferPointer { image in
                Result { () throws(EfficientNetError) in try network.timed(prepared: image) }
            }
            samples.append(try sample.get())
        } while (ContinuousClock.now - start) / .seconds(1) < seconds || samples.count < 3
        return samples[0].indices.map { step in
            let sorted = samples.map { $0[step].seconds }.sorted()
            return PartTime(part: samples[0][step].part, seconds: sorted[sorted.count / 2])
        }
    }

    /// One thread's work. Sendable: its thread alone touches it until the group says that the thread is done.
    private final class Lane: @unchecked Sendable {
        private let network: Network
        private let image: [Float]
        private let batch: Int
        private let seconds: Double
        private(set) var images = 0
        private(set) var elapsed = 1.0

        init(_ network: Network, image: [Float], batch: Int, seconds: Double) {
            self.network = Network(sharingWeightsOf: network)
            self.image = image
            self.batch = batch
            self.seconds = seconds
        }

        func run() {
            image.withUnsafeBufferPointer { image in
                for _ in 0..<3 { _ = try? network.logits(prepared: image) }
                let start = ContinuousClock.now
                repeat {
                    for _ in 0..<batch { _ = try? network.logits(prepared: image) }
                    images += batch
                    elapsed = (ContinuousClock.now - start) / .seconds(1)
                } while elapsed < seconds
            }
        }
    }
}
