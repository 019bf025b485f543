import Tensors

/// A source's tensors by the names that its scheme gives them: wrappers' prefixes gone, Keras' paths as `LAYER/VARIABLE`.
struct NamedTensors {
    let scheme: NameScheme
    /// Names in the file by names of the scheme.
    private(set) var names: [String: String] = [:]
    /// What no network has, and why it is left.
    private(set) var ignored: [(name: String, reason: String)] = []

    /// - Throws: a file without any EfficientNet's first convolution, or with two tensors of a name.
    init(_ source: SourceFile, layers: [String: String]) throws(ConversionError) {
        let all = source.tensors.names
        if source.notes.format == .kerasArchive || source.notes.format == .hdf5 {
            scheme = .keras
            for name in all {
                switch KerasTensors.name(name, layers: layers) {
                case .variable(let variable): try add(name, as: variable, path: source.path)
                case .ignored(let reason): ignored.append((name, reason))
                }
            }
            guard names[scheme.stem] != nil else { throw Self.unknown(source.path, all) }
            return
        }
        var found: (scheme: NameScheme, prefix: [Substring])?
        for scheme in NameScheme.allCases where scheme != .keras {
            let stems = all.filter { $0 == scheme.stem || $0.hasSuffix(".\(scheme.stem)") }
            guard let stem = stems.first else { continue }
            guard stems.count == 1 else {
                throw .notOurs(
                    path: source.path,
                    reason: "expected one EfficientNet, found \(stems.count): \(stems.joined(separator: ", "))")
            }
            found = (scheme, stem.dropLast(scheme.stem.count).split(separator: "."))
            break
        }
        guard let found else { throw Self.unknown(source.path, all) }
        scheme = found.scheme
        for name in all {
            if name.hasSuffix(".num_batches_tracked") {
                ignored.append((name, "PyTorch's count of training batches"))
                continue
            }
            // `module.`, `_orig_mod.`, `efficientnet.`: as much of it as the name has; a head lies outside of the last.
            var rest = name[...]
            for part in found.prefix {
                guard rest.hasPrefix("\(part).") else { break }
                rest = rest.dropFirst(part.count + 1)
            }
            try add(name, as: String(rest), path: source.path)
        }
    }

    private mutating func add(_ name: String, as short: String, path: String) throws(ConversionError) {
        guard let other = names.updateValue(name, forKey: short) else { return }
        throw .notOurs(path: path, reason: "\(other) and \(name) both are \(short): expected one EfficientNet")
    }

    private static func unknown(_ path: String, _ all: [String]) -> ConversionError {
        let found = all.prefix(4).joined(separator: ", ")
        return .notOurs(
            path: path,
            reason:
                "no EfficientNet that is known: expected the names of timm, torchvision, Hugging Face transformers, "
                + "efficientnet_pytorch or keras.applications, found "
                + (all.isEmpty ? "no tensors" : "\(found)\(all.count > 4 ? ", …" : "")"))
    }
}
