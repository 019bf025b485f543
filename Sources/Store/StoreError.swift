import GRDB

/// Everything that can go wrong with a store, in words that say what to do about it.
public enum StoreError: Error, CustomStringConvertible, Equatable {
    /// No file at `path`.
    case missing(path: String)
    /// The file is there but is no Nightread store.
    case notAStore(path: String, found: String)
    /// The store's schema has another version than this program knows.
    case version(path: String, found: String, known: String)
    /// The store names patients in another way, or with another key, than it now is asked to.
    case identifiers(path: String, chosen: IdentifierPolicy, wanted: IdentifierPolicy)
    /// SQLite's locks and shared memory cannot be trusted on this kind of file system.
    case networkFileSystem(path: String)
    /// The folder that the store should lie in does not exist.
    case missingFolder(path: String)
    /// Another process has the store open for writing.
    case locked(path: String, holder: String)
    /// A reader kept the database locked for longer than the busy timeout.
    case busy(path: String)
    /// SQLite found the file damaged.
    case corrupt(path: String, detail: String)
    /// The disk, the quota or the store's own page limit is full; the transaction was rolled back.
    case diskFull(path: String)
    /// The file or its folder cannot be written.
    case readOnly(path: String, detail: String)
    /// A report or list cannot be created at `path`.
    case outputRefused(path: String, detail: String)
    /// No space left for a report or list.
    case outputFull(path: String)
    /// Any other input/output error; the transaction was rolled back.
    case io(path: String, detail: String)
    /// A value that the store must not record.
    case invalid(String)
    /// No run answers to `name`; `searched` are the stores that were looked at.
    case noSuchRun(name: String, searched: [String])
    /// Several runs begin with `name`.
    case ambiguousRun(name: String, candidates: [String])

    /// One or two sentences: path, expected, found, what to do.
    public var description: String {
        switch self {
        case .missing(let path):
            "\(path): no store here; name an existing one with --store FILE, or make one with nightread run"
        case .notAStore(let path, let found):
            "\(path): expected a Nightread store (an SQLite database), found \(found); choose another file"
        case .version(let path, let found, let known):
            "\(path): the store has schema version \(found), this nightread knows version \(known); "
                + (Int(found).map { $0 < (Int(known) ?? 0) } ?? false
                    ? "nightread run or nightread report brings it up to date"
                    : "open it with the nightread that wrote it, or a newer one")
        case .identifiers(let path, let chosen, let wanted):
            chosen == wanted
                ? "\(path): the pseudonyms in this store were made with another key; put the key back that it was begun with, "
                    + "or begin another store"
                : "\(path): this store was begun with identifiers: \(chosen.rawValue), found identifiers: \(wanted.rawValue); "
                    + "a store never mixes the two. Name another store in the pipeline file"
        case .networkFileSystem(let path):
            "\(path): a store must lie on a local disk, found a network or user-space file system; "
                + "SQLite's locks are not reliable there. Choose a local folder and copy the reports instead"
        case .missingFolder(let path):
            "\(path): no such folder for the store; make it first"
        case .locked(let path, let holder):
            "\(path): already open for writing by \(holder); wait for it to end, or stop it"
        case .busy(let path):
            "\(path): another process kept the database locked; try again"
        case .corrupt(let path, let detail):
            "\(path): the store is damaged (\(detail)); keep the file, restore a copy, "
                + "or save what is left with: sqlite3 FILE .recover"
        case .diskFull(let path):
            "\(path): no space left to write the store; what was committed is safe. Free some space and run again to resume"
        case .readOnly(let path, let detail):
            "\(path): the store cannot be written (\(detail)); check the permissions of the file and of its folder"
        case .outputRefused(let path, let detail):
            "\(path): cannot be created (\(detail)); choose another place, or check the permissions of its folder"
        case .outputFull(let path):
            "\(path): no space left to write it; an earlier version still stands. Free some space and ask again"
        case .io(let path, let detail):
            "\(path): input/output error (\(detail)); what was committed is safe. Check the disk and run again to resume"
        case .invalid(let reason):
            "refused to record: \(reason)"
        case .noSuchRun(let name, let searched):
            searched.isEmpty
                ? "no run \(name): no store is known; name one with --store FILE or NIGHTREAD_STORE"
                : "no run \(name) in \(searched.joined(separator: ", ")); name its store with --store FILE"
        case .ambiguousRun(let name, let candidates):
            "\(name) is the beginning of several runs: \(candidates.joined(separator: ", ")); give more characters"
        }
    }

    /// The typed error for what GRDB threw while working on the store at `path`.
    init(_ error: any Error, path: String) {
        if let error = error as? StoreError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .io(path: path, detail: "\(error)")
            return
        }
        let detail = error.message ?? error.resultCode.description
        // Result codes: https://www.sqlite.org/rescode.html
        switch error.resultCode {
        case .SQLITE_FULL: self = .diskFull(path: path)
        case .SQLITE_CORRUPT: self = .corrupt(path: path, detail: detail)
        case .SQLITE_NOTADB: self = .notAStore(path: path, found: "another kind of file")
        case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy(path: path)
        case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: self = .readOnly(path: path, detail: detail)
        case .SQLITE_CONSTRAINT: self = .invalid(detail)
        default: self = .io(path: path, detail: "SQLite \(error.extendedResultCode.rawValue): \(detail)")
        }
    }
}
