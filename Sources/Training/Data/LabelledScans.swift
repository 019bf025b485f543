import Foundation

/// One labelled file.
public struct LabelledScan: Sendable, Hashable {
    /// Absolute path.
    public var path: String
    /// Path below the data's folder, for messages.
    public var name: String
    /// Indices into the labels; exactly one unless there may be several.
    public var labels: [Int]
    /// Whom it shows, where that is known.
    public var patient: String?
    /// What it is for, where the manifest says it.
    public var side: DataSide?

    /// What resampling must not pull apart: frames of a patient, or of a scan of several, resemble each other.
    ///
    /// - Parameter patient: Whom the scan shows, by the manifest or by the file.
    func unit(patient: String?, frames: Int) -> String? { patient ?? (frames > 1 ? "scan \(path)" : nil) }
}

/// The scans that a training or an evaluation is about, with their labels; nothing is decoded yet.
///
/// ```swift
/// let data = try LabelledScans.folder("/scans", labels: nil)
/// ```
public struct LabelledScans: Sendable, Hashable {
    /// In the order of a model's outputs.
    public var labels: [String]
    /// In the order of their names.
    public var scans: [LabelledScan]
    /// Whether a scan may have several labels or none.
    public var isMultiple: Bool

    /// Reads a folder with a folder of scans per class. Names that begin with a point are left alone.
    ///
    /// - Parameter labels: The classes in the model's order; nil: all folders, in alphabetical order.
    /// - Throws: `DataError.unusable` for labels that differ only by case, folders without a class, and classes without a scan.
    public static func folder(_ path: String, labels: [String]? = nil) throws(DataError) -> LabelledScans {
        let found = entries(path).filter { isFolder(path + "/" + $0) }
        var problems = clashes(found)
        let names = labels ?? found
        if let labels {
            problems += clashes(labels)
            for label in labels where !found.contains(label) {
                problems.append("expected a folder \(label), found none")
            }
            for name in found where !labels.contains(name) {
                problems.append("the folder \(name) is none of the labels \(labels.joined(separator: ", "))")
            }
        }
        if found.isEmpty { problems.append("expected a folder per class, found none") }
        var scans: [LabelledScan] = []
        for (index, label) in names.enumerated() where found.contains(label) {
            let files = files(path + "/" + label)
            if files.isEmpty { problems.append("the class \(label) has no scans; add some, or remove its folder") }
            scans += files.map {
                LabelledScan(path: path + "/" + label + "/" + $0, name: label + "/" + $0, labels: [index])
            }
        }
        guard problems.isEmpty else { throw .unusable(path: path, problems: problems) }
        return LabelledScans(labels: names, scans: scans, isMultiple: false)
    }

    /// Labels that are the same but for upper and lower case.
    static func clashes(_ labels: [String]) -> [String] {
        Dictionary(grouping: labels) { $0.lowercased() }.values.filter { $0.count > 1 }.map { names in
            let names = names.sorted()
            return Set(names).count == 1
                ? "the label \(names[0]) is there twice"
                : "the labels \(names.joined(separator: " and ")) differ only by upper and lower case; write them in one way"
        }.sorted()
    }

    private static func entries(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { !$0.hasPrefix(".") }.sorted()
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// Paths of all files below `folder`, relative to it.
    static func files(_ folder: String) -> [String] {
        entries(folder).flatMap { name in
            isFolder(folder + "/" + name) ? files(folder + "/" + name).map { name + "/" + $0 } : [name]
        }
    }
}
