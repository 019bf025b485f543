import Foundation

/// A folder of phantoms with `labels.csv`: file, label and one lesion box a row.
public struct PhantomStudy: Sendable {
    /// What stopped a phantom study from being written.
    public enum Failure: Error, CustomStringConvertible {
        case notWritten(path: String, reason: String)
        case notEncoded(path: String)

        /// The message shown to the user.
        public var description: String {
            switch self {
            case .notWritten(let path, let reason): "\(path): cannot be written (\(reason)); choose another folder"
            case .notEncoded(let path): "\(path): the picture could not be encoded (out of memory)"
            }
        }
    }

    /// The first line of `labels.csv`; boxes are in pixels from the upper left corner, empty for `normal`.
    public static let columns = "file,label,x,y,width,height"

    /// Every picture of study `seed` with a smaller index than `count`.
    public let count: Int
    /// Which study; the same seed always draws the same pictures.
    public let seed: UInt64

    /// Describes a study; nothing is drawn before `write`.
    public init(count: Int, seed: UInt64) {
        self.count = count
        self.seed = seed
    }

    /// Name of phantom `index`: PNG and TIFF in turn; it does not give the label away.
    public func fileName(_ index: Int) -> String {
        let number = String(index + 1)
        let padded = String(repeating: "0", count: max(0, 5 - number.count)) + number
        return "phantom-\(padded)." + (format(index) == .png ? "png" : "tif")
    }

    private func format(_ index: Int) -> PictureFormat { index % 2 == 0 ? .png : .tiff }

    /// Writes the pictures and `labels.csv` into `folder`, which is made where it is missing.
    ///
    /// - Parameter progress: called after each picture with the number written so far.
    public func write(to folder: URL, progress: (Int) -> Void = { _ in }) throws {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure.notWritten(path: folder.path, reason: error.localizedDescription)
        }
        var rows = [Self.columns]
        for index in 0..<count {
            let phantom = Phantom(seed: seed, index: index)
            let name = fileName(index)
            let file = folder.appending(path: name)
            guard
                let data = format(index).encode(phantom.samples, width: phantom.width, height: phantom.height)
            else {
                throw Failure.notEncoded(path: file.path)
            }
            try save(data, to: file)
            if phantom.lesions.isEmpty { rows.append("\(name),\(phantom.label.rawValue),,,,") }
            for box in phantom.lesions {
                rows.append("\(name),\(phantom.label.rawValue),\(box.x),\(box.y),\(box.width),\(box.height)")
            }
            progress(index + 1)
        }
        try save(Data((rows.joined(separator: "\r\n") + "\r\n").utf8), to: folder.appending(path: "labels.csv"))
    }

    private func save(_ data: Data, to file: URL) throws {
        do {
            try data.write(to: file, options: .atomic)
        } catch {
            throw Failure.notWritten(path: file.path, reason: error.localizedDescription)
        }
    }
}
