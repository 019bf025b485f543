public import Foundation
import GRDB
import Synchronization

/// A study store: one SQLite file with everything that runs found, and the audit chain over it.
///
/// One `StudyStore` writes a file at a time (`openForWriting`); any number may read it (`openForReading`). Every function
/// is one transaction, may be called from any thread, and when it throws has changed nothing.
///
/// ## Topics
/// Opening: `openForWriting`, `openForReading`, `close`. Runs: `beginRun`, `finishRun`. What became of a path:
/// `recordRead`, `recordOutcome`, `recordFailure`. Asking: `run(_:)`, `ledger(run:)`, `readings(run:)`, `failures(run:)`.
/// Audit: `audit`, `verifyAudit`, `exportAudit`.
public final class StudyStore: Sendable {
    /// Resolved path of the database file.
    public let path: String
    let host: String
    let actor: String
    private let queue: DatabaseQueue
    private let lock: StoreLock?
    /// Set by the first write that found the disk full; from then on only the run's end and audit events are taken.
    private let isFull = Mutex(false)
    /// Set by the first closing: a checkpoint needs an open connection.
    private let isClosed = Mutex(false)
    private let clock: @Sendable () -> Timestamp

    /// Whether this is the one that may write.
    public var isWriter: Bool { lock != nil }

    /// Opens the store for writing, and makes or migrates it as needed.
    ///
    /// Makes `FILE`, `FILE.lock` and `FILE.ballast` with mode 0600. WAL with `synchronous = FULL`: what was committed
    /// survives a power loss.
    /// - Parameters:
    ///   - host: recorded in every audit event.
    ///   - actor: who is working; recorded in every audit event.
    ///   - clock: the source of every recorded time.
    public static func openForWriting(
        _ file: URL, host: String, actor: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) throws(StoreError) -> StudyStore {
        let path = StoreFile.resolve(file)
        try StoreFile.checkFolder(of: path)
        let lock = try StoreLock(for: path, host: host)
        try StoreFile.create(path)
        try Ballast.reserve(beside: path)
        let queue = try connect(path, readonly: false)
        let store = StudyStore(path: path, host: host, actor: actor, queue: queue, lock: lock, clock: clock)
        try store.migrate()
        return store
    }

    /// Opens an existing store for reading only; a writer elsewhere is not disturbed.
    public static func openForReading(_ file: URL) throws(StoreError) -> StudyStore {
        let path = StoreFile.resolve(file)
        guard StoreFile.exists(path) else { throw .missing(path: path) }
        try StoreFile.checkFolder(of: path)
        let queue = try connect(StoreFile.isFrozen(path) ? StoreFile.frozen(path) : path, readonly: true)
        let store = StudyStore(path: path, host: "", actor: "", queue: queue, lock: nil, clock: Timestamp.now)
        try store.read { db in
            _ = try store.checkIdentity(db)
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            guard version == Schema.version else {
                throw StoreError.version(path: path, found: String(version), known: String(Schema.version))
            }
        }
        return store
    }

    /// Closes the connection, writes the log back into the database file and lets the next writer in. Also done when the last reference goes.
    public func close() throws(StoreError) {
        finishLog()
        do { try queue.close() } catch { throw StoreError(error, path: path) }
        lock?.release()
    }

    /// The version of the SQLite library in use, such as `3.40.1`.
    public static var sqliteVersion: String {
        let version = try? DatabaseQueue().read { try String.fetchOne($0, sql: "SELECT sqlite_version()") }
        return version.flatMap { $0 } ?? "unknown"
    }

    /// Bytes that may still be written on the disk of the store.
    public func freeSpace() throws(StoreError) -> Int64 { try StoreFile.freeSpace(path) }

    private init(
        path: String, host: String, actor: String, queue: DatabaseQueue, lock: StoreLock?,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        self.path = path
        self.host = host
        self.actor = actor
        self.queue = queue
        self.lock = lock
        self.clock = clock
    }

    deinit {
        finishLog()
        try? queue.close()
        lock?.release()
    }

    /// Writes the log back, also where readers keep it from going away: a copy of the database file alone then is complete.
    /// A reader in the middle of a query may prevent it, which costs nothing but that.
    private func finishLog() {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isWriter, isFirst else { return }
        _ = try? queue.writeWithoutTransaction { try $0.checkpoint(.truncate) }
    }

    /// A `DatabaseQueue` with the default journal mode, and WAL set here: GRDB sets `synchronous = NORMAL` where it enters WAL itself.
    /// - Parameter path: a path, or a `file:` address.
    private static func connect(_ path: String, readonly: Bool) throws(StoreError) -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = readonly
        configuration.busyMode = .timeout(10)
        configuration.label = "nightread.store"
        configuration.prepareDatabase { db in
            if !readonly {
                try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
            }
            try db.execute(
                sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON")
        }
        do { return try DatabaseQueue(path: path, configuration: configuration) } catch {
            throw StoreError(error, path: path)
        }
    }

    /// - Returns: false for an empty database, true for a store.
    private func checkIdentity(_ db: Database) throws -> Bool {
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        let identity = try Int.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        if identity == Schema.applicationID { return true }
        guard tables == 0, identity == 0 else {
            throw StoreError.notAStore(path: path, found: "the SQLite database of another program")
        }
        return false
    }

    private func migrate() throws(StoreError) {
        let (isNew, version) = try read { db in
            let isStore = try checkIdentity(db)
            let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
            if version > Schema.version {
                throw StoreError.version(path: path, found: String(version), known: String(Schema.version))
            }
            if try Schema.migrator.hasBeenSuperseded(db) {
                throw StoreError.version(path: path, found: "\(version) (with changes)", known: String(Schema.version))
            }
            if let damage = try String.fetchOne(db, sql: "PRAGMA quick_check(1)"), damage != "ok" {
                throw StoreError.corrupt(path: path, detail: damage)
            }
            return (!isStore, version)
        }
        do { try Schema.migrator.migrate(queue) } catch { throw StoreError(error, path: path) }
        if isNew {
            try audit(.storeCreated, subject: path, details: ["schema": JSONValue(Schema.version)])
        } else if version < Schema.version {
            try audit(
                .storeMigrated, subject: path,
                details: ["from": JSONValue(version), "schema": JSONValue(Schema.version)])
        }
    }

    /// The moment that a transaction records.
    func now() -> Timestamp { clock() }

    /// One read transaction.
    func read<T>(_ body: (Database) throws -> T) throws(StoreError) -> T {
        do { return try queue.read(body) } catch { throw StoreError(error, path: path) }
    }

    /// One write transaction; all of `body` or nothing.
    /// - Parameter isEnding: true for what must still be recorded when the disk is full.
    func write<T>(isEnding: Bool = false, _ body: (Database) throws -> T) throws(StoreError) -> T {
        if !isEnding, isFull.withLock({ $0 }) { throw .diskFull(path: path) }
        do { return try queue.write(body) } catch {
            let error = StoreError(error, path: path)
            if case .diskFull = error, giveBallast() {
                if isEnding { return try write(isEnding: true, body) }
            }
            throw error
        }
    }

    /// Frees the ballast, once.
    private func giveBallast() -> Bool {
        isFull.withLock { isFull in
            guard !isFull else { return false }
            isFull = true
            Ballast.release(beside: path)
            return true
        }
    }
}
