import Foundation

/// A moment in UTC as the store writes it: RFC 3339 with milliseconds, `2026-11-24T01:30:05.123Z`.
///
/// Texts of this form order as the moments they name.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Milliseconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX time).
    public let milliseconds: Int64

    /// The moment `milliseconds` after 1970-01-01T00:00:00Z.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// The system clock's moment.
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Reads back exactly what `description` writes; nil for any other text.
    public init?(_ text: String) {
        let digits = text.utf8.filter { $0 >= 0x30 && $0 <= 0x39 }.compactMap { Int32($0) - 0x30 }
        guard text.utf8.count == 24, digits.count == 17 else { return nil }
        func number(_ range: Range<Int>) -> Int32 { digits[range].reduce(0) { $0 * 10 + $1 } }
        var parts = tm()
        parts.tm_year = number(0..<4) - 1900
        parts.tm_mon = number(4..<6) - 1
        parts.tm_mday = number(6..<8)
        parts.tm_hour = number(8..<10)
        parts.tm_min = number(10..<12)
        parts.tm_sec = number(12..<14)
        self.init(milliseconds: Int64(timegm(&parts)) * 1000 + Int64(number(14..<17)))
        guard description == text else { return nil }
    }

    /// RFC 3339 with milliseconds, UTC.
    public var description: String {
        let parts = calendar
        return "\(Self.pad(parts.tm_year + 1900, 4))-\(Self.pad(parts.tm_mon + 1, 2))-\(Self.pad(parts.tm_mday, 2))"
            + "T\(Self.pad(parts.tm_hour, 2)):\(Self.pad(parts.tm_min, 2)):\(Self.pad(parts.tm_sec, 2))"
            + ".\(Self.pad(Int32(fraction), 3))Z"
    }

    /// `20261124-013005`: the part of a run's id that says when it began.
    public var compact: String {
        let parts = calendar
        return "\(Self.pad(parts.tm_year + 1900, 4))\(Self.pad(parts.tm_mon + 1, 2))\(Self.pad(parts.tm_mday, 2))"
            + "-\(Self.pad(parts.tm_hour, 2))\(Self.pad(parts.tm_min, 2))\(Self.pad(parts.tm_sec, 2))"
    }

    /// Earlier before later.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// Seconds from `earlier` to this moment.
    public func seconds(since earlier: Timestamp) -> Double { Double(milliseconds - earlier.milliseconds) / 1000 }

    private var fraction: Int64 { ((milliseconds % 1000) + 1000) % 1000 }

    private var calendar: tm {
        var seconds = time_t((milliseconds - fraction) / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return parts
    }

    private static func pad(_ value: Int32, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
