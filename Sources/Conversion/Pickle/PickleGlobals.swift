import Tensors

/// A type of element that PyTorch's storages have.
typealias PickleElement = ElementType

/// The names that a pickle may say. Every other one is refused when it is said, before anything could be done with it.
enum PickleGlobal: Equatable {
    /// `collections.OrderedDict` and `defaultdict`: dictionaries.
    case dictionary
    /// `torch._utils._rebuild_tensor_v2` and its predecessor.
    case rebuildTensor
    /// `torch._utils._rebuild_parameter` and its like: the tensor itself.
    case rebuildParameter
    /// `torch.FloatStorage` and the others.
    case storage(PickleElement)
    /// `torch.Size`: a tuple.
    case size
    /// Numbers of other packages, devices and types: nothing that a weight depends on.
    case harmless(String)

    /// - Throws: for any other name, which message says it.
    init(module: String, name: String, at position: Int) throws(ContainerError) {
        switch (module, name) {
        case ("collections", "OrderedDict"), ("collections", "defaultdict"): self = .dictionary
        case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"): self = .rebuildTensor
        case ("torch._utils", "_rebuild_parameter"), ("torch._utils", "_rebuild_parameter_with_state"):
            self = .rebuildParameter
        case ("torch", "Size"): self = .size
        case ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"), ("numpy", "dtype"),
            ("_codecs", "encode"), ("torch", "device"):
            self = .harmless("a value of \(module)")
        default:
            if module == "torch", let type = Self.storages[name] {
                self = .storage(type)
            } else if module == "torch", Self.types.contains(name) {
                self = .harmless("a type of torch")
            } else {
                throw Self.refusal(module: module, name: name, at: position)
            }
        }
    }

    private static let storages: [String: PickleElement] = [
        "FloatStorage": .float32, "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "DoubleStorage": .float64,
        "LongStorage": .int64, "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8,
        "ByteStorage": .uint8, "BoolStorage": .bool,
    ]

    private static let types: Set = [
        "float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool",
    ]

    private static func refusal(module: String, name: String, at position: Int) -> ContainerError {
        let full = "\(module).\(name)"
        // Classes are written in capitals, functions are not; that holds for torch, its models and most programs.
        if name.first?.isUppercase == true {
            return ContainerError(
                "the file holds a whole Python object of class \(full) (byte \(position) of the pickle), which only that "
                    + "program's code could bring back; where it is a model, save its weights alone: "
                    + "torch.save(model.state_dict(), FILE)")
        }
        return ContainerError(
            "the pickle asks for \(full) at byte \(position): expected tensors and dictionaries alone; nothing in it was run; "
                + "do not open this file with other programs unless you trust who made it")
    }
}
