import EfficientNet
import Foundation
import Pipeline
import Tensors
import Yams

extension TrainingFile {
    fileprivate static let keys = [
        "name", "data", "model", "output", "phases", "batch", "accumulate", "seed", "threads", "optimizer", "loss",
        "balance",
        "dropout", "drop_connect", "batch_norm_momentum", "average", "augmentation", "stop", "keep", "preprocessing",
        "weights", "thresholds", "abstain", "report",
    ]

    /// Reads the training file at `path`.
    ///
    /// - Throws: `PipelineError.unreadableFile`, or `.invalidFile` with every problem found, in the file's order.
    public static func read(_ path: String) throws(PipelineError) -> TrainingFile {
        let (absolute, text) = try YAMLDocument.text(of: path)
        return try parse(text, path: absolute, shownAs: path)
    }

    static func parse(_ text: String, path: String, shownAs: String) throws(PipelineError) -> TrainingFile {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        return try YAMLDocument.parse(text, shownAs: shownAs, needed: "data, model, output and phases") {
            root, problems in
            TrainingFileReader(folder: folder, problems: problems).file(root, path: path, text: text)
        }
    }
}

/// Turns YAML nodes into a training file, collecting problems on the way.
private struct TrainingFileReader {
    let folder: URL
    let problems: ProblemList

    func file(_ root: Node, path: String, text: String) -> TrainingFile? {
        guard let top = YAMLMapping(root, key: "", known: TrainingFile.keys, problems: problems) else { return nil }
        let output = top.required("output", "the folder of the model package to write")
            .flatMap { top.text($0, key: "output") }.map(absolute)
        let data = data(top)
        let start = start(top)
        let recipe = recipe(top)
        guard let output, let data, let start, let recipe else { return nil }
        return TrainingFile(
            path: path, text: text, name: top.text("name") ?? URL(fileURLWithPath: output).lastPathComponent,
            data: data,
            start: start, output: output, weights: top.choice("weights", SafetensorsWriter.Precision.self) ?? .float32,
            recipe: recipe,
            threads: top.integer("threads", in: 1...1024),
            preprocessing: PreprocessingOverrides(pipeline: top), thresholdRule: thresholdRule(top),
            falseAbstainRate: falseAbstainRate(top),
            report: top.text("report").map(absolute) ?? output + ".report")
    }

    private func absolute(_ path: String) -> String { YAMLDocument.absolute(path, from: folder) }

    private func data(_ top: YAMLMapping) -> TrainingFile.Data? {
        guard let node = top.required("data", "the scans: {folder: DIR} or {manifest: FILE.csv}"),
            let mapping = YAMLMapping(
                node, key: "data", known: ["folder", "manifest", "labels", "negative", "several", "validation"],
                problems: problems)
        else { return nil }
        var data = TrainingFile.Data()
        data.folder = existing(mapping, "folder", .folder)
        data.manifest = existing(mapping, "manifest", .file)
        if (mapping.node("folder") == nil) == (mapping.node("manifest") == nil) {
            problems.add(at: node, key: "data", "expected either folder (a folder per class) or manifest (a CSV file)")
        }
        if let list = mapping.node("labels") {
            data.labels = list.sequence?.compactMap { mapping.text($0, key: "data.labels") }
            if data.labels?.isEmpty ?? true {
                problems.add(at: list, key: "data.labels", "expected a list of labels, found \(describe(list))")
            }
        }
        data.negative = mapping.text("negative")
        data.isMultiple = mapping.bool("several")
        data.validation = mapping.number("validation", in: 0.01...0.9) ?? data.validation
        return data
    }

    private enum Place: String {
        case folder, file
        case any = "file or folder"
    }

    private func existing(_ mapping: YAMLMapping, _ key: String, _ place: Place) -> String? {
        guard let node = mapping.node(key), let path = mapping.text(key).map(absolute) else { return nil }
        var found: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &found),
            place == .any || found.boolValue == (place == .folder)
        else {
            problems.add(.missing, at: node, key: mapping.name(key), "no such \(place.rawValue): \(path)")
            return nil
        }
        return path
    }

    private func start(_ top: YAMLMapping) -> TrainingFile.Start? {
        guard let node = top.required("model", "where training starts: {variant: b0} or {from: PACKAGE}"),
            let mapping = YAMLMapping(
                node, key: "model", known: ["from", "variant", "convention", "head", "resolution"], problems: problems)
        else { return nil }
        var start = TrainingFile.Start()
        start.source = existing(mapping, "from", .any)
        start.variant = mapping.choice("variant", Variant.self)
        if mapping.node("from") == nil, mapping.node("variant") == nil {
            problems.add(
                at: node, key: "model",
                "expected from (a model package, or a weight file that `nightread import` reads) or variant")
        }
        if let convention = mapping.node("convention"), mapping.node("from") != nil {
            problems.add(at: convention, key: "model.convention", "what model.from names has its own; leave it out")
        }
        start.padding = mapping.choice("convention", ModelManifest.Padding.self) ?? start.padding
        start.head = head(mapping)
        start.resolution = mapping.integer("resolution", in: 32...4096)
        return start
    }

    private func head(_ mapping: YAMLMapping) -> ModelManifest.Head? {
        guard let node = mapping.node("head") else { return nil }
        switch node.scalar?.string {
        case "linear": return .linear
        case "flatten-linear": return .flattenLinear
        default: break
        }
        let kinds = [ModelManifest.Head.Kind.mlp, .flattenMLP]
        guard node.mapping?.count == 1,
            let rule = YAMLMapping(node, key: "model.head", known: kinds.map(\.rawValue), problems: problems)
        else {
            problems.add(
                at: node, key: "model.head",
                "expected linear, flatten-linear, {mlp: 256} or {flatten-mlp: [512, 256]}, found \(describe(node))")
            return nil
        }
        let units = ModelManifest.Head.units, most = ModelManifest.Head.hiddenLimit
        for kind in kinds {
            guard let value = rule.node(kind.rawValue) else { continue }
            let hidden = value.int.map { [$0] } ?? value.sequence?.compactMap(\.int) ?? []
            let isWhole = hidden.count == value.sequence?.count ?? 1
            if isWhole, (1...most).contains(hidden.count), hidden.allSatisfy(units.contains) {
                return kind.head(hidden: hidden)
            }
            problems.add(
                at: value, key: rule.name(kind.rawValue),
                "expected 1 to \(units.upperBound) units, or a list for up to \(most) layers, found \(describe(value))")
        }
        return nil
    }

    private func thresholdRule(_ top: YAMLMapping) -> ThresholdRule {
        guard let node = top.node("thresholds"), node.scalar?.string != "youden" else { return .youden }
        guard node.mapping?.count == 1,
            let rule = YAMLMapping(node, key: "thresholds", known: ["sensitivity"], problems: problems)
        else {
            problems.add(
                at: node, key: "thresholds", "expected youden or {sensitivity: 0.95}, found \(describe(node))")
            return .youden
        }
        return rule.number("sensitivity", in: 0.01...1).map { .sensitivity($0) } ?? .youden
    }

    private func falseAbstainRate(_ top: YAMLMapping) -> Double? {
        if top.node("abstain")?.bool == false { return nil }
        return top.number("abstain", in: 0...0.5) ?? FeatureStatistics.defaultFalseAbstainRate
    }

    private func recipe(_ top: YAMLMapping) -> Recipe? {
        guard let phases = phases(top) else { return nil }
        var recipe = Recipe(phases: phases)
        recipe.batch = top.integer("batch", in: 1...4096) ?? recipe.batch
        recipe.accumulate = top.integer("accumulate", in: 1...4096) ?? recipe.accumulate
        recipe.seed = top.integer("seed", in: 0...Int.max).map(UInt64.init) ?? recipe.seed
        recipe.optimizer = optimizer(top)
        if let node = top.node("loss"),
            let loss = YAMLMapping(node, key: "loss", known: ["smoothing"], problems: problems)
        {
            recipe.smoothing = loss.number("smoothing", in: 0...0.99) ?? recipe.smoothing
        }
        recipe.balance = top.choice("balance", Recipe.Balance.self) ?? recipe.balance
        recipe.dropout = top.number("dropout", in: 0...0.99)
        recipe.dropConnect = top.number("drop_connect", in: 0...0.99) ?? recipe.dropConnect
        recipe.batchNormMomentum = top.number("batch_norm_momentum", in: 0...1) ?? recipe.batchNormMomentum
        recipe.averageDecay = top.number("average", in: 0...0.999_999)
        recipe.augmentation = augmentation(top)
        if let node = top.node("stop"),
            let stop = YAMLMapping(node, key: "stop", known: ["metric", "patience"], problems: problems)
        {
            recipe.metric = stop.choice("metric", Recipe.Metric.self) ?? recipe.metric
            recipe.patience = stop.integer("patience", in: 1...100_000)
        }
        recipe.keep = top.choice("keep", Recipe.Keep.self) ?? recipe.keep
        return recipe
    }

    private func phases(_ top: YAMLMapping) -> [Recipe.Phase]? {
        guard let node = top.required("phases", "a list: [{train: all, epochs: 10, rate: 1e-3}]") else { return nil }
        guard let list = node.sequence, !list.isEmpty else {
            problems.add(
                at: node, key: "phases",
                "expected a list: [{train: all, epochs: 10, rate: 1e-3}], found \(describe(node))")
            return nil
        }
        let known = ["train", "epochs", "rate", "schedule", "warm_up", "end", "batch_norm", "rounds"]
        return list.enumerated().compactMap { index, item in
            guard let mapping = YAMLMapping(item, key: "phases[\(index)]", known: known, problems: problems),
                mapping.required("epochs", "how many epochs") != nil,
                mapping.required("rate", "a learning rate") != nil,
                let epochs = mapping.integer("epochs", in: 1...100_000), let rate = mapping.number("rate", in: 0...100)
            else { return nil }
            var phase = Recipe.Phase(epochs: epochs, rate: rate)
            phase.freezing.part = part(mapping) ?? .all
            phase.freezing.freezesBatchNorm = mapping.choice("batch_norm", BatchNorm.self) == .frozen
            phase.shape = mapping.choice("schedule", ScheduleName.self)?.shape ?? phase.shape
            phase.warmUp = mapping.number("warm_up", in: 0...Double(epochs))
            phase.endShare = mapping.number("end", in: 0...1)
            phase.rounds = mapping.integer("rounds", in: 1...1000) ?? phase.rounds
            for key in ["warm_up", "end"] where phase.shape == .constant {
                guard let node = mapping.node(key) else { continue }
                problems.add(
                    at: node, key: mapping.name(key), "not of a constant rate; leave it out, or choose a schedule")
            }
            if let rounds = mapping.node("rounds"), phase.freezing.part != .head {
                problems.add(at: rounds, key: mapping.name("rounds"), "of a phase with train: head alone")
            }
            return phase
        }
    }

    private enum BatchNorm: String, CaseIterable {
        case trained, frozen
    }

    private enum ScheduleName: String, CaseIterable {
        case constant, cosine
        case oneCycle = "one-cycle"

        var shape: Schedule.Shape {
            switch self {
            case .constant: .constant
            case .cosine: .cosine
            case .oneCycle: .oneCycle
            }
        }
    }

    private func part(_ mapping: YAMLMapping) -> Freezing.Part? {
        guard let node = mapping.node("train") else { return nil }
        switch node.scalar?.string {
        case "all": return .all
        case "head": return .head
        default: break
        }
        if let stages = node.int, (0...7).contains(stages) { return .lastStages(stages) }
        problems.add(
            at: node, key: mapping.name("train"),
            "expected all, head or how many of the last stages, 0 to 7, found \(describe(node))")
        return nil
    }

    private enum RuleName: String, CaseIterable {
        case adamw, adam, sgd
    }

    private func optimizer(_ top: YAMLMapping) -> Optimizer {
        var result = Optimizer(.adamW(), weightDecay: 0.01)
        guard let node = top.node("optimizer"),
            let mapping = YAMLMapping(
                node, key: "optimizer",
                known: ["rule", "weight_decay", "beta1", "beta2", "epsilon", "momentum", "clip"],
                problems: problems)
        else { return result }
        let rule = mapping.choice("rule", RuleName.self) ?? .adamw
        let beta1 = mapping.number("beta1", in: 0...0.999_999) ?? 0.9
        let beta2 = mapping.number("beta2", in: 0...0.999_999_9) ?? 0.999
        let epsilon = mapping.number("epsilon", in: 1e-12...1) ?? 1e-8
        switch rule {
        case .adamw: result.rule = .adamW(beta1: beta1, beta2: beta2, epsilon: epsilon)
        case .adam: result.rule = .adam(beta1: beta1, beta2: beta2, epsilon: epsilon)
        case .sgd: result.rule = .sgd(momentum: mapping.number("momentum", in: 0...0.999_999) ?? 0.9)
        }
        let strangers = rule == .sgd ? ["beta1", "beta2", "epsilon"] : ["momentum"]
        for key in strangers {
            guard let stranger = mapping.node(key) else { continue }
            problems.add(
                at: stranger, key: mapping.name(key), "not of \(rule.rawValue); leave it out, or choose another rule")
        }
        result.weightDecay = mapping.number("weight_decay", in: 0...10) ?? (rule == .adamw ? 0.01 : 0)
        result.largestNorm = mapping.number("clip", in: 1e-9...1e9)
        return result
    }

    private func augmentation(_ top: YAMLMapping) -> Augmentation {
        var result = Augmentation()
        guard let node = top.node("augmentation"),
            let mapping = YAMLMapping(
                node, key: "augmentation",
                known: ["rotation", "shift", "scale", "brightness", "contrast", "gamma", "noise", "flip"],
                problems: problems)
        else { return result }
        result.rotation = mapping.number("rotation", in: 0...45) ?? 0
        result.shift = mapping.number("shift", in: 0...0.5) ?? 0
        result.scale = mapping.number("scale", in: 0...0.5) ?? 0
        result.brightness = mapping.number("brightness", in: 0...1) ?? 0
        result.contrast = mapping.number("contrast", in: 0...0.9) ?? 0
        result.gamma = mapping.number("gamma", in: 0...0.9) ?? 0
        result.noise = mapping.number("noise", in: 0...1) ?? 0
        result.flip = mapping.choice("flip", Augmentation.Flip.self) ?? .none
        return result
    }
}
