public import Tensors

/// Everything that fixes a network but its weights.
public struct NetworkDescription: Sendable, Hashable {
    public var architecture: Architecture
    /// Added to batch norm's variances.
    public var batchNormEpsilon: Double
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
    public let description: NetworkDescription
    private let reference: LayerByLayer

    /// A network of the given weights.
    ///
    /// - Throws: an instruction set the machine lacks.
    public init(
        _ description: NetworkDescription, weights: Weights, isa: InstructionSet? = nil
    ) throws(EfficientNetError) {
        self.description = description
        self.reference = LayerByLayer(description: description, weights: weights)
    }

    /// Number of outputs.
    public var labelsCount: Int { description.labels }
    /// Side of the square input that `logits(prepared:)` takes.
    public var resolution: Int { description.resolution }

    /// The logits of one prepared image, [3, R, R] normalised, R the resolution.
    ///
    /// - Throws: `EfficientNetError.wrongInput` for another number of values.
    public func logits(prepared: UnsafeBufferPointer<Float>) throws(EfficientNetError) -> [Float] {
        guard prepared.count == 3 * resolution * resolution else {
            throw .wrongInput(
                expected: "3 × \(resolution) × \(resolution) values", found: "\(prepared.count)")
        }
        return reference.forward(Array(prepared), height: resolution, width: resolution)
    }

    /// The logits, [N, labels], of N normalised images of any one size, [N, 3, H, W].
    ///
    /// - Throws: `EfficientNetError.wrongInput`.
    public func logits(_ input: Tensor) throws(EfficientNetError) -> Tensor {
        let shape = input.shape
        guard shape.count == 4, shape[1] == 3, shape[2] > 0, shape[3] > 0 else {
            throw .wrongInput(expected: "shape [N, 3, H, W]", found: "\(shape)")
        }
        let size = 3 * shape[2] * shape[3]
        var logits: [Float] = []
        for index in 0..<shape[0] {
            let image = Array(input.scalars[index * size..<(index + 1) * size])
            logits += reference.forward(image, height: shape[2], width: shape[3])
        }
        do {
            return try Tensor(shape: [shape[0], labelsCount], scalars: logits)
        } catch {
            throw .tensors(error)
        }
    }
}
