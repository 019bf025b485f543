public import Store

/// What can go wrong while a report is made.
public enum ReportingError: Error, CustomStringConvertible, Equatable {
    /// The store could not be read, or the report not written.
    case store(StoreError)
    /// A template of this program does not parse: a fault of the program, not of the run.
    case template(name: String, detail: String)
    /// Two runs that cannot be compared.
    case incomparable(String)

    /// One or two sentences.
    public var description: String {
        switch self {
        case .store(let error): error.description
        case .template(let name, let detail):
            "the report template \(name) does not parse (\(detail)); install this program anew"
        case .incomparable(let reason): "these runs cannot be compared: \(reason)"
        }
    }
}

/// Runs `body`, whose errors come from the store.
func fromStore<T>(_ body: () throws(StoreError) -> T) throws(ReportingError) -> T {
    do { return try body() } catch { throw .store(error) }
}
