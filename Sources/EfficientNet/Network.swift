public import Tensors

/// Everything that fixes a network but its weights.
public struct NetworkDescription: Sendable, Hashable {
    /// Stem, blocks and features.
    public var architecture: Architecture
    /// Added to batch norm's variances.
    public var batchNormEpsilon: Double
    /// What follows the last convolution.
    public var head: ModelManifest.Head
    /// Outputs of the classifier.
    public var labels: Int
    /// Side of the square input, in pixels.
    public var resolution: Int

    /// A description; `resolution` is what `Network.logits(prepared:)` takes.
    public init(
        architecture: Architecture, batchNormEpsilon: Double, head: ModelManifest.Head, labels: Int, resolution: Int
    ) {
        self.architecture = architecture
        self.batchNormEpsilon = batchNormEpsilon
        self.head = head
        self.labels = labels
        self.resolution = resolution
    }

    /// Every tensor the network reads.
    public var parameters: [Layer.Parameter] {
        architecture.parameters(side: resolution, head: head, labels: labels)
    }
}

/// The inference engine of one model. One thread at a time: it owns the memory that a forward pass works in.
public final class Network {
    /// Sides of an input lie in this range; the upper end bounds the memory a forward pass takes.
    public static let inputSides = 1...4096

    private let packed: PackedNetwork
    private var program: (size: Program.Size, program: Program)?

    /// A network of the given weights, packed for `isa`, or for what `InstructionSet.selected` says.
    ///
    /// - Parameters:
    ///   - precision: What to compute in; float where the instruction set has nothing faster for it.
    ///   - emulating: Whether a precision without instructions is computed all the same, slowly: for tests.
    /// - Throws: an instruction set the machine lacks.
    public init(
        _ description: NetworkDescription, weights: Weights, isa: InstructionSet? = nil, precision: Precision = .f32,
        emulating: Bool = false
    ) throws(EfficientNetError) {
        let chosen: InstructionSet
        if let isa {
            chosen = isa
        } else {
            do {
                chosen = try InstructionSet.selected()
            } catch {
                throw .tensors(error)
            }
        }
        packed = try PackedNetwork(
            description, weights: weights, isa: chosen,
            precision: emulating ? precision : precision.effective(on: chosen))
    }

    /// A network of a model that was packed, here or in another process.
    public init(_ model: PackedModel) {
        packed = model.network
    }

    /// Another network over the same packed weights, for another thread.
    public init(sharingWeightsOf other: Network) {
        packed = other.packed
    }

    /// What fixes the network but its weights.
    public var description: NetworkDescription { packed.description }
    /// The kernels in use.
    public var instructionSet: InstructionSet { packed.weights.instructionSet }
    /// What the network computes in.
    public var precision: Precision { packed.weights.precision }
    /// Number of outputs.
    public var labelsCount: Int { description.labels }
    /// Side of the square input that `logits(prepared:)` takes.
    public var resolution: Int { description.resolution }

    /// The logits of one prepared image, [3, R, R] normalised, R the resolution.
    ///
    /// - Throws: `EfficientNetError.wrongInput` for another number of values.
    public func logits(prepared: UnsafeBufferPointer<Float>) throws(EfficientNetError) -> [Float] {
        guard prepared.count == 3 * resolution * resolution else {
            throw .wrongInput(expected: "3 × \(resolution) × \(resolution) values", found: "\(prepared.count)")
        }
        return forward(prepared, size: Program.Size(height: resolution, width: resolution))
    }

    /// The logits of one prepared image, and the last map's averages over its pixels, one per feature channel: what the network made
    /// of the image before its head. The averages are by-products of the logits.
    ///
    /// - Throws: as `logits(prepared:)`.
    public func reading(
        prepared: UnsafeBufferPointer<Float>
    ) throws(EfficientNetError) -> (logits: [Float], features: [Float]) {
        let logits = try logits(prepared: prepared)
        return (logits, program?.program.lastFeatures() ?? [])
    }

    /// The logits, [N, labels], of N normalised images of any one size, [N, 3, H, W].
    ///
    /// - Throws: `EfficientNetError.wrongInput`.
    public func logits(_ input: Tensor) throws(EfficientNetError) -> Tensor {
        let shape = input.shape
        guard shape.count == 4, shape[1] == 3, shape[2...].allSatisfy(Self.inputSides.contains) else {
            throw .wrongInput(
                expected: "shape [N, 3, H, W], H and W in \(Self.inputSides)", found: "\(shape)")
        }
        if description.head.flattens {
            let expected = Architecture.lastMap(side: resolution)
            guard shape[2...].allSatisfy({ Architecture.lastMap(side: $0) == expected }) else {
                throw .wrongInput(
                    expected:
                        "sides of \(resolution) pixels: the head \(description.head.kind.rawValue) is made for one size",
                    found: "\(shape)")
            }
        }
        let count = 3 * shape[2] * shape[3]
        let logits = input.scalars.withUnsafeBufferPointer { images in
            (0..<shape[0]).flatMap { index in
                forward(
                    UnsafeBufferPointer(rebasing: images[index * count..<(index + 1) * count]),
                    size: Program.Size(height: shape[2], width: shape[3]))
            }
        }
        do {
            return try Tensor(shape: [shape[0], labelsCount], scalars: logits)
        } catch {
            throw .tensors(error)
        }
    }

    /// One forward pass over a prepared image, and what each step of it took.
    func timed(prepared: UnsafeBufferPointer<Float>) throws(EfficientNetError) -> [(
        part: Program.Part, seconds: Double
    )] {
        _ = try logits(prepared: prepared)
        return program?.program.timed(prepared) ?? []
    }

    private func forward(_ image: UnsafeBufferPointer<Float>, size: Program.Size) -> [Float] {
        if let program, program.size == size { return program.program.run(image) }
        let program = packed.program(for: size)
        self.program = (size, program)
        return program.run(image)
    }
}
