import CSystem
import Foundation

/// Something in an input folder that a run takes note of.
struct InboxItem: Hashable, Sendable {
    /// What is to be done with it.
    enum Kind: Hashable, Sendable {
        /// A regular file (or a link to one) whose name fits the patterns.
        case candidate
        /// Left alone by a rule.
        case skipped(SkipRule)
        /// Cannot be looked at.
        case failed(ScanFailure)
    }

    /// Absolute.
    let path: String
    let kind: Kind
}

/// Why a file is left alone; part of the ledger's vocabulary.
enum SkipRule: String, Sendable {
    /// Its name fits none of the input's patterns.
    case pattern
    /// It is in none of the formats that are read, and neither its name nor a pattern says that it should be.
    case notAScan = "not a scan"
    /// A DICOM file without a picture: a report, a plan, a directory.
    case noPicture = "no picture"
    /// A folder whose name fits the patterns of files; what is in it is looked at like any folder's content.
    case folderNamedLikeAScan = "folder named like a scan"
    /// A device, socket or FIFO; never opened.
    case specialFile = "special file"
    /// A link whose end does not exist.
    case brokenLink = "broken link"
    /// A link to a folder that was or will be looked at by another way.
    case linkedTwice = "link to a folder already seen"
    /// A name that is not UTF-8 cannot be recorded faithfully.
    case nameNotUTF8 = "name is not UTF-8"
}

/// Lists what input folders hold.
///
/// Hidden files and folders (a leading dot) and `*.part` are not taken note of: by convention, they are not there yet. Links to
/// files and folders are followed; a folder is looked at once however many links lead to it, so loops end.
struct InboxWalker {
    let inputs: [PipelineFile.Input]

    /// Everything in all inputs, by path. A path that two inputs reach is a candidate if either takes it.
    ///
    /// - Parameter enter: Told about each folder before it is looked at; false ends the walk.
    func walk(enter: (String) -> Bool = { _ in true }) -> [InboxItem] {
        var found: [String: InboxItem] = [:]
        for input in inputs {
            walk(input, from: input.path, enter: enter) { item in
                if case .candidate = found[item.path]?.kind { return }
                found[item.path] = item
            }
        }
        return found.values.sorted { $0.path < $1.path }
    }

    /// What is in and below `folder`, which is the input's own or lies below it.
    ///
    /// - Parameter enter: Told about each folder before it is looked at; false ends the walk.
    func walk(
        _ input: PipelineFile.Input, from folder: String, enter: (String) -> Bool, _ note: (InboxItem) -> Void
    ) {
        var seen: Set<FolderIdentity> = []
        var waiting = [folder]
        var links: [String] = []
        // Links to folders come last, so that a folder is listed under its own name when it has one here.
        while let folder = waiting.popLast() ?? links.popLast() {
            let entries: FolderEntries
            do throws(SystemError) {
                var stamp = nr_stamp()
                try check(nr_stamp_at(folder, 1, &stamp))
                guard seen.insert(FolderIdentity(device: stamp.device, inode: stamp.inode)).inserted else {
                    note(InboxItem(path: folder, kind: .skipped(.linkedTwice)))
                    continue
                }
                guard enter(folder) else { return }
                entries = try FolderEntries(folder)
            } catch {
                let kind: FailureKind = error.code == EACCES ? .unreadable : error.code == ENOENT ? .vanished : .io
                let failure = ScanFailure(stage: .open, kind: kind, reason: "the folder cannot be listed: \(error)")
                note(InboxItem(path: folder, kind: .failed(failure)))
                continue
            }
            if entries.unnamed > 0 {
                note(InboxItem(path: folder + "/", kind: .skipped(.nameNotUTF8)))
            }
            for name in entries.names where !Self.isLeftAlone(name) {
                let path = folder == "/" ? "/" + name : folder + "/" + name
                switch examine(path, name: name, input: input) {
                case .item(let item): note(item)
                case .folder(let isLink):
                    if !input.patterns.isEmpty, input.patterns(match: path) {
                        note(InboxItem(path: path, kind: .skipped(.folderNamedLikeAScan)))
                    }
                    if input.recursive { if isLink { links.append(path) } else { waiting.append(path) } }
                case .nothing: break
                }
            }
        }
    }

    /// What `path` is for `input`; nil when it is a folder, left alone, or gone.
    func item(at path: String, input: PipelineFile.Input) -> InboxItem? {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard !Self.isLeftAlone(name), case .item(let item) = examine(path, name: name, input: input) else {
            return nil
        }
        return item
    }

    /// Whether a name says that the file is not there yet, or not for others.
    static func isLeftAlone(_ name: String) -> Bool { name.hasPrefix(".") || name.hasSuffix(".part") }

    private enum Examined {
        case item(InboxItem)
        case folder(isLink: Bool)
        case nothing
    }

    private func examine(_ path: String, name: String, input: PipelineFile.Input) -> Examined {
        var stamp = nr_stamp()
        guard nr_stamp_at(path, 0, &stamp) == 0 else { return .nothing }
        let isLink = stamp.kind == UInt32(S_IFLNK)
        if isLink, nr_stamp_at(path, 1, &stamp) != 0 {
            return .item(InboxItem(path: path, kind: .skipped(.brokenLink)))
        }
        switch stamp.kind {
        case UInt32(S_IFDIR): return .folder(isLink: isLink)
        case UInt32(S_IFREG):
            return .item(
                InboxItem(path: path, kind: input.patterns(match: path) ? .candidate : .skipped(.pattern)))
        default: return .item(InboxItem(path: path, kind: .skipped(.specialFile)))
        }
    }
}

/// A folder, whatever its name.
private struct FolderIdentity: Hashable {
    let device: UInt64
    let inode: UInt64
}

/// The names in a folder, sorted.
private struct FolderEntries {
    private(set) var names: [String] = []
    /// Names that are not UTF-8.
    private(set) var unnamed = 0

    init(_ folder: String) throws(SystemError) {
        guard let stream = opendir(folder) else { throw SystemError(code: errno) }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            // The name's array is shorter in the header than names may be, so it is not copied as a tuple.
            let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
            let start = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            guard let name = String(validatingCString: start) else {
                unnamed += 1
                continue
            }
            if name != ".", name != ".." { names.append(name) }
        }
        names.sort()
    }
}

extension PipelineFile.Input {
    /// Whether the file at `path`, which lies below this input's folder, is one of those it wants.
    func patterns(match path: String) -> Bool {
        if patterns.isEmpty { return true }
        let below = path.dropFirst(self.path.count).drop { $0 == "/" }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return patterns.contains { pattern in
            // FNM_CASEFOLD and FNM_PATHNAME of fnmatch(3), which the importer does not know as constants.
            let foldCase: Int32 = 1 << 4
            let slashesStay: Int32 = 1
            return pattern.contains("/")
                ? fnmatch(pattern, String(below), foldCase | slashesStay) == 0 : fnmatch(pattern, name, foldCase) == 0
        }
    }
}
