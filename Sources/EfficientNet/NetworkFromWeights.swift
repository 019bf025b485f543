public import Tensors

extension Network {
    /// A network from a weight file alone: head and labels are what its tensors say.
    ///
    /// `input` is the shape, [N, 3, H, W], it is to take first; a head that flattens is made for one size only.
    ///
    /// - Throws: `EfficientNetError` for weights or an input that do not fit the variant.
    public convenience init(
        _ file: SafetensorsFile, variant: Variant, padding: ModelManifest.Padding, batchNormEpsilon: Double? = nil,
        input: [Int], isa: InstructionSet? = nil, precision: Precision = .f32
    ) throws(EfficientNetError) {
        guard let classifier = file["classifier.weight"] else {
            throw .missingTensors(path: file.path, names: ["classifier.weight"])
        }
        let architecture = Architecture(variant, padding: padding)
        guard classifier.shape.count == 2, classifier.shape.allSatisfy({ $0 > 0 }) else {
            throw .wrongShape(
                path: file.path, tensor: "classifier.weight", expected: [1000, architecture.features],
                found: classifier.shape)
        }
        guard input.count == 4, input[1] == 3, input[2...].allSatisfy(Self.inputSides.contains) else {
            throw .wrongInput(expected: "shape [N, 3, H, W], H and W in \(Self.inputSides)", found: "\(input)")
        }
        let description = NetworkDescription(
            architecture: architecture, batchNormEpsilon: batchNormEpsilon ?? padding.batchNormEpsilon,
            head: Self.head(file, classifier: classifier.shape, features: architecture.features),
            labels: classifier.shape[0], resolution: input[2])
        try self.init(
            description, weights: Weights(file, parameters: description.parameters), isa: isa, precision: precision)
    }

    private static func head(_ file: SafetensorsFile, classifier: [Int], features: Int) -> ModelManifest.Head {
        var shapes: [[Int]] = []
        while shapes.count < ModelManifest.Head.hiddenLimit,
            let shape = file["\(ModelManifest.Head.hiddenName(shapes.count)).weight"]?.shape, shape.count == 2
        { shapes.append(shape) }
        let inputs = (shapes.first ?? classifier)[1]
        return ModelManifest.Head(
            flattens: inputs != features && inputs.isMultiple(of: features), hidden: shapes.map { $0[0] })
    }
}
