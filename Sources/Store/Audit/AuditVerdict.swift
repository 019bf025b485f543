import Foundation

/// What `StudyStore.verifyAudit` found.
public struct AuditVerdict: Sendable, Hashable {
    /// One thing that is not as it was recorded.
    public struct Problem: Sendable, Hashable {
        /// What is wrong with an event.
        public enum Kind: String, Sendable, Hashable {
            /// Its content or hash is not what was recorded.
            case altered
            /// It is no longer there.
            case removed
            /// It stands at another position than it was recorded at.
            case reordered
            /// It was not recorded by this program.
            case added
            /// The event stands, but the reading or failure that it recorded does not.
            case record
        }

        /// The event that is named.
        public let sequence: Int64
        /// What is wrong.
        public let kind: Kind
        /// One sentence.
        public let message: String
    }

    /// Events found.
    public let events: Int64
    /// Hash of the last one found.
    public let head: [UInt8]
    /// In the order of the chain; the first `StudyStore.verifyAudit` problems only.
    public let problems: [Problem]
    /// All problems, also those not listed.
    public let problemCount: Int

    /// Nothing is wrong.
    public var isIntact: Bool { problemCount == 0 }

    /// The verdict for people: one line, and one more per problem.
    /// - Parameter store: the store's path.
    public func text(of store: String) -> String {
        let head = "\(events) events, last \(hexadecimal(self.head))"
        if isIntact { return "\(store): the audit chain is intact (\(head))" }
        let more = problemCount > problems.count ? ["and \(problemCount - problems.count) more"] : []
        return (["\(store): the audit chain is broken (\(head))"] + problems.map { OneLine.text($0.message) } + more)
            .joined(
                separator: "\n  ")
    }

    /// The verdict for programs.
    public var json: JSONValue {
        [
            "intact": .bool(isIntact), "events": .int(events), "head": .string(hexadecimal(head)),
            "problem_count": JSONValue(problemCount),
            "problems": .array(
                problems.map {
                    ["sequence": .int($0.sequence), "kind": .string($0.kind.rawValue), "message": .string($0.message)]
                }),
        ]
    }
}

/// Walks a chain in its order and names what does not fit. Holds a few events at a time, so that any length can be checked.
struct AuditWalk {
    private(set) var problems: [AuditVerdict.Problem] = []
    private(set) var problemCount = 0
    private(set) var count: Int64 = 0
    private(set) var last: Int64 = 0
    private(set) var hash = AuditEvent.firstPrevious
    /// Hashes near the current event: what a moved event may have followed.
    private var nearby: [[UInt8]] = [AuditEvent.firstPrevious]
    private var ahead: [AuditEvent] = []

    /// How far from its place a moved event is looked for.
    static let reach = 8
    /// Problems that are listed.
    static let listed = 100

    /// Takes the next event of the table, in sequence order.
    mutating func take(_ event: AuditEvent) {
        ahead.append(event)
        if ahead.count > Self.reach { checkFirst() }
    }

    /// Checks what is left, and the end of the chain against the recorded head.
    mutating func finish(head: AuditHead?) {
        while !ahead.isEmpty { checkFirst() }
        guard let head else {
            report(last, .removed, "the record of the chain's end is missing")
            return
        }
        if head.count > last {
            report(
                last + 1, .removed,
                "\(Self.name(last + 1, head.count)) missing from the end of the chain, which had \(head.count) events")
        } else if head.count < last {
            report(
                head.count + 1, .added,
                "\(Self.name(head.count + 1, last)) not recorded by this program: the chain ended with \(head.count)")
        } else if head.hash != hash, last > 0 {
            report(last, .altered, "event \(last), the last, is not the one that was recorded last")
        }
    }

    mutating func report(_ sequence: Int64, _ kind: AuditVerdict.Problem.Kind, _ message: String) {
        problemCount += 1
        if problems.count < Self.listed {
            problems.append(AuditVerdict.Problem(sequence: sequence, kind: kind, message: message))
        }
    }

    private mutating func checkFirst() {
        let event = ahead.removeFirst()
        let hasGap = event.sequence != last + 1
        if hasGap {
            report(last + 1, .removed, "\(Self.name(last + 1, event.sequence - 1)) missing")
        }
        // After a gap the previous hash is unknown, so that only the next event can vouch for this one.
        if !hasGap, event.expectedHash(after: hash) != event.hash {
            if let place = originalPlace(of: event) {
                report(
                    event.sequence, .reordered,
                    "event \(place) stands at position \(event.sequence): events were reordered or renumbered")
            } else {
                report(
                    event.sequence, .altered,
                    "event \(event.sequence) (\(event.action): \(event.subject)) does not follow from event "
                        + "\(last) as it stands: it was altered, or the event before it was rewritten with a new hash")
            }
        }
        count += 1
        last = event.sequence
        hash = event.hash
        nearby.append(event.hash)
        if nearby.count > 2 * Self.reach { nearby.removeFirst() }
    }

    /// The position that makes the event's own hash right, if one nearby does.
    private func originalPlace(of event: AuditEvent) -> Int64? {
        let previous = nearby + [event.hash] + ahead.map(\.hash)
        for distance in 1...Int64(Self.reach) {
            for place in [event.sequence + distance, event.sequence - distance] where place > 0 {
                let moved = AuditEvent(
                    sequence: place, at: event.at, actor: event.actor, host: event.host, action: event.action,
                    subject: event.subject, details: event.details)
                if previous.contains(where: { moved.expectedHash(after: $0) == event.hash }) { return place }
            }
        }
        return nil
    }

    private static func name(_ first: Int64, _ last: Int64) -> String {
        first == last ? "event \(first) is" : "events \(first) to \(last) are"
    }
}

/// What a "scan read" event recorded, for the comparison with the readings as they stand.
struct ScanReadDetails: Decodable {
    let run: String
    let sha256: String
    let model: String
    let preprocessing: String
    let new: Int
    let readingsSHA256: String

    private enum CodingKeys: String, CodingKey {
        case run, sha256, model, preprocessing, new
        case readingsSHA256 = "readings_sha256"
    }

    init?(_ text: String) {
        guard let details = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)) else { return nil }
        self = details
    }
}

extension AuditEvent {
    /// The event as one line of JSON (keys ordered, no line break): its fields, `details` as an object, hashes in hexadecimal.
    /// - Parameter previous: the hash of the event before it.
    public func jsonLine(after previous: [UInt8]) -> String {
        let isObject = (try? JSONSerialization.jsonObject(with: Data(details.utf8))) is [String: Any]
        let fields: [(String, String)] = [
            ("action", JSONValue.string(action).canonical), ("actor", JSONValue.string(actor).canonical),
            ("at", JSONValue.string(at).canonical),
            // Details that were damaged are shown as the text they are.
            ("details", isObject ? details : JSONValue.string(details).canonical),
            ("hash", "\"\(hexadecimal(hash))\""), ("host", JSONValue.string(host).canonical),
            ("previous", "\"\(hexadecimal(previous))\""), ("sequence", String(sequence)),
            ("subject", JSONValue.string(subject).canonical),
        ]
        return "{" + fields.map { "\"\($0.0)\":\($0.1)" }.joined(separator: ",") + "}"
    }
}
