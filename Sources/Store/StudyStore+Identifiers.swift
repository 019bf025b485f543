import GRDB

extension StudyStore {
    /// How this store names patients; nil before its first run.
    public func identifiers() throws(StoreError) -> StoredIdentifiers? {
        try read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT policy, key_check FROM identifiers"),
                let policy = IdentifierPolicy(rawValue: row["policy"])
            else { return nil }
            return StoredIdentifiers(policy: policy, keyCheck: row["key_check"])
        }
    }

    /// Chooses how this store names patients, for good, with an audit event. Choosing the same again changes nothing.
    ///
    /// - Throws: `StoreError.identifiers` when the store has chosen otherwise, or with another key.
    public func choose(_ identifiers: StoredIdentifiers) throws(StoreError) {
        if let chosen = try self.identifiers() {
            guard chosen == identifiers else {
                throw .identifiers(path: path, chosen: chosen.policy, wanted: identifiers.policy)
            }
            return
        }
        try write { db in
            try db.run(
                sql: "INSERT INTO identifiers (id, policy, key_check, chosen_at) VALUES (1, ?, ?, ?)",
                arguments: [identifiers.policy.rawValue, identifiers.keyCheck, now().description])
            try append(
                .identifiersChosen, subject: path,
                details: [
                    "policy": .string(identifiers.policy.rawValue), "key_check": JSONValue(identifiers.keyCheck),
                ], at: now(), db)
        }
    }
}

/// A store's choice.
public struct StoredIdentifiers: Sendable, Hashable {
    /// How patients are named.
    public let policy: IdentifierPolicy
    /// Tells one key from another, without saying anything of either; nil where no key is used.
    public let keyCheck: String?

    /// See the properties.
    public init(policy: IdentifierPolicy, keyCheck: String?) {
        self.policy = policy
        self.keyCheck = keyCheck
    }
}
