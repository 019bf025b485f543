public import EfficientNet
public import Tensors

/// A package's weights under torchvision's names.
public enum TorchvisionExport {
    /// The tensors of `torchvision.models.efficientnet_*`, whose arithmetic is the package's.
    ///
    /// torchvision's epsilon is fixed for each variant; where the package's differs, the difference goes into the running variances, which
    /// changes no output.
    ///
    /// - Throws: a variant, padding or head that torchvision does not have.
    public static func tensors(of package: ModelPackage) throws(ConversionError) -> SafetensorsWriter {
        let manifest = package.manifest
        let path = package.folder.path(percentEncoded: false)
        guard SourceConvention.isInTorchvision(manifest.variant) else {
            throw .notExportable(
                path: path,
                reason: "torchvision has no \(manifest.variant.rawValue): expected b0 to b7, v2-s, v2-m or v2-l")
        }
        guard manifest.padding == .symmetric else {
            throw .notExportable(
                path: path,
                reason:
                    "torchvision pads symmetrically, and these weights need padding same: other outputs would come of them; "
                    + "--to onnx writes the network as it is")
        }
        guard manifest.head == .linear else {
            throw .notExportable(path: path, reason: "torchvision has one dense layer as head: expected a linear head")
        }
        let source: [String: Tensor]
        do throws(EfficientNetError) { source = try package.tensors() } catch { throw .model(error) }
        let side = manifest.preprocessing.resolution
        let layers = Architecture(manifest.variant, padding: manifest.padding)
            .layers(height: side, width: side, head: manifest.head, labels: manifest.labels.count)
        let scheme = NameScheme.torchvision
        let dense = layers.filter { $0.name == "classifier" }
        let names = scheme.backbone(layers) + dense.flatMap { scheme.dense($0, named: scheme.classifier) }
        let shift = manifest.batchNormEpsilon - SourceConvention.torchvisionEpsilon(manifest.variant)
        var writer = SafetensorsWriter()
        for name in names {
            guard var tensor = source[name.parameter.name] else { continue }
            if shift != 0, name.parameter.name.hasSuffix(".running_var") {
                let shifted = tensor.scalars.map { Float(Double($0) + shift) }
                guard shifted.allSatisfy({ $0 >= 0 }) else {
                    throw .notExportable(
                        path: path,
                        reason:
                            "tensor \(name.parameter.name): a variance under torchvision's epsilon cannot make up for it"
                    )
                }
                do throws(TensorError) { tensor = try Tensor(shape: tensor.shape, scalars: shifted) } catch {
                    throw .model(.tensors(error))
                }
            }
            writer.add(name.source, tensor)
        }
        return writer
    }
}
