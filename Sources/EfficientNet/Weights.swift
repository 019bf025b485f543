public import Tensors

/// The tensors of one network, checked against what it needs: names, shapes, finite values.
public struct Weights: Sendable {
    /// Tensors in memory, or the file that has them: a file's are decoded one at a time when they are packed, so that they
    /// are never all in memory twice.
    private enum Source {
        case tensors([String: Tensor])
        case file(SafetensorsFile)
    }

    private let source: Source

    /// Tensors that the file holds, that nothing reads, and that are no mistake: PyTorch's count of training batches.
    static func isIgnored(_ name: String) -> Bool {
        name.hasSuffix(".num_batches_tracked")
    }

    /// Checks every tensor of `parameters` in a file.
    ///
    /// - Throws: `EfficientNetError` for tensors that are missing, unknown, of another shape, or not finite.
    public init(_ file: SafetensorsFile, parameters: [Layer.Parameter]) throws(EfficientNetError) {
        try Self.check(file, parameters: parameters)
        for parameter in parameters {
            let bad: (index: Int, value: Float)?
            do {
                bad = try file.firstBad(parameter.name, isNegativeBad: parameter.name.hasSuffix(".running_var"))
            } catch {
                throw .tensors(error)
            }
            if let bad {
                throw .badWeight(path: file.path, tensor: parameter.name, index: bad.index, found: bad.value)
            }
        }
        source = .file(file)
    }

    /// Takes tensors that are in memory; `path` is used in messages only.
    ///
    /// - Throws: as reading a file does.
    public init(
        _ tensors: [String: Tensor], parameters: [Layer.Parameter], path: String = "weights"
    ) throws(EfficientNetError) {
        let missing = parameters.map(\.name).filter { tensors[$0] == nil }
        guard missing.isEmpty else { throw .missingTensors(path: path, names: missing) }
        for parameter in parameters {
            guard let tensor = tensors[parameter.name] else { continue }
            guard tensor.shape == parameter.shape else {
                throw .wrongShape(path: path, tensor: parameter.name, expected: parameter.shape, found: tensor.shape)
            }
            let isVariance = parameter.name.hasSuffix(".running_var")
            let bad = tensor.firstNonFinite ?? (isVariance ? tensor.scalars.firstIndex { $0 < 0 } : nil)
            if let bad {
                throw .badWeight(path: path, tensor: parameter.name, index: bad, found: tensor.scalars[bad])
            }
        }
        source = .tensors(tensors)
    }

    /// Checks names and shapes from a file's header alone.
    static func check(_ file: SafetensorsFile, parameters: [Layer.Parameter]) throws(EfficientNetError) {
        let missing = parameters.map(\.name).filter { file[$0] == nil }
        guard missing.isEmpty else { throw .missingTensors(path: file.path, names: missing) }
        let known = Set(parameters.map(\.name))
        let unknown = file.names.filter { !known.contains($0) && !isIgnored($0) }
        guard unknown.isEmpty else { throw .unknownTensors(path: file.path, names: unknown) }
        for parameter in parameters {
            guard let found = file[parameter.name]?.shape, found != parameter.shape else { continue }
            throw .wrongShape(path: file.path, tensor: parameter.name, expected: parameter.shape, found: found)
        }
    }

    /// The values of a tensor that the check has found; empty for any other name.
    package subscript(name: String) -> [Float] {
        switch source {
        case .tensors(let tensors): tensors[name]?.scalars ?? []
        case .file(let file): (try? file.tensor(name))?.scalars ?? []
        }
    }
}
