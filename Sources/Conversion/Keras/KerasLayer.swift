import Foundation

/// One layer of a Keras model's configuration, nested models taken apart.
struct KerasLayer {
    let name: String
    /// `Dense`, `Rescaling` …
    let kind: String
    let settings: [String: Any]
    /// Names of the layers whose outputs it takes; nil in a Sequential model, where it is the one before.
    let inputs: [String]?
    /// Whether it is a class that Keras does not come with.
    let isCustom: Bool

    /// A setting that is a text, or the name of the object that it is.
    func text(_ key: String) -> String? {
        if let text = settings[key] as? String { return text }
        let object = settings[key] as? [String: Any]
        return object?["config"] as? String ?? object?["class_name"] as? String
    }

    func number(_ key: String) -> Double? { (settings[key] as? NSNumber)?.doubleValue }

    /// A setting that is one number for all channels, or one for each; nil where it is neither.
    func channels(_ key: String) -> [Double]? {
        var value = settings[key]
        if let object = value as? [String: Any] { value = (object["config"] as? [String: Any])?["value"] }
        while let list = value as? [Any], list.count == 1 { value = list[0] }
        if let number = value as? NSNumber { return [Double](repeating: number.doubleValue, count: 3) }
        let numbers = (value as? [Any])?.compactMap { ($0 as? NSNumber)?.doubleValue }
        return numbers?.count == 3 ? numbers : nil
    }
}

/// A Keras model's configuration as a list of layers.
struct KerasConfiguration {
    /// Layers of one model; more are an attack.
    static let layerLimit = 20_000
    /// Models nested in models.
    static let depthLimit = 8

    /// All layers, those of nested models in the place of these.
    private(set) var layers: [KerasLayer] = []
    /// The last layer of each nested model, by its name.
    private(set) var ends: [String: String] = [:]
    /// Names of layers by the groups that Keras 3 keeps their variables in (`layers/conv2d_1`).
    private(set) var groups: [String: String] = [:]

    /// Reads the JSON.
    ///
    /// - Throws: the reason, for text that is no model.
    init(json: String) throws(ContainerError) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any] else {
            throw ContainerError("the model's configuration is not JSON")
        }
        try add(model: object, group: "", depth: 0)
    }

    private mutating func add(model: [String: Any], group: String, depth: Int) throws(ContainerError) {
        guard depth < Self.depthLimit else {
            throw ContainerError("expected models nested at most \(Self.depthLimit) deep, found more")
        }
        let kind = model["class_name"] as? String ?? "nothing"
        guard Self.models.contains(kind), let settings = model["config"] as? [String: Any],
            let list = settings["layers"] as? [[String: Any]]
        else {
            throw ContainerError(
                "expected a Sequential or Functional model, found \(kind): save a model that is made of layers")
        }
        var counts: [String: Int] = [:]
        for item in list {
            let settings = item["config"] as? [String: Any] ?? [:]
            let kind = item["class_name"] as? String ?? "nothing"
            let name = settings["name"] as? String ?? item["name"] as? String ?? kind
            let folder = Self.snakeCase(kind)
            let count = counts[folder, default: 0]
            counts[folder] = count + 1
            let place = "\(group)layers/\(folder)" + (count == 0 ? "" : "_\(count)")
            if settings["layers"] is [Any] {
                try add(model: item, group: place + "/", depth: depth + 1)
                ends[name] = layers.last?.name
                continue
            }
            groups[place] = name
            let module = item["module"] as? String
            let isKeras = module.map { $0 == "keras" || $0.hasPrefix("keras.") } ?? true
            layers.append(
                KerasLayer(
                    name: name, kind: kind, settings: settings,
                    inputs: model["class_name"] as? String == "Sequential" ? nil : Self.inputs(item["inbound_nodes"]),
                    isCustom: !isKeras || kind.contains(">")))
            guard layers.count <= Self.layerLimit else {
                throw ContainerError("expected a model of at most \(Self.layerLimit) layers, found more")
            }
        }
    }

    private static let models: Set = ["Sequential", "Functional", "Model"]

    /// The layers that `inbound_nodes` names: `[[["a", 0, 0, {}]]]` in Keras 2, `keras_history` of tensors in Keras 3.
    private static func inputs(_ nodes: Any?) -> [String] {
        var names: [String] = []
        var open: [Any] = nodes.map { [$0] } ?? []
        // Depth first, without recursion; the parser has bounded how deep it nests.
        while let value = open.popLast() {
            if let object = value as? [String: Any] {
                if let history = object["keras_history"] as? [Any] {
                    if let name = history.first as? String { names.append(name) }
                } else {
                    open.append(contentsOf: object.values)
                }
            } else if let list = value as? [Any] {
                if list.count >= 3, let name = list.first as? String, list[1] is NSNumber, list[2] is NSNumber {
                    names.append(name)
                } else {
                    open.append(contentsOf: list)
                }
            }
        }
        return names
    }

    /// What Keras 3 calls the group of a layer's class (`keras/src/utils/naming.py`).
    static func snakeCase(_ name: String) -> String {
        let letters = Array(
            name.unicodeScalars.filter { $0.properties.isAlphabetic || $0 == "_" || $0.properties.numericType != nil })
        var result = ""
        for (index, letter) in letters.enumerated() {
            let isUpper = letter.properties.isUppercase
            let before = index > 0 ? letters[index - 1] : nil
            let startsWord = index + 1 < letters.count && letters[index + 1].properties.isLowercase
            if isUpper, let before, before != "_", startsWord || before.properties.isLowercase { result += "_" }
            result += String(letter).lowercased()
        }
        return result
    }
}
