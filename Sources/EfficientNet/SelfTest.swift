import Tensors

/// A few inputs with what the model made of them when it was packaged: pictures, prepared tensors and logits.
///
/// Reproduced before a night's first scan, so that a changed resize, a wrong padding or a damaged file stops the run
/// before it starts. In `selftest.safetensors` case N is `picture.N` (U8 or U16, [H, W, C]), `prepared.N` (F32, [3, R, R])
/// and `logits.N` (F32, [K]).
public struct SelfTest: Sendable, Hashable {
    /// Raw samples, [H, W, C].
    public enum Samples: Sendable, Hashable {
        /// 8-bit samples.
        case uint8([UInt8])
        /// 16-bit samples.
        case uint16([UInt16])

        /// Bits per sample.
        public var bits: Int {
            switch self {
            case .uint8: 8
            case .uint16: 16
            }
        }

        /// Number of samples.
        public var count: Int {
            switch self {
            case .uint8(let samples): samples.count
            case .uint16(let samples): samples.count
            }
        }
    }

    /// One picture and what becomes of it.
    public struct Case: Sendable, Hashable {
        /// Rows of the picture.
        public var height: Int
        /// Columns of the picture.
        public var width: Int
        /// 1 (gray) or 3 (RGB).
        public var channels: Int
        /// The picture, [H, W, C].
        public var samples: Samples
        /// The network's input, [3, R, R].
        public var prepared: [Float]
        /// One per label.
        public var logits: [Float]

        /// A case; `prepared` is [3, R, R].
        public init(
            height: Int, width: Int, channels: Int, samples: Samples, prepared: [Float], logits: [Float]
        ) {
            self.height = height
            self.width = width
            self.channels = channels
            self.samples = samples
            self.prepared = prepared
            self.logits = logits
        }
    }

    /// In the order of their numbers.
    public var cases: [Case]

    /// A self-test of the given cases.
    public init(cases: [Case]) {
        self.cases = cases
    }

    /// Reads `selftest.safetensors`; `resolution` and `labels` are the manifest's.
    ///
    /// - Throws: `EfficientNetError` for a file that breaks the format or does not fit the model.
    init(_ file: SafetensorsFile, resolution: Int, labels: Int) throws(EfficientNetError) {
        cases = []
        while let picture = file["picture.\(cases.count)"] {
            let index = cases.count
            guard picture.shape.count == 3, picture.shape.allSatisfy({ $0 > 0 }), [1, 3].contains(picture.shape[2])
            else {
                throw .wrongShape(
                    path: file.path, tensor: "picture.\(index)", expected: [-1, -1, 3], found: picture.shape)
            }
            do {
                let samples: Samples =
                    picture.type == .uint16
                    ? .uint16(try file.words("picture.\(index)")) : .uint8(try file.bytes("picture.\(index)"))
                let prepared = try file.tensor("prepared.\(index)")
                let logits = try file.tensor("logits.\(index)")
                for (name, tensor, shape) in [
                    ("prepared", prepared, [3, resolution, resolution]), ("logits", logits, [labels]),
                ] where tensor.shape != shape {
                    throw EfficientNetError.wrongShape(
                        path: file.path, tensor: "\(name).\(index)", expected: shape, found: tensor.shape)
                }
                cases.append(
                    Case(
                        height: picture.shape[0], width: picture.shape[1], channels: picture.shape[2], samples: samples,
                        prepared: prepared.scalars, logits: logits.scalars))
            } catch let error as TensorError {
                throw .tensors(error)
            } catch let error as EfficientNetError {
                throw error
            } catch {
                throw .cannotRead(path: file.path, reason: "\(error)")
            }
        }
    }

    /// The file's content.
    ///
    /// - Throws: `EfficientNetError.tensors` when a case's sizes do not agree.
    func writer(resolution: Int) throws(EfficientNetError) -> SafetensorsWriter {
        var writer = SafetensorsWriter()
        do {
            for (index, test) in cases.enumerated() {
                let shape = [test.height, test.width, test.channels]
                switch test.samples {
                case .uint8(let samples): try writer.add("picture.\(index)", shape: shape, bytes: samples)
                case .uint16(let samples): try writer.add("picture.\(index)", shape: shape, words: samples)
                }
                writer.add(
                    "prepared.\(index)", try Tensor(shape: [3, resolution, resolution], scalars: test.prepared))
                writer.add("logits.\(index)", Tensor(test.logits))
            }
        } catch {
            throw .tensors(error)
        }
        return writer
    }
}
