public import Foundation

/// The stores that this user's runs have written, so that a run can be named without naming its file.
///
/// A text file of paths, latest first, at `$XDG_STATE_HOME/nightread/stores` (else `~/.local/state/nightread/stores`).
public struct StoreRegistry: Sendable {
    /// The registry's file.
    public let file: URL
    private let named: String?

    /// Stores that are remembered.
    static let limit = 100

    /// The registry of the user whose environment this is.
    /// - Parameter environment: `XDG_STATE_HOME`, `HOME` and `NIGHTREAD_STORE` are looked at.
    public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        let home = environment["HOME"] ?? NSHomeDirectory()
        file = URL(fileURLWithPath: state ?? home + "/.local/state").appendingPathComponent("nightread/stores")
        named = environment["NIGHTREAD_STORE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Stores that were remembered and still exist, latest first.
    public func stores() -> [URL] {
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
        return text.split(separator: "\n").map { URL(fileURLWithPath: String($0)) }
            .filter { StoreFile.exists($0.path) }
    }

    /// Puts a store first. A registry that cannot be written is no reason to stop a run, so that the caller may ignore the error.
    public func remember(_ store: URL) throws(StoreError) {
        let path = StoreFile.resolve(store)
        guard !path.contains("\n") else { return }
        let others = stores().map(\.path).filter { $0.utf8.elementsEqual(path.utf8) == false }
        let text = ([path] + others.prefix(Self.limit - 1)).map { $0 + "\n" }.joined()
        do {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch { throw .io(path: file.path, detail: error.localizedDescription) }
        try OutputFile.write(Array(text.utf8), to: file)
    }

    /// Opens for reading the store that has the run `name`: an id, the beginning of one id, or `latest`.
    ///
    /// Looked for in `store`, else in `$NIGHTREAD_STORE`, else in every remembered store. `latest` is the run that started last.
    /// - Returns: the open store and the run.
    /// - Throws: `StoreError.noSuchRun`, `.ambiguousRun`, or why a named store cannot be opened.
    public func resolve(run name: String, store: String? = nil) throws(StoreError) -> (
        store: StudyStore, run: RunRecord
    ) {
        let isNamed = store ?? named
        let files = isNamed.map { [URL(fileURLWithPath: $0)] } ?? stores()
        var found: [(store: StudyStore, id: String, started: Timestamp)] = []
        for file in files {
            let opened: StudyStore
            do { opened = try StudyStore.openForReading(file) } catch {
                // Of remembered stores one may be damaged or newer; the run may be in another.
                if isNamed != nil { throw error }
                continue
            }
            if name == "latest" {
                if let run = try opened.latestRun() { found.append((opened, run.id, run.startedAt)) }
            } else {
                let ids = try opened.runIDs(beginningWith: name)
                for id in ids.contains(name) ? [name] : ids {
                    found.append((opened, id, try opened.run(id).startedAt))
                }
            }
        }
        if name == "latest" { found.sort { $0.started > $1.started } }
        guard let first = found.first else { throw .noSuchRun(name: name, searched: files.map(\.path)) }
        if name != "latest", found.contains(where: { $0.id != first.id }) {
            throw .ambiguousRun(name: name, candidates: found.map(\.id))
        }
        return (first.store, try first.store.run(first.id))
    }

    /// The store that is meant when no run is named: `store`, else `$NIGHTREAD_STORE`, else the latest remembered.
    /// - Throws: `StoreError.noSuchRun` with the name `latest` when none is known.
    public func store(_ store: String? = nil) throws(StoreError) -> URL {
        if let path = store ?? named { return URL(fileURLWithPath: path) }
        guard let latest = stores().first else { throw .noSuchRun(name: "latest", searched: []) }
        return latest
    }
}
