import ArgumentParser
import Foundation
import Store

/// Where commands that ask about runs look for them.
struct RunSource: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The store to look in (default: NIGHTREAD_STORE, else every store that runs of this user wrote).",
            valueName: "file"))
    var store: String?

    var registry: StoreRegistry { StoreRegistry() }

    /// The same store, open for writing so that what is done can be recorded in its audit chain; as it is where that cannot be,
    /// for a report is wanted also while a run goes on, or from a disk that is read-only.
    static func forWriting(_ store: StudyStore) -> StudyStore {
        do {
            return try StudyStore.openForWriting(
                URL(fileURLWithPath: store.path), host: ProcessInfo.processInfo.hostName, actor: NSUserName())
        } catch {
            FileHandle.standardError.write(Data("nightread: not recorded in the audit chain: \(error)\n".utf8))
            return store
        }
    }
}
