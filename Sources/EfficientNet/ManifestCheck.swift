extension ModelManifest {
    /// Checks every value that decoding alone does not; `path` is used in messages only.
    ///
    /// - Throws: `EfficientNetError.invalidManifest`, which names the key, what is expected and what was found.
    public func check(path: String) throws(EfficientNetError) {
        func require(
            _ holds: Bool, _ key: String, _ expected: String, _ found: @autoclosure () -> String
        ) throws(EfficientNetError) {
            guard holds else { throw .invalidManifest(path: path, key: key, expected: expected, found: found()) }
        }
        try require(
            format == Self.currentFormat, "format", "\(Self.currentFormat)", "\(format): made by another version")
        try require(!name.isEmpty, "name", "a name", "nothing")
        try require(
            batchNormEpsilon > 0 && batchNormEpsilon < 1, "batch_norm_epsilon", "a number in 0…1", "\(batchNormEpsilon)"
        )
        try require(!labels.isEmpty && labels.count <= 100_000, "labels", "1 to 100000 labels", "\(labels.count)")
        try require(labels.allSatisfy { !$0.isEmpty }, "labels", "labels that are not empty", "an empty one")
        var seen: Set<String> = []
        for label in labels {
            try require(seen.insert(label).inserted, "labels", "every label once", "\(label) twice")
        }
        if let negativeLabel {
            try require(seen.contains(negativeLabel), "negative_label", "one of the labels", negativeLabel)
        }
        for (label, threshold) in thresholds.sorted(by: { $0.key < $1.key }) {
            try require(seen.contains(label), "thresholds", "labels of this model", label)
            try require((0...1).contains(threshold), "thresholds.\(label)", "a number in 0…1", "\(threshold)")
        }
        try require(temperature > 0 && temperature.isFinite, "temperature", "a number over 0", "\(temperature)")
        try require(
            head.hidden.count <= Head.hiddenLimit && head.hidden.allSatisfy(Head.units.contains), "head.hidden",
            "at most \(Head.hiddenLimit) layers of 1 to \(Head.units.upperBound) units", "\(head.hidden)")
        try checkPreprocessing(require)
    }

    private func checkPreprocessing(
        _ require: (Bool, String, String, @autoclosure () -> String) throws(EfficientNetError) -> Void
    ) throws(EfficientNetError) {
        let settings = preprocessing
        try require(
            (32...4096).contains(settings.resolution), "preprocessing.resolution", "32 to 4096 pixels",
            "\(settings.resolution)")
        try require(
            settings.cropFraction > 0 && settings.cropFraction <= 1, "preprocessing.crop_pct",
            "a number over 0, at most 1",
            "\(settings.cropFraction)")
        try require(
            settings.mean.count == 3 && settings.mean.allSatisfy(\.isFinite), "preprocessing.mean", "3 numbers",
            "\(settings.mean)")
        try require(
            settings.std.count == 3 && settings.std.allSatisfy { $0 > 0 && $0.isFinite }, "preprocessing.std",
            "3 numbers over 0", "\(settings.std)")
    }
}
