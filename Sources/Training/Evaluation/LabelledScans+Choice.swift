import Foundation

extension LabelledScans {
    /// The scans of a folder per label, or of a CSV file.
    ///
    /// - Throws: `DataError.unusable`.
    public static func read(_ path: String) throws(DataError) -> LabelledScans {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
            throw .unusable(path: path, problems: ["expected a folder of labelled scans or a CSV file, found nothing"])
        }
        return isFolder.boolValue ? try folder(path) : try manifest(path)
    }

    /// Every file below a folder, without labels; names that begin with a point are left alone.
    ///
    /// - Throws: `DataError.unusable` for a folder without files.
    public static func unlabelled(_ folder: String) throws(DataError) -> [LabelledScan] {
        let scans = files(folder).map { LabelledScan(path: folder + "/" + $0, name: $0, labels: []) }
        guard !scans.isEmpty else {
            throw .unusable(path: folder, problems: ["expected a folder with scans, found none"])
        }
        return scans
    }

    /// The scans of one side; where none is asked for, those marked test if any are, else all.
    ///
    /// - Returns: The scans, and the side that they are of; nil for all of them.
    /// - Throws: `DataError.unusable` where the side that is asked for has no scans.
    public func chosen(_ side: DataSide?, path: String) throws(DataError) -> (scans: [LabelledScan], side: DataSide?) {
        let side = side ?? (scans.contains { $0.side == .test } ? .test : nil)
        guard let side else { return (scans, nil) }
        let chosen = scans.filter { $0.side == side }
        guard !chosen.isEmpty else {
            throw .unusable(
                path: path,
                problems: ["expected scans with the split \(side.rawValue), found none; leave out --split to read all"])
        }
        return (chosen, side)
    }
}
